"""Users of a secure mongod: `admin`, which may do everything and makes the rest, and `trends` with its databases.

The first user has to be the administrator: with it mongod closes the way in without a password, which it has on
loopback alone.
"""

from typing import Any
from urllib.parse import urlencode

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from config.settings.secure_stack import USER, SecureFiles, mongo_uri

ANSWER_MS = 2000
OWNER = "admin"
AUTHENTICATION_FAILED, USER_EXISTS = 18, 51003
Document = dict[str, Any]


def may_write(files: SecureFiles, node: str, database: str) -> bool:
    """Whether a node is a primary that lets `trends` write a database. Raises `PyMongoError`."""
    client: MongoClient[Document]
    with _direct(mongo_uri(files, USER, node)) as client:
        try:
            roles = client.admin.command("connectionStatus")["authInfo"]["authenticatedUserRoles"]
        except OperationFailure as error:
            if error.code == AUTHENTICATION_FAILED:
                return False
            raise
        return _right(database) in roles and bool(client.admin.command("hello").get("isWritablePrimary"))


def owner(files: SecureFiles, node: str) -> "MongoClient[Document]":
    """A client as the administrator; one without a user where there is none yet. Raises `PyMongoError`."""
    client = _direct(mongo_uri(files, OWNER, node))
    try:
        client.admin.command("ping")
    except PyMongoError as error:
        client.close()
        if not isinstance(error, OperationFailure) or error.code != AUTHENTICATION_FAILED:
            raise
        return _direct(f"mongodb://{node}/?{urlencode({'tls': 'true', 'tlsCAFile': str(files.ca)})}")
    return client


def make(client: "MongoClient[Document]", files: SecureFiles, database: str) -> None:
    """Take one step towards the users: the administrator, then `trends`, then its right to a database.

    Raises `PyMongoError`. A new administrator has to connect as such for the next step.
    """
    known = client.admin.command("connectionStatus")["authInfo"]["authenticatedUsers"]
    if not known:
        client.admin.command("createUser", OWNER, pwd=files.password(f"mongo-{OWNER}"), roles=["root"])
        return
    role = _right(database)
    try:
        client.admin.command("createUser", USER, pwd=files.password(f"mongo-{USER}"), roles=[role])
    except OperationFailure as error:
        if error.code != USER_EXISTS:
            raise
        client.admin.command("grantRolesToUser", USER, roles=[role])


def _direct(uri: str) -> "MongoClient[Document]":
    return MongoClient(uri, directConnection=True, serverSelectionTimeoutMS=ANSWER_MS)


def _right(database: str) -> dict[str, str]:
    return {"role": "readWrite", "db": database}
