"""A login, a right, a certificate or a name that is not in order is one sentence of MongoDB, without the password."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError

from config.errors import UnavailableError, UsageError
from config.settings import MongoSettings, Settings
from config.stack.paths import StackPaths
from config.stack.servers.mongo import Mongo
from serving.views.client import client_of, mongo_errors
from tests.support.certificates import Authority, tls_listener


def settings(uri: str) -> MongoSettings:
    return MongoSettings(uri=SecretStr(uri), timeout_s=2)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OperationFailure("Authentication failed.", 18), "authentication failed, user a@b. Correct the user"),
        (OperationFailure("not authorized on trends to execute command", 13), "user a@b has no right: not authorized"),
        (
            ConfigurationError("The DNS query name does not exist: _mongodb._tcp.db.example."),
            "no DNS answer for mongodb\\+srv: The DNS query name does not exist: _mongodb._tcp.db.example",
        ),
        (ConfigurationError("All nameservers failed to answer the query"), "no DNS answer"),
    ],
)
def test_an_error_says_which_user_and_what_next(error: PyMongoError, told: str) -> None:
    client_of(settings("mongodb://a%40b:hunter2@127.0.0.1:1/?authSource=admin")).close()
    with pytest.raises(UnavailableError, match=f"MongoDB: {told}") as raised, mongo_errors():
        raise error
    assert "hunter2" not in str(raised.value)


def test_a_certificate_that_has_expired_or_has_an_unknown_ca_is_told_as_such(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path, "ca"), Authority(tmp_path, "other")
    for days, ca, told in ((-1, authority, "has expired"), (1, other, r"no CA .* mongo\.uri \(tlsCAFile\)")):
        with tls_listener(authority.sign("server", days=days)) as port:
            client = client_of(settings(f"mongodb://127.0.0.1:{port}/?tls=true&tlsCAFile={ca.path}"))
            with client, pytest.raises(UnavailableError, match=told), mongo_errors():
                client.admin.command("ping")


def test_a_file_of_the_uri_that_is_missing_is_a_usage_error(tmp_path: Path) -> None:
    uri = f"mongodb://me:hunter2@db.example/?tls=true&tlsCAFile={tmp_path}/none"
    for build in (
        lambda: client_of(settings(uri)),
        lambda: Mongo(Settings(mongo=settings(uri)), StackPaths(tmp_path, tmp_path)),
    ):
        with pytest.raises(UsageError, match=r"mongo\.uri: can't read a file that it names") as raised:
            build()
        assert "hunter2" not in str(raised.value)


def test_the_stack_asks_no_name_server_for_a_set_elsewhere(tmp_path: Path) -> None:
    uri = "mongodb+srv://me:hunter2@db.example/?authSource=admin"
    server = Mongo(Settings(mongo=settings(uri)), StackPaths(tmp_path, tmp_path))
    assert (server.address, server.ports()) == ("db.example:27017", [])
