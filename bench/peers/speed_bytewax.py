"""bytewax with a sink that folds each batch. Arguments: brokers, topic, URI, database. Runs until a signal ends it."""

from typing import Any

from bytewax import operators
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main

from bench.harness.subprocess_run import arguments
from bench.peers.folded import database_of, fold, rows

AT_ONCE = 10_000


class FoldingPartition(StatelessSinkPartition):  # type: ignore[misc]  # the library is in another environment
    """One bulk write a batch."""

    def __init__(self, uses: Any) -> None:
        self._uses = uses

    def write_batch(self, items: list[KafkaSourceMessage]) -> None:
        """Fold and write."""
        if items:
            self._uses.bulk_write(rows(fold(item.value for item in items)), ordered=False)


class FoldingSink(DynamicSink):  # type: ignore[misc]  # as above
    """A partition a worker."""

    def __init__(self, uri: str, database: str) -> None:
        self._uri, self._database = uri, database

    def build(self, step_id: str, worker_index: int, worker_count: int) -> FoldingPartition:  # noqa: ARG002 - its signature
        """Connect."""
        return FoldingPartition(database_of(self._uri, self._database)["uses"])


def main() -> None:
    """A dataflow from topic to sink, in one worker. Without a recovery store a restart begins at the beginning."""
    brokers, topic, uri, database = arguments()
    flow = Dataflow("uses")
    source = KafkaSource([brokers], [topic], add_config={"isolation.level": "read_committed"}, batch_size=AT_ONCE)
    operators.output("mongo", operators.input("kafka", flow, source), FoldingSink(uri, database))
    cli_main(flow)


if __name__ == "__main__":
    main()
