"""The reader for a content: of the format that an option names, or that its first bytes tell."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from config.errors import UsageError
from ingest.post import Post
from ingest.sources.files.detect import Detection, detect, first_object, is_document
from ingest.sources.files.layouts import Choice, Layout, in_documents, in_lines, in_rows
from ingest.sources.formats.contract import Reader, Reading
from ingest.sources.formats.csv_header import FormatOptions, header_of
from ingest.sources.formats.csv_posts import CsvReader
from ingest.sources.formats.json_fields import guess_fields
from ingest.sources.registry import make_reader, published_on
from ingest.sources.unpacking.content import HEAD_BYTES, Content
from ingest.sources.unpacking.packing import refuse_unreadable

TIMED_BY_ID = ("csv", "json", "parquet", "x-v1", "x-v2")
"""Formats whose posts may have ids that tell the time."""


@dataclass(frozen=True)
class ReaderChoice:
    """Chooses a reader by the options for all files."""

    reading: Reading
    format: str
    asked: FormatOptions
    say: Callable[[str], None]

    def of(self, content: Content) -> Choice[Post] | None:
        """The reader for a content; none where there is nothing in it. Raises `UsageError` where there can't be one."""
        if content.blank and content.broken is None:
            if not content.longer:
                return None
            raise UsageError(f"its first {HEAD_BYTES:,} bytes are blank", where=content.where, next_step="Look into it")
        found = self._named(content) if self.format != "auto" else detect(content, self.asked)
        if found is None:
            return None
        if self.format == "auto":
            self.say(f"{content.name}: reading it as {found.format}, since {found.why}")
        return self._choice(content, found)

    def _choice(self, content: Content, found: Detection) -> Choice[Post]:
        if self.reading.time_from_id and found.format not in TIMED_BY_ID:
            raise UsageError(
                f"ids of {found.format} hold no time", where=content.where, next_step="Leave out --time-from"
            )
        source = self.reading.source or published_on(found.format)
        reading = replace(self.reading, source=source)
        layout: Layout = in_documents if found.document else in_lines
        reader: Reader
        if found.format == "parquet":
            from ingest.sources.formats.parquet_rows import fields_of, open_parquet  # noqa: PLC0415 - it takes 0.7 s, which others need not

            file = open_parquet(content)
            layout = in_rows(file)
            reader = self._of_fields(fields_of(file, self.asked.columns, content.where), reading)
        elif found.header is not None:
            columns = msgspec.structs.replace(found.header.columns, source=source, time_from=reading.time_from)
            reader = CsvReader(columns, reading, found.header.lines)
        elif found.format == "json":
            reader = self._of_fields(found.fields, reading)
        else:
            reader = make_reader(found.format, {}, reading)
        if self.reading.langs and not reader.has_lang:
            raise UsageError("no column or field holds the language", where=content.where,
                             next_step="Name it: --lang-column, or --lang-field for JSON")  # fmt: skip
        return Choice(reader, layout)

    def _of_fields(self, fields: dict[str, str], reading: Reading) -> Reader:
        spec: dict[str, str] = {**fields, "source": reading.source}
        if reading.time_from:
            spec["time_from"] = reading.time_from
        return make_reader("json", spec, reading)

    def _named(self, content: Content) -> Detection | None:
        """The format that the option names, for a content that it fits. Raises `UsageError`."""
        format_, asked = self.format, self.asked
        if content.parquet != (format_ == "parquet"):
            what = "it is a Parquet file" if content.parquet else "it is no Parquet file"
            raise UsageError(what, where=content.where, next_step="Leave out --format, or name the format that it has")
        refuse_unreadable(content.head, content.where)
        if asked.fields and format_ != "json":
            raise UsageError(
                "fields are named of JSON of any make alone", next_step="Use --format json, or leave it out"
            )
        if format_ == "csv":
            header = header_of(content.head, asked, content.where)
            return Detection("csv", "asked for", {}, header)
        if format_ == "parquet":
            return Detection("parquet", "asked for", {})
        document = is_document(content)
        fields = self._named_fields(content, document=document) if format_ == "json" else {}
        return Detection(format_, "asked for", fields, document=document)

    def _named_fields(self, content: Content, *, document: bool) -> dict[str, str]:
        first = first_object(content, document=document)
        fields = guess_fields(first, self.asked.fields) if first is not None else None
        if fields is None:
            names = f"; it has {', '.join(map(repr, list(first)[:20]))}" if first else ""
            raise UsageError(f"can't find the fields of the id and the text{names}", where=content.where,
                             next_step="Name them: --id-field, --text-field, --time-field")  # fmt: skip
        return fields
