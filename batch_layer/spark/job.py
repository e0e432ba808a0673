"""The Spark job: hours of the archive as ranked hours. One job for hourly runs, recomputations and the full history.

    parts that the ledgers list -> one shuffle by hour -> sorted by arrival -> `batch_layer.spark.arrow.rank_batches`

Where each hour is one file, as compaction leaves it, its posts are together and in order: no shuffle, no sorting.
The job reads hours in slices, bounded by posts and by hours, so neither driver nor shuffle ever holds all of history.
It keeps a post's name, never a hash of it: an id is about as short as a hash that never collides.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sql
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from batch_layer.archive.manifest import SCHEMA_PATH, Part
from batch_layer.archive.reading.history import History
from batch_layer.publish import HourResult
from batch_layer.rank import Further, HourRanking
from batch_layer.spark.arrow import COLUMNS, DAMAGED_POST, LANG, PLACE, RANKING_DDL, hour_rankings, rank_batches
from batch_layer.spark.session import Engine
from config.errors import DamagedError, TrendsError
from config.quantity import quantity
from config.settings import BatchSettings, Settings
from ingest.hours import HOUR_MS, Hour
from ingest.rule.hashtags import Rule
from serving.views.documents import Provenance

log = logging.getLogger(__name__)

_AVRO = "org.apache.spark.sql.avro.AvroFileFormat"
_NEEDED = frozenset({"id", "source", "created_at", "text", "lang", "tags", "partition", "offset"})
_TASK_BYTES = 128 << 20
"""Spark splits a file among several tasks if it is larger than this, or than an even share of the slice."""
_ERA = PLACE[0]
_SLICE_HOURS = 1_000
"""Most hours in a slice, fewer with phrases: the driver has all their rows at once, some 100 MB."""


_UNREADABLE = ("FAILED_READ_FILE", "org.apache.avro", "BlockMissingException", f"damaged {DAMAGED_POST}")
"""Words in Spark's errors that blame a file's bytes."""


class SparkFailedError(TrendsError):
    """Spark gave up on a job. A retry may succeed, on a new session."""

    retriable = True


class VanishedError(DamagedError):
    """A listed file is not there: compaction has replaced it, or the archiver has not put it there yet."""

    retriable = True


class HourFailure(NamedTuple):
    """One hour that the job could not compute, and why."""

    hour: Hour
    error: TrendsError


HourOutcome = HourResult | HourFailure


def rank_hours(
    engine: Engine, settings: Settings, history: History, hours: Iterable[Hour], rule: Rule
) -> Iterator[list[HourOutcome]]:
    """Rank hours in the order given, a slice at a time. A damaged hour becomes an `HourFailure` and stops no other one.

    Raises `SparkFailedError` and `UnavailableError` where the archive is not at fault.
    """
    most_hours = _SLICE_HOURS // (1 + len(settings.batch.kinds))
    for taken in slices(hours, history, settings.batch.slice_posts, most_hours):
        yield list(_rank_slice(engine, settings, history, taken, rule))


def slices(hours: Iterable[Hour], history: History, most_posts: int, most_hours: int) -> Iterator[list[Hour]]:
    """Split hours into runs of about that many posts and at most so many hours, but never an hour itself."""
    taken: list[Hour] = []
    posts = 0
    for hour in hours:
        held = history.posts(hour)
        if taken and (posts + held > most_posts or len(taken) >= most_hours):
            yield taken
            taken, posts = [], 0
        taken.append(hour)
        posts += held
    if taken:
        yield taken


def _rank_slice(
    engine: Engine, settings: Settings, history: History, hours: Sequence[Hour], rule: Rule
) -> Iterator[HourOutcome]:
    """Rank one slice; where it has an unreadable file, its halves, until the damaged hour is alone.

    An hour with more or fewer posts than its manifests list may lack some, or damage may have carried some over from
    another hour of the slice. So the job reads it once more, alone.
    """

    def again(_: RetryCallState) -> None:
        history.refresh()

    tries = Retrying(
        retry=retry_if_exception_type(VanishedError),
        wait=wait_random_exponential(multiplier=0.3, max=2),
        stop=stop_after_attempt(3),
        before_sleep=again,
        reraise=True,
    )
    try:
        for result in tries(_read, engine, settings, history, hours, rule):
            if isinstance(result, HourResult) or len(hours) == 1:
                yield result
            else:
                yield from _rank_slice(engine, settings, history, [result.hour], rule)
    except DamagedError as error:
        if len(hours) == 1:
            yield HourFailure(hours[0], error)
            return
        history.refresh()  # raises where HDFS itself is down
        middle = len(hours) // 2
        for half in (hours[:middle], hours[middle:]):
            yield from _rank_slice(engine, settings, history, half, rule)


def _read(engine: Engine, settings: Settings, history: History, hours: Sequence[Hour], rule: Rule) -> list[HourOutcome]:
    covered, provenance = history.covered, history.provenance
    eras = {hour: history.eras(hour) for hour in hours}
    listed = {hour: [part for parts in eras[hour] for part in parts] for hour in hours}
    spark = engine.session()
    try:
        posts = _all_posts(spark, settings, list(eras.values()))
        found = dict(hour_rankings(_rank(_together_by_hour(spark, posts, listed), rule, settings.batch)))
    except (PySparkException, Py4JError, OSError) as error:
        raise _translate_error(error, hours, engine) from error
    result = partial(_result, covered=covered, provenance=provenance)
    return [result(hour, found.get(hour), listed[hour]) for hour in hours]


def _all_posts(spark: SparkSession, settings: Settings, hours: Sequence[Sequence[Sequence[Part]]]) -> DataFrame:
    """The archived posts of some hours, each given as its parts in each archive.

    Where they come from several archives, `era` says from which: offsets of two archives don't compare. So it does for
    samples.
    """
    name_node, phrases = settings.hdfs.name_node, bool(settings.batch.kinds)
    eras = [[part for parts in of_era for part in parts] for of_era in zip(*hours, strict=True)]
    read = [
        (era, _posts(spark, [name_node.rstrip("/") + part.path for part in parts], phrases=phrases))
        for era, parts in enumerate(eras)
        if parts
    ]
    if len(read) == 1 and not settings.batch.sample_posts:
        return read[0][1]
    several = [posts.withColumn(_ERA, sql.lit(era)) for era, posts in read]
    return reduce(DataFrame.unionByName, several)


def _posts(spark: SparkSession, paths: list[str], *, phrases: bool) -> DataFrame:
    """The posts of some files of one archive, as `batch_layer.spark.arrow` needs them, with partition and offset."""
    read = spark.read.format(_AVRO).option("avroSchema", _schema()).option("recursiveFileLookup", "true").load(paths)
    # A text without a sign has no hashtag, and nothing reads one whose source names the hashtags: without phrases,
    # neither travels.
    has_sign = sql.col("text").contains("#") | sql.col("text").contains("＃")
    has_hashtags = sql.when(sql.col("tags").isNull() & has_sign, sql.col("text"))
    return read.select(
        sql.floor(sql.col("created_at") / HOUR_MS).try_cast("int").alias("hour"),  # a damaged time has no hour
        "source",
        "id",
        sql.col("text") if phrases else has_hashtags.alias("text"),
        "tags",
        *([LANG] if phrases else []),
        "partition",
        "offset",
    )


def _together_by_hour(spark: SparkSession, posts: DataFrame, listed: Mapping[Hour, Sequence[Part]]) -> DataFrame:
    """Each hour's posts together and in order of arrival: as they are, where each hour is one file in one task."""
    cores = max(2, int(spark.sparkContext.defaultParallelism))
    spark.conf.set("spark.sql.files.minPartitionNum", cores)  # overrides `spark.conf`, ignores workers that join later
    spark.conf.set("spark.sql.files.maxPartitionBytes", _TASK_BYTES)
    sizes = [part.bytes for parts in listed.values() for part in parts]
    if len(sizes) == len(listed) and max(sizes) <= min(sum(sizes) // cores, _TASK_BYTES):
        return posts
    shuffled = posts.repartition(min(len(listed), cores), "hour")
    era = [_ERA] if _ERA in posts.columns else []
    return shuffled.sortWithinPartitions("hour", *era, "partition", "offset")


def _rank(posts: DataFrame, rule: Rule, batch: BatchSettings) -> pa.Table:
    keep, further = batch.keep, Further(batch.kinds, batch.by_source, batch.sample_posts)

    def ranks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return rank_batches(batches, rule, keep, further)

    wanted = (*COLUMNS, *([LANG] if batch.kinds else []), *(PLACE if batch.sample_posts else []))
    return posts.select(*wanted).mapInArrow(ranks, RANKING_DDL).toArrow()


def _schema() -> str:
    """`post.avsc`, less the fields that the job does not need: Avro skips them without decoding."""
    schema: dict[str, Any] = json.loads(SCHEMA_PATH.read_bytes())
    schema["fields"] = [each for each in schema["fields"] if each["name"] in _NEEDED]
    for each in schema["fields"]:
        if each["name"] == "created_at":
            each["type"] = "long"  # milliseconds as they are
    return json.dumps(schema)


def _result(
    hour: Hour,
    ranking: HourRanking | None,
    parts: Sequence[Part],
    covered: tuple[int, ...],
    provenance: Provenance,
) -> HourOutcome:
    """The hour, if it has all its posts: a file that ends early between two blocks reads without an error."""
    listed = sum(part.records for part in parts)
    if ranking is not None and ranking.read == listed:
        return HourResult(hour, ranking, covered, provenance=provenance)
    read = ranking.read if ranking is not None else 0
    what = f"{quantity(read, 'post')} read, {listed:,} listed in {quantity(len(parts), 'file')}"
    step = f"See `trends verify --hour {hour}`"
    return HourFailure(hour, DamagedError(what, where=f"archive of {hour}", next_step=step))


def _translate_error(error: Exception, hours: Sequence[Hour], engine: Engine) -> TrendsError:
    """The cause, from the text: Spark's exceptions reach Python as one class."""
    text = str(error)
    where = f"archive of {hours[0]}" + (f" to {hours[-1]}" if len(hours) > 1 else "")
    if "FILE_NOT_EXIST" in text or "PATH_NOT_FOUND" in text or "FileNotFoundException" in text:
        return VanishedError("a listed file is not there", where=where, next_step="`trends archive` puts it there")
    if any(words in text for words in _UNREADABLE):
        step = f"`trends verify --hour {hours[0]}` names the file; see {engine.log_path}"
        return DamagedError("a file can't be read", where=where, next_step=step)
    log.debug("Spark: %s", text)
    first = next((line for line in text.splitlines() if "Exception" in line or "Error" in line), text[:200])
    return SparkFailedError(first.strip()[:300], where="Spark", next_step=f"See {engine.log_path}")
