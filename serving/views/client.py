"""The MongoDB client: its guarantees, and its errors as ours.

Writes wait for the majority of the replica set. No call takes longer than `mongo.timeout_s`; after that it raises
`UnavailableError`.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bson.errors import BSONError
from pymongo import MongoClient
from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError

from config.errors import UnavailableError, UsageError
from config.settings import MongoSettings
from serving.views import validation

logging.getLogger("pymongo").setLevel(logging.WARNING)

Document = dict[str, Any]

DUPLICATE_KEY = 11000
"""Code of a write error: another document has the key."""


def client_of(settings: MongoSettings) -> MongoClient[Document]:
    """A client with our guarantees: majority, journaled, retried once by the driver, and no call without an end."""
    limit = int(settings.timeout_s * 1000)
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
    except (InvalidURI, ConfigurationError, ValueError):  # the text of these may hold the password
        raise UsageError(
            "not a MongoDB connection string", where="mongo.uri", next_step="See `trends config`"
        ) from None


@contextmanager
def mongo_errors() -> Iterator[None]:
    """Translates the driver's errors, without the connection string, and damaged documents into errors of `config`."""
    try:
        yield
    except PyMongoError as error:
        raise UnavailableError(
            f"{type(error).__name__}: {str(error).split(', Timeout:')[0][:300]}",
            where="MongoDB",
            next_step="See `trends status` and `trends logs mongo`",
        ) from error
    except (BSONError, LookupError, TypeError, ValueError, OverflowError, UsageError) as error:
        raise validation.unreadable(error) from error
