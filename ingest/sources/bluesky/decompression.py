"""Decompression of records that zstd packs one by one, with a dictionary that both sides have."""

import sys
from pathlib import Path

from config.errors import UsageError
from ingest.sources.formats.lines import MOST_BYTES
from ingest.sources.unpacking.packing import ZSTD

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_MOST_DICTIONARY_BYTES = 10_000_000
_WINDOW_LOG = 23
"""Most memory of one frame: 8 MB."""
_WHERE_FROM = "Take pkg/models/zstd_dictionary of github.com/bluesky-social/jetstream-legacy as it is (its raw form)"


class DecompressionError(Exception):
    """A record does not decompress."""


class RecordDecompressor:
    """Unpacks records with a dictionary. Raises `UsageError` for an unreadable or wrong file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            with file.open("rb") as opened:
                content = opened.read(_MOST_DICTIONARY_BYTES)
        except OSError as error:
            raise UsageError(f"can't be read: {error.strerror}", where=str(file), next_step=_WHERE_FROM) from None
        try:
            self._dictionary = zstd.ZstdDict(content)
        except (zstd.ZstdError, ValueError):
            raise UsageError("not a zstd dictionary", where=str(file), next_step=_WHERE_FROM) from None

    def decompress(self, record: bytes) -> bytes:
        """The decompressed record; a plain one as it is. Raises `DecompressionError`.

        It never decompresses more than `MOST_BYTES`, however small the record.
        """
        if not record.startswith(ZSTD):
            return record
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        try:
            named = zstd.get_frame_info(record).dictionary_id
            if named not in (0, self._dictionary.dict_id):
                raise DecompressionError(f"packed with dictionary {named}, and this one is {self._dictionary.dict_id}")
            decompressor = zstd.ZstdDecompressor(self._dictionary, options)
            found = decompressor.decompress(record, MOST_BYTES)
        except zstd.ZstdError as error:
            raise DecompressionError(str(error)) from None
        if not decompressor.eof:
            raise DecompressionError(
                "it is cut off" if decompressor.needs_input else f"it has more than {MOST_BYTES} bytes"
            )
        return found
