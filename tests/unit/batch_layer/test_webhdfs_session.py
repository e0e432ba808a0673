"""WebHDFS with a proof: what a request carries, which certificates count, and the sentence of a refusal."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from pydantic import ValidationError

from batch_layer.spark.session import configuration
from batch_layer.storage.webhdfs import HdfsStore
from config.errors import TrendsError, UnavailableError, UsageError
from config.settings import HdfsSettings, SparkSettings
from tests.support.certificates import Authority

STATUS = {"FileStatus": {"length": 7, "type": "FILE", "modificationTime": 0, "pathSuffix": ""}}


class Gateway(BaseHTTPRequestHandler):
    """Answers GETFILESTATUS as Hadoop does, and remembers the requests."""

    protocol_version = "HTTP/1.1"
    status = 200
    body: object = STATUS
    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        content = json.dumps(self.body).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def gateway(identity: Path | None = None, status: int = 200, body: object = STATUS) -> Iterator[tuple[int, list[str]]]:
    seen: list[str] = []
    handler = type("_", (Gateway,), {"status": status, "body": body, "seen": seen})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # a client that hangs up is the point
        if identity:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(identity)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1], seen
        finally:
            server.shutdown()
            thread.join()


def asked(seen: list[str]) -> tuple[str, dict[str, list[str]]]:
    (target,) = seen
    return urlsplit(target).path, parse_qs(urlsplit(target).query)


@pytest.mark.parametrize("path", ["", "/", "/webhdfs/v1", "/gateway/default/webhdfs/v1", "/gateway/default/"])
def test_an_address_may_have_the_path_of_a_gateway_and_that_of_the_protocol(path: str) -> None:
    with gateway() as (port, seen):
        store = HdfsStore(HdfsSettings(url=f"http://127.0.0.1:{port}{path}", user="me"))
        assert store.bytes_of("/a/file") == 7
    before = "/gateway/default" if "gateway" in path else ""
    assert asked(seen) == (f"{before}/webhdfs/v1/a/file", {"op": ["GETFILESTATUS"], "user.name": ["me"]})


def test_a_delegation_token_takes_the_place_of_the_name() -> None:
    with gateway() as (port, seen):
        settings = HdfsSettings.model_validate(
            {"url": f"http://127.0.0.1:{port}", "auth": "token", "token": "token-of-hdfs"}
        )
        assert HdfsStore(settings).bytes_of("/a") == 7
    assert asked(seen)[1] == {"op": ["GETFILESTATUS"], "delegation": ["token-of-hdfs"]}


def test_https_holds_the_server_to_the_ca_of_the_settings(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path, "ca"), Authority(tmp_path, "other")
    with gateway(authority.sign("server")) as (port, _):
        url = f"https://127.0.0.1:{port}"
        assert HdfsStore(HdfsSettings(url=url, ca_file=authority.path)).bytes_of("/a") == 7
        with pytest.raises(UnavailableError, match=r"no CA that this client knows .*hdfs\.ca_file"):
            HdfsStore(HdfsSettings(url=url, ca_file=other.path)).bytes_of("/a")


def test_an_expired_certificate_is_told_as_one(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    with (
        gateway(authority.sign("server", days=-1)) as (port, _),
        pytest.raises(UnavailableError, match="its certificate has expired"),
    ):
        HdfsStore(HdfsSettings(url=f"https://127.0.0.1:{port}", ca_file=authority.path)).bytes_of("/a")


@pytest.mark.parametrize(
    ("more", "step"),
    [({}, "set hdfs.auth"), ({"auth": "token", "token": "token-of-hdfs"}, "Fetch a new delegation token")],
)
def test_a_refused_proof_is_told_with_the_next_step(more: dict[str, str], step: str) -> None:
    with gateway(status=401, body={}) as (port, seen):
        settings = HdfsSettings.model_validate({"url": f"http://127.0.0.1:{port}", **more})
        with pytest.raises(TrendsError, match=step) as told:
            HdfsStore(settings).bytes_of("/a")
    assert not told.value.retriable
    assert len(seen) == 1
    assert "token-of-hdfs" not in str(told.value)


def test_an_expired_token_is_told_with_the_next_step() -> None:
    words = {"RemoteException": {"exception": "SecurityException", "message": "token (kind) is expired"}}
    with gateway(status=403, body=words) as (port, _):
        settings = HdfsSettings.model_validate(
            {"url": f"http://127.0.0.1:{port}", "auth": "token", "token": "any-token"}
        )
        with pytest.raises(TrendsError, match="Fetch a new delegation token"):
            HdfsStore(settings).bytes_of("/a")


def test_kerberos_without_its_package_and_a_ca_that_is_missing_are_usage_errors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "requests_kerberos", None)
    with pytest.raises(UsageError, match=r"pip install 'trends-lambda\[kerberos\]'"):
        HdfsStore(HdfsSettings(auth="kerberos")).bytes_of("/a")
    with pytest.raises(UsageError, match=r"hdfs\.ca_file: no such file"):
        HdfsStore(HdfsSettings(ca_file=tmp_path / "none")).bytes_of("/a")


@pytest.mark.parametrize(
    "table",
    [
        {"auth": "token"},
        {"token": "any-token"},
        {"principal": "trends@EXAMPLE"},
        {"auth": "kerberos", "keytab": "/etc/trends.keytab"},
    ],
)
def test_a_proof_without_its_parts_is_refused(table: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        HdfsSettings.model_validate(table)


def test_spark_gets_principal_and_keytab_and_then_no_name(tmp_path: Path) -> None:
    kerberos = HdfsSettings(auth="kerberos", principal="trends@EXAMPLE", keytab=Path("/etc/trends.keytab"))
    conf = configuration(SparkSettings(), kerberos, tmp_path, 0)
    assert conf["spark.kerberos.principal"] == "trends@EXAMPLE"
    assert conf["spark.kerberos.keytab"] == "/etc/trends.keytab"
    assert conf["spark.hadoop.hadoop.security.authentication"] == "kerberos"
    assert "HADOOP_USER_NAME" not in conf["spark.driver.extraJavaOptions"]
    simple = configuration(SparkSettings(), HdfsSettings(user="me"), tmp_path, 0)
    assert "HADOOP_USER_NAME=me" in simple["spark.driver.extraJavaOptions"]
    assert not [name for name in simple if "kerberos" in name]


@pytest.mark.parametrize("why", ["[Errno -2] Name or service not known", "SSLError(1, 'wrong version number')"])
def test_the_token_in_the_address_of_a_data_node_is_in_no_error(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A NameNode that knows us by Kerberos sends us to a DataNode with a token that we never had in a setting."""

    def lost(*_: object, **__: object) -> None:
        at = "host='node', port=9864): Max retries exceeded with url: /webhdfs/v1/f?op=OPEN&delegation=HAAEdGVz"
        raise requests.ConnectionError(f"HTTPConnectionPool({at} (Caused by {why}))")

    monkeypatch.setattr(requests.Session, "send", lost)
    with pytest.raises(UnavailableError) as told:
        HdfsStore(HdfsSettings()).get("/f")
    assert "HAAEdGVz" not in str(told.value)
    assert why.partition("] ")[2].rstrip(")") in str(told.value)
