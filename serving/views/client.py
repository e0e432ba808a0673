"""The MongoDB client: its guarantees, and its errors as ours.

Writes wait for the majority of the replica set. No call takes longer than `mongo.timeout_s`; after that it raises
`UnavailableError`.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from bson.errors import BSONError
from pymongo import MongoClient
from pymongo.errors import ConfigurationError, InvalidURI, OperationFailure, PyMongoError

from config.errors import UnavailableError, UsageError
from config.settings import MongoSettings
from config.settings.network.certificate_errors import certificate_problem
from serving.views import validation

logging.getLogger("pymongo").setLevel(logging.WARNING)

Document = dict[str, Any]

_NO_URI = "not a MongoDB connection string"
DUPLICATE_KEY = 11000
"""Code of a write error: another document has the key."""


_NO_NAME = re.compile(r"DNS|SRV|nameservers|resolution lifetime")
"""Words of the driver for a name of `mongodb+srv` that has no answer."""
_REFUSED_LOGIN, _NO_RIGHT = 18, 13
_logins: dict[str, str] = {}
"""The user of this process, for its messages: the server does not name it."""


def client_of(settings: MongoSettings) -> MongoClient[Document]:
    """A client with our guarantees: majority, journaled, retried once by the driver, and no call without an end.

    Every option of the URI holds but those. Raises `UsageError` for a URI that the driver can't read,
    `UnavailableError` where a name of `mongodb+srv` has no answer.
    """
    limit = int(settings.timeout_s * 1000)
    _logins["user"] = _user(settings.uri.get_secret_value())
    try:
        return MongoClient(
            settings.uri.get_secret_value(),
            tz_aware=True,
            serverSelectionTimeoutMS=limit,
            connectTimeoutMS=limit,
            socketTimeoutMS=3 * limit,
            w="majority",
            readConcernLevel="majority",
            appname="trends",
        )
    except (InvalidURI, ConfigurationError, ValueError, OSError) as error:  # the text may hold the password
        if isinstance(error, ConfigurationError) and _NO_NAME.search(str(error)):
            raise _without_name(error) from None
        what = f"can't read a file that it names: {error.strerror}" if isinstance(error, OSError) else _NO_URI
        raise UsageError(what, where="mongo.uri", next_step="See `trends config`") from None


def _problem(error: PyMongoError) -> UnavailableError | None:
    """The error for a login, a right, a certificate or a name that is not in order; none for any other."""
    code = error.code if isinstance(error, OperationFailure) else None
    user = _logins.get("user") or "nobody: mongo.uri names no user"
    if code == _REFUSED_LOGIN:
        step = "Correct the user, the password or authSource in mongo.uri"
        return UnavailableError(f"authentication failed, user {user}", where="MongoDB", next_step=step)
    if code == _NO_RIGHT:
        step = "Grant the role readWrite on mongo.database; in mongo.uri, authSource names the database of the user"
        return UnavailableError(f"user {user} has no right: {error}"[:300], where="MongoDB", next_step=step)
    if isinstance(error, ConfigurationError) and _NO_NAME.search(str(error)):
        return _without_name(error)
    what, step = certificate_problem(error, "mongo.uri (tlsCAFile)", "mongo.uri")
    return UnavailableError(what, where="MongoDB", next_step=step) if what else None


def _without_name(error: ConfigurationError) -> UnavailableError:
    step = "Correct the name in mongo.uri, or the name server of this machine"
    return UnavailableError(f"no DNS answer for mongodb+srv: {error}"[:300], where="MongoDB", next_step=step)


def _user(uri: str) -> str:
    """The user in a URI; empty without one."""
    login, at, _ = uri.partition("://")[2].partition("/")[0].rpartition("@")
    return unquote(login.partition(":")[0]) if at else ""


@contextmanager
def mongo_errors() -> Iterator[None]:
    """Translates the driver's errors, without the connection string, and damaged documents into errors of `config`."""
    try:
        yield
    except PyMongoError as error:
        if problem := _problem(error):
            raise problem from error
        raise UnavailableError(
            f"{type(error).__name__}: {str(error).split(', Timeout:')[0][:300]}",
            where="MongoDB",
            next_step="See `trends status` and `trends logs mongo`",
        ) from error
    except (BSONError, LookupError, TypeError, ValueError, OverflowError, UsageError) as error:
        raise validation.unreadable(error) from error
