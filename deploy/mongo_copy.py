"""A copy of MongoDB in files: `python -m deploy.mongo_copy dump FOLDER`, `python -m deploy.mongo_copy restore FOLDER`.

It does what mongodump and mongorestore do where nobody has these, on the database that the settings name. A file for
each collection holds its documents as BSON, packed by gzip, all as of one moment: so a dump wants a folder of its own.
Restore with the services stopped: it reads all files once, then replaces each collection that the folder has; the
services make the indexes again.
"""

import gzip
import os
import sys
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bson import decode_file_iter
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument

from config.errors import DamagedError, TrendsError, UsageError
from config.quantity import quantity
from config.settings import Settings
from serving.views.client import mongo_errors
from serving.views.store import Store

ENDING = ".bson.gz"
AT_ONCE = 1_000
RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
"""Documents as they are: no type changes on the way."""


def dump(settings: Settings, folder: Path) -> int:
    """Write every collection into an empty folder for its user alone; the number of documents. Raises `TrendsError`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise UsageError("has files already", where=str(folder), next_step="Name an empty folder: a dump is one moment")
    documents = 0
    with mongo_errors(), Store(settings.mongo) as store, store.client.start_session(snapshot=True) as session:
        database = store.client[settings.mongo.database].with_options(codec_options=RAW)
        for name in database.list_collection_names():
            partial = folder / f".{name}"
            with gzip.open(partial, "wb") as file:
                for document in database[name].find(session=session):
                    file.write(document.raw)
                    documents += 1
            partial.rename(folder / f"{name}{ENDING}")
    return documents


def restore(settings: Settings, folder: Path) -> int:
    """Replace each collection that a folder has; the number of documents. Raises `TrendsError`."""
    files = sorted(folder.glob(f"*{ENDING}"))
    if not files:
        raise UsageError(f"no file that ends in {ENDING}", where=str(folder))
    documents = sum(1 for path in files for _ in _documents(path))
    with mongo_errors(), Store(settings.mongo) as store:
        for path in files:
            collection = store.client[settings.mongo.database][path.name.removesuffix(ENDING)]
            collection.delete_many({})
            left = _documents(path)
            while some := list(islice(left, AT_ONCE)):
                collection.insert_many(some)
    return documents


def _documents(path: Path) -> Iterator[RawBSONDocument]:
    """The documents of a file. Raises `DamagedError`."""
    try:
        with gzip.open(path, "rb") as file:
            yield from decode_file_iter(file, RAW)
    except (BSONError, EOFError, OSError, zlib.error) as error:
        step = "Restore another dump; this one has replaced nothing"
        raise DamagedError(f"{type(error).__name__}: {error}"[:200], where=str(path), next_step=step) from None


def main(arguments: list[str]) -> None:
    """Do what the command line says. Raises `TrendsError`."""
    match arguments:
        case ["dump", folder]:
            documents = dump(Settings.read(), Path(folder))
        case ["restore", folder]:
            documents = restore(Settings.read(), Path(folder))
        case _:
            raise UsageError("wants `dump FOLDER` or `restore FOLDER`", where="deploy.mongo_copy")
    sys.stderr.write(f"{quantity(documents, 'document')}\n")


if __name__ == "__main__":
    os.umask(0o077)
    try:
        main(sys.argv[1:])
    except (TrendsError, OSError) as error:
        sys.exit(f"trends: {error}")
