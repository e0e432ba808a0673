"""Tables of Hive: what a server describes, and how a shape differs."""

import pytest

from batch_layer.sinks.hive.hive_table import TableShape, described

OURS = TableShape((("a", "int"), ("b", "string")), ("dt",), "hdfs://name:9000/tables/t")
SPARK = [
    ("a", "int", None),
    ("b", "string", None),
    ("dt", "string", None),
    ("# Partition Information", "", ""),
    ("# col_name", "data_type", "comment"),
    ("dt", "string", None),
    ("", "", ""),
    ("# Detailed Table Information", "", ""),
    ("Catalog", "spark_catalog", ""),
    ("Type", "EXTERNAL", ""),
    ("Location", "hdfs://name:9000/tables/t", ""),
]
HIVE = [
    ("# col_name            ", "data_type           ", "comment             "),
    ("a                   ", "int                 ", ""),
    ("b                   ", "string              ", ""),
    ("", None, None),
    ("# Partition Information", None, None),
    ("# col_name            ", "data_type           ", "comment             "),
    ("dt                  ", "string              ", ""),
    ("", None, None),
    ("# Detailed Table Information", None, None),
    ("Database:           ", "default             ", None),
    ("Location:           ", "hdfs://name:9000/tables/t", None),
    ("Table Type:         ", "EXTERNAL_TABLE      ", None),
    ("# Storage Information", None, None),
    ("SerDe Library:      ", "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", None),
]


@pytest.mark.parametrize("rows", [SPARK, HIVE], ids=["Spark", "Hive"])
def test_both_servers_describe_one_shape(rows: list[tuple[str | None, ...]]) -> None:
    assert described([tuple(str(cell or "").strip() for cell in row) for row in rows]) == OURS


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (OURS, ""),
        (TableShape(OURS.columns, OURS.labels, "hdfs://another-name/tables/t/"), ""),
        (TableShape((("a", "int"),), ("dt",), OURS.location), "it lacks b string"),
        (TableShape((*OURS.columns, ("c", "int")), ("dt",), OURS.location), "it has c int"),
        (TableShape((("a", "bigint"), ("b", "string")), ("dt",), OURS.location), "it lacks a int; it has a bigint"),
        (TableShape(OURS.columns[::-1], ("dt",), OURS.location), "its columns have another order"),
        (TableShape(OURS.columns, (), OURS.location), "its partition columns are none, not dt"),
        (TableShape(OURS.columns, OURS.labels, "hdfs://name:9000/b"), "its files lie in hdfs://name:9000/b, not in"),
        (TableShape(OURS.columns, OURS.labels, OURS.location, external=False), "its files belong to Hive"),
    ],
)
def test_the_difference_of_two_shapes_is_put_into_words(other: TableShape, words: str) -> None:
    found = OURS.difference(other)
    assert found.startswith(words)
    assert bool(found) == bool(words)
