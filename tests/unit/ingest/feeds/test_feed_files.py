"""A feed's file: each mistake is an error with file, line and key, and a value of a variable goes by the same rules."""

import re
from pathlib import Path

import pytest

from config.errors import UsageError
from config.settings import FeedsSettings, HdfsSettings, KafkaSettings, Settings
from ingest.feeds.declaration.catalog import SHIPPED, Catalog
from ingest.feeds.declaration.key_lines import KeyLines
from ingest.feeds.declaration.load import FeedFile
from ingest.feeds.declaration.model import HttpSource, PostRecords
from ingest.feeds.declaration.variables import assignments

BASE = """\
about = "Stations"

[vars]
city = { default = "Paris", env = "CITY" }

[source]
type = "http"
every = "1m"
url = "https://api.example/v2"
id = "code"
at = "due"
send = "changed"

[source.ask.stations]
path = "/exports/json"
query = { q = "{city}" }

[topic]
name = "Q1"

[columns]
station = { from = "code", type = "string" }
bikes = { from = "bikes", type = "int" }

[sinks.db]
type = "postgres"
table = "stations"

[sinks.db.columns]
number = { from = "$partition", type = "int" }
place = { from = "$offset", type = "bigint" }
value = { from = "$value", type = "json" }

[sinks.files]
type = "hdfs"
from = "db"
every = "10m"
root = "/feeds/stations"

[sinks.csv]
type = "csv"
file = "stations.csv"
"""


def file_of(folder: Path, text: str, name: str = "mine") -> FeedFile:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return FeedFile(path)


def refusal(folder: Path, text: str, **values: str) -> str:
    with pytest.raises(UsageError) as error:
        file_of(folder, text).feed(values, {})
    assert error.value.exit_code == 2
    return str(error.value)


def test_the_file_that_the_mistakes_are_made_in_has_none(tmp_path: Path) -> None:
    name, feed = file_of(tmp_path, BASE).feed({}, {})
    assert (name, list(feed.sinks)) == ("mine", ["db", "files", "csv"])
    assert list(feed.columns_of("files")) == ["station", "bikes", "kafka_partition", "kafka_offset"]


@pytest.mark.parametrize(
    ("line", "replacement", "key", "what"),
    [
        ('name = "Q1"', 'name = "Q1"\npartitoins = 2', "topic.partitoins", "unknown key; perhaps partitions"),
        ('every = "1m"', "", "source.every", "the file needs this key"),
        ('every = "1m"', 'every = "soon"', "source.every", "'soon' is no span"),
        ('type = "http"', 'type = "htpt"', "source", "; perhaps http"),
        ('send = "changed"', 'send = "change"', "source.send", "; perhaps changed"),
        ('url = "https://api.example/v2"', 'url = "api.example"', "source.url", "no address"),
        ('url = "https://api.example/v2"', 'url = "https://u:p@api.example"', "source.url", "no address"),
        ('id = "code"', 'id = "code["', "source.id", "not JMESPath"),
        ('at = "due"', 'at = "nosuch(due)"', "source.at", "no function nosuch()"),
        ('name = "Q1"', 'name = "Q 1"', "topic.name", "'Q 1' is no topic"),
        ('name = "Q1"', 'name = "{topic}"', "topic.name", "no variable {topic}: it has city"),
        ('name = "Q1"', 'name = "Q1"\npartitions = "1"', "topic.partitions", "'1' is not a whole number"),
        ('name = "Q1"', 'name = "Q1"\nkey = "a b"', "topic.key", "not JMESPath"),
        ('bikes = { from = "bikes", type = "int" }', 'bikes = { from = "bikes", type = "integer" }',
         "columns.bikes.type", "'integer' is none of string, int"),
        ('bikes = { from = "bikes", type = "int" }', 'bikes = { from = "$bikes", type = "int" }',
         "columns.bikes.from", "unknown name '$bikes'"),
        ('bikes = { from = "bikes", type = "int" }', 'Bikes = { from = "bikes", type = "int" }',
         "columns.Bikes", "'Bikes' is no name"),
        ('bikes = { from = "bikes", type = "int" }', 'bikes = { from = "bikes", type = "int", zone = "Europe/Paris" }',
         "columns.bikes.zone", "a zone is for timestamp, date, string"),
        ('bikes = { from = "bikes", type = "int" }', 'bikes = { from = "b", type = "date", zone = "../etc/passwd" }',
         "columns.bikes.zone", "no zone"),
        ('bikes = { from = "bikes", type = "int" }', 'bikes = { from = "bikes", type = "int", format = "%Y" }',
         "columns.bikes.format", "a format is for string"),
        ('bikes = { from = "bikes", type = "int" }', 'bikes = { from = "bikes", type = "bytes" }',
         "columns.bikes.type", "CSV can't hold bytes"),
        ('bikes = { from = "bikes", type = "int" }', 'bikes = { from = "$key", type = "string" }',
         "columns.bikes.from", "a stage that reads db does not know $key"),
        ('table = "stations"', 'table = "Stations; DROP"', "sinks.db.table", "is no name"),
        ('table = "stations"', 'table = "feed_gaps"', "sinks.db.table", "a table of trends itself"),
        ('number = { from = "$partition", type = "int" }', "", "sinks.db.columns", "a table needs its key"),
        ('place = { from = "$offset", type = "bigint" }', 'place = { from = "$offset", type = "int" }',
         "sinks.db.columns.place.type", "an offset needs bigint"),
        ('value = { from = "$value", type = "json" }', "", "sinks.db.columns", 'sink files reads it, so it needs'),
        ('from = "db"', 'from = "dbs"', "sinks.files.from", "no sink 'dbs'; there are kafka, db, csv"),
        ('from = "db"', 'from = "csv"', "sinks.files.from", "no stage can read a csv sink"),
        ('from = "db"', 'from = "files"', "sinks.files.from", "in a circle"),
        ('from = "db"', 'from = "archive"', "sinks.files.from", "only a Hive table"),
        ('from = "db"', "", "sinks.files.every", "a stage that reads Kafka never waits"),
        ('from = "db"', 'from = "db"\nstart = "now"', "sinks.files.start", "only a stage that reads Kafka"),
        ('root = "/feeds/stations"', 'root = "/feeds"\nfiles = "_part"', "sinks.files.files", "do not see files"),
        ('root = "/feeds/stations"', 'root = "/feeds/../etc"', "sinks.files.root", "no folder of HDFS"),
        ('file = "stations.csv"', 'file = "../stations.csv"', "sinks.csv.file", "no path of a file"),
        ('file = "stations.csv"', 'file = "a.csv"\nwhere = { watched = "names", in = ["x"] }',
         "sinks.csv.where.watched", "no [watched] words"),
        ('file = "stations.csv"', 'file = "a.csv"\nwhere = { true = "a[" }', "sinks.csv.where", "not JMESPath"),
        ('file = "stations.csv"', 'file = "a.csv"\nwhere = { true = "a", in = ["b"] }', "sinks.csv.where", "`in`"),
        ('[sinks.csv]', "[sinks.kafka]", "sinks.kafka", "no sink may be called kafka"),
        ('city = { default = "Paris", env = "CITY" }', 'city = { default = "Paris", env = "A B" }',
         "vars.city.env", "no name of an environment variable"),
        ('query = { q = "{city}" }', "", "vars.city", "nothing in the file uses it"),
        ('query = { q = "{city}" }', 'query = { q = "{city}", r = "{stations.id}" }', "source.ask.stations.query.r",
         "stations is no earlier request"),
        ('path = "/exports/json"', 'path = "/exports/../json"', "source.ask.stations.path", "no path: "),
        ('path = "/exports/json"', 'path = "/exports?x=1"', "source.ask.stations.path", "no path: "),
    ],
)  # fmt: skip
def test_a_mistake_is_an_error_with_its_file_line_and_key(
    tmp_path: Path, line: str, replacement: str, key: str, what: str
) -> None:
    assert BASE.count(line) == 1
    text = BASE.replace(line, replacement)
    told = refusal(tmp_path, text)
    assert what in told
    assert f"{key}: " in told
    number = re.match(rf"{re.escape(str(tmp_path))}/mine\.toml:(\d+): ", told)
    assert number, told
    lines = text.splitlines()
    last = key.rpartition(".")[2]
    around = [each for each in (last, key.split(".")[-2] if "." in key else last) if each in lines[int(number[1]) - 1]]
    assert around, f"line {number[1]}: {lines[int(number[1]) - 1]}"


def test_an_error_says_all_mistakes_by_line(tmp_path: Path) -> None:
    told = refusal(tmp_path, BASE.replace('table = "stations"', 'table = "A"').replace('every = "1m"', "every = 1"))
    assert "2 problems\n  line 8: source.every: '1' is no span" in told
    assert "\n  line 27: sinks.db.table: 'A' is no name" in told


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ('[sinks.again]\ntype = "csv"\nfile = "stations.csv"', "sinks.again.file: sink csv has stations.csv already"),
        ('[sinks.again]\ntype = "topic"\ntopic = "Q1"', "sinks.again.topic: Q1 is the topic of the feed itself"),
        ('[sinks.again]\ntype = "hdfs"\nroot = "/feeds/stations/x"', "lies in /feeds/stations of sink files"),
        ('[sinks.t]\ntype = "topic"\ntopic = "Q2"\ncolumns = { a = { from = "a", type = "int" } }', "a topic has"),
        ('[sinks.h]\ntype = "hive"\ntable = "h"\nby = "day"\ncolumns = { dt = { from = "a", type = "date" } }', "dt"),
        ('[[examples]]\nrejects = 1', "examples.0: an example has either `answers` or `rows`"),
        ('[[examples]]\nanswers.other = "a.json"', "examples.0.answers.other: no such request"),
        ('[[examples]]\nrows = [{ a = 1 }]\ngives.csv = [{ colour = 1 }]', "examples.0.gives.csv: no column 'colour'"),
        ('[[examples]]\nrows = [{ a = 1 }]\ngives.sink = []', "examples.0.gives.sink: no such sink"),
        ('[watched]\n"--" = []', "watched.--: '--' has no word in it"),
        ('[watched]\n"a" = []', "watched: no `where` looks for these words"),
    ],
)  # fmt: skip
def test_tables_that_do_not_go_together_are_refused(tmp_path: Path, more: str, what: str) -> None:
    assert what in refusal(tmp_path, f"{BASE}\n{more}\n")


@pytest.mark.parametrize(
    ("sink", "what"),
    [
        ('type = "hdfs"\nroot = "/x"\nfrom = "db"\nengine = "spark"', "reads Kafka alone"),
        ('type = "hive"\ntable = "x"\nengine = "spark"', "Python fills every table of Hive"),
        ('type = "csv"\nfile = "x.csv"\nengine = "spark"', "unknown key"),
    ],
)
def test_spark_fills_files_from_kafka_alone(tmp_path: Path, sink: str, what: str) -> None:
    assert what in refusal(tmp_path, f"{BASE}\n[sinks.other]\n{sink}\n")


def test_columns_that_no_sink_uses_are_refused(tmp_path: Path) -> None:
    text = BASE.partition("[sinks.files]")[0]
    assert "columns: no sink uses them" in refusal(tmp_path, text)


def test_sinks_that_read_one_another_are_a_circle(tmp_path: Path) -> None:
    text = BASE.replace('table = "stations"', 'table = "stations"\nfrom = "files"')
    assert "in a circle" in refusal(tmp_path, text)


def test_a_stage_that_reads_a_sink_knows_of_a_message_what_the_sink_has_in_a_column(tmp_path: Path) -> None:
    text = BASE.replace('from = "bikes", type = "int"', 'from = "$sent", type = "timestamp"')
    assert "a stage that reads db does not know $sent; a column {" in refusal(tmp_path, text)
    column = 'value = { from = "$value", type = "json" }'
    file_of(tmp_path, text.replace(column, f'{column}\nsent = {{ from = "$sent", type = "timestamp" }}')).feed({}, {})


def test_the_folder_of_a_row_needs_its_time(tmp_path: Path) -> None:
    text = BASE.replace('root = "/feeds/stations"', 'root = "/feeds/stations"\nby = "day"')
    file_of(tmp_path, text).feed({}, {})
    begin, end = text.index("[vars]"), text.index("[topic]")
    assert "sinks.files.by: a stage that reads db does not know $sent" in refusal(tmp_path, text[:begin] + text[end:])


def test_a_secret_goes_over_https_or_to_this_machine(tmp_path: Path) -> None:
    secret = 'send = "changed"\nsecret = { query = "key", env = "API_KEY" }'
    text = BASE.replace('send = "changed"', secret).replace("https://api.example", "http://api.example")
    assert "source.url: a secret goes over https" in refusal(tmp_path, text)
    file_of(tmp_path, text.replace("http://api.example", "http://127.0.0.1:8080")).feed({}, {})
    assert "the secret sets key already" in refusal(tmp_path, text.replace("q =", "key =").replace("http:", "https:"))


def test_toml_that_is_broken_is_an_error_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"mine\.toml: not TOML: .*at line 3"):
        file_of(tmp_path, 'about = "x"\n\n= 1\n')


@pytest.mark.parametrize("name", ["Mine", "my feed", "1st", "a-b", "x" * 64])
def test_a_name_that_no_feed_may_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name of a feed's file"):
        file_of(tmp_path, BASE, name)


def test_a_value_comes_from_set_else_from_the_environment_else_from_the_file(tmp_path: Path) -> None:
    file = file_of(tmp_path, BASE)

    def city(values: dict[str, str], environment: dict[str, str]) -> str:
        source = file.feed(values, environment).declaration.source
        assert isinstance(source, HttpSource)
        return source.ask["stations"].query["q"]

    assert city({}, {}) == "Paris"
    assert city({}, {"CITY": "Lyon"}) == "Lyon"
    assert city({}, {"CITY": ""}) == "Paris"
    assert city({"city": "Lille"}, {"CITY": "Lyon"}) == "Lille"
    assert city({"city": ""}, {"CITY": "Lyon"}) == ""


def test_a_variable_that_needs_a_value_is_an_error_that_says_which(tmp_path: Path) -> None:
    text = BASE.replace('{ default = "Paris", env = "CITY" }', '{ needed = true, env = "CITY", about = "the city" }')
    file = file_of(tmp_path, text)
    with pytest.raises(UsageError) as error:
        file.feed({}, {})
    assert error.value.exit_code == 2
    assert str(error.value) == (
        "feed mine: it needs a value for city: the city. Give it by --set city=VALUE, or in the environment as CITY"
    )
    assert file.missing({}, {}) == ["city"]
    assert file.missing({}, {"CITY": "Lyon"}) == file.missing({"city": "Lyon"}, {}) == []
    source = file.feed({}, {}, lenient=True).declaration.source
    assert isinstance(source, HttpSource)
    assert source.ask["stations"].query == {"q": "city"}


def test_a_value_of_an_unknown_variable_is_refused(tmp_path: Path) -> None:
    assert "no variable 'town': it has city" in refusal(tmp_path, BASE, town="x")
    with pytest.raises(UsageError, match="no value in 'city'"):
        assignments(["city"])
    assert assignments(["city=a=b", "x="]) == {"city": "a=b", "x": ""}


@pytest.mark.parametrize("value", ["{city}", "a\nb", "\x00", "x" * 1_001])
def test_a_value_that_no_text_may_hold_is_refused(tmp_path: Path, value: str) -> None:
    assert "a value of city can't hold" in refusal(tmp_path, BASE, city=value)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ('name = "Q1"', "a b"),
        ('name = "Q1"', "../x"),
        ('table = "stations"', "x; DROP TABLE y"),
        ('root = "/feeds/stations"', "/a/../b"),
        ('file = "stations.csv"', "../../etc/passwd"),
        ('every = "10m"', "often"),
    ],
)
def test_a_value_becomes_no_name_or_path_that_the_file_could_not_hold(tmp_path: Path, place: str, value: str) -> None:
    key = place.partition(" ")[0]
    text = BASE.replace(place, f'{key} = "{{city}}"')
    assert value[:4] in refusal(tmp_path, text, city=value)


def test_a_value_in_an_address_stays_one_part_of_it(tmp_path: Path) -> None:
    text = BASE.replace('path = "/exports/json"', 'path = "/of/{city}"').replace("api.example/v2", "api.example/{city}")
    source = file_of(tmp_path, text).feed({"city": "a/../b?c#d@e"}, {}).declaration.source
    assert isinstance(source, HttpSource)
    assert source.url == "https://api.example/a%2F..%2Fb%3Fc%23d%40e"
    assert source.ask["stations"].path == "/of/a%2F..%2Fb%3Fc%23d%40e"


def test_an_address_may_begin_with_a_value(tmp_path: Path) -> None:
    file = file_of(tmp_path, BASE.replace("https://api.example/v2", "{city}/v2"))
    source = file.feed({"city": "http://127.0.0.1:9"}, {}).declaration.source
    assert isinstance(source, HttpSource)
    assert source.url == "http://127.0.0.1:9/v2"
    with pytest.raises(UsageError, match="no address"):
        file.feed({"city": "file:///etc/passwd"}, {})


def test_an_expression_has_no_variables(tmp_path: Path) -> None:
    text = BASE.replace('at = "due"', 'at = "{city}"')
    assert "source.at: not JMESPath" in refusal(tmp_path, text)


def test_lines_of_keys_are_those_of_the_file() -> None:
    text = 'a = """\nb = 1\n"""\nc = [\n  "d = 1", # [\n]\n[t."x y"]\ne.f = { g = 1 }\n[[l]]\nh = 1\n[[l]]\nh = 2\n'
    lines = KeyLines(text)
    assert [lines.line(path) for path in (["a"], ["c"], ["t", "x y"], ["t", "x y", "e", "f", "g"])] == [1, 4, 7, 8]
    assert [lines.line(["l", number, "h"]) for number in (0, 1)] == [10, 12]
    assert lines.line(["b"]) is None


def catalog(folder: Path, **kafka: str) -> Catalog:
    settings = Settings(feeds=FeedsSettings(folder=folder), kafka=KafkaSettings.model_validate(kafka))
    return Catalog(settings, frozenset({"kafka", "archiver"}))


def test_a_file_of_the_user_hides_a_shipped_feed_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "weather.toml").write_text(BASE)
    (tmp_path / "mine.toml").write_text(BASE)
    feeds = catalog(tmp_path)
    assert feeds.names()[:2] == ["mine", "weather"]
    assert {"fitness", "hashtag", "posts", "velib", "velib_gbfs", "words"} <= set(feeds.names())
    assert feeds.names().count("weather") == 1
    assert feeds.feed("weather", {}, {}).declaration.about == "Stations"
    assert feeds.feed(str(SHIPPED / "weather.toml"), {}, {}).declaration.about.startswith("OpenWeather")


@pytest.mark.parametrize("name", ["nothing", "../mine", "nothing.toml"])
def test_a_feed_that_is_not_there_is_an_error_that_names_the_others(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as error:
        catalog(tmp_path).feed(name, {}, {})
    assert re.search(r"no such file|no name of a feed|there are fitness, hashtag", str(error.value))


def test_a_feed_has_no_name_of_the_stack_and_no_topic_of_the_core(tmp_path: Path) -> None:
    (tmp_path / "kafka.toml").write_text(BASE)
    with pytest.raises(UsageError, match="the stack has a server or service of this name"):
        catalog(tmp_path).feed("kafka", {}, {})
    (tmp_path / "mine.toml").write_text(BASE)
    with pytest.raises(UsageError, match=r"mine\.toml:19: topic\.name: Q1 is a topic of trends itself"):
        catalog(tmp_path, posts="Q1").feed("mine", {}, {})


@pytest.mark.parametrize("root", ["/trends/archive/posts", "/trends/archive", "/trends/archive/posts/x", "/old/posts"])
def test_a_feed_has_no_folder_of_the_archive(tmp_path: Path, root: str) -> None:
    (tmp_path / "mine.toml").write_text(BASE.replace("/feeds/stations", root))
    settings = Settings(feeds=FeedsSettings(folder=tmp_path), hdfs=HdfsSettings(earlier=("/old/posts",)))
    with pytest.raises(UsageError, match=r"sinks\.files\.root: the archive of posts is in"):
        Catalog(settings, frozenset()).feed("mine", {}, {})
    (tmp_path / "mine.toml").write_text(BASE.replace("/feeds/stations", "/trends/archive/posts2"))
    Catalog(settings, frozenset()).feed("mine", {}, {})


def test_the_tag_of_a_feed_of_posts_is_the_value_of_its_variable(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="feed hashtag: it needs a value for tag"):
        catalog(tmp_path).feed("hashtag", {}, {})
    source = catalog(tmp_path).feed("hashtag", {"tag": "bigdata"}, {}).declaration.source
    assert isinstance(source, PostRecords)
    assert (source.from_, source.tag) == ("jetstream", "bigdata")
