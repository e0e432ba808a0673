"""Indexes: the collections of `serving.views.documents` with their indexes, as MongoDB has to have them."""

import logging

from pymongo import DESCENDING
from pymongo.database import Database
from pymongo.errors import OperationFailure

from serving.views.documents import (
    ALERTS,
    COLLECTIONS,
    DUE_HOURS,
    HOURS,
    LANES,
    LENSES,
    PHRASE_USES,
    SAMPLES,
    USES,
    WRITERS,
)

log = logging.getLogger(__name__)

AGAIN_S = 60.0
"""How often a service makes sure of them: a database that somebody has dropped comes back with its indexes."""
_EXISTS = 48


def prepare(database: Database[dict[str, object]]) -> None:
    """Make the collections (a transaction can't) and their indexes. Idempotent; raises what the driver raises."""
    for name in COLLECTIONS - set(database.list_collection_names()):
        try:
            database.create_collection(name, check_exists=False)
        except OperationFailure as error:
            if error.code != _EXISTS:
                raise
            log.debug("%s was made by another process meanwhile", name)
    ranked: list[str | tuple[str, int]] = ["hour", ("count", DESCENDING), "tag", "shown"]
    database[USES].create_index(ranked, name="ranked")
    database[PHRASE_USES].create_index(["kind", *ranked], name="ranked")
    for name in (USES, PHRASE_USES, LANES, WRITERS):
        database[name].create_index("expires", name="janitor", expireAfterSeconds=0)
    for name in (HOURS, LENSES, SAMPLES, PHRASE_USES):
        database[name].create_index("hour", name="by_hour")
    database[LENSES].create_index(["kind", "source", "hour"], name="by_lens")
    database[HOURS].create_index(["rule", "complete", "dirty"], name="by_state")
    database[HOURS].create_index(["sources.0", "hour"], name="by_first_source")
    for name, value in (("dirty", True), ("complete", False), ("unsent", True)):
        database[HOURS].create_index([name, "hour"], name=name, partialFilterExpression={name: value})
    database[ALERTS].create_index(["rule", "hour"], name="by_rule")
    database[ALERTS].create_index(["state", "created_at"], name="by_state")
    database[DUE_HOURS].create_index(["archive", "hour"], name="by_hour")
