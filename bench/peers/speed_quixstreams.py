"""quixstreams with a sink that folds. Arguments: brokers, topic, URI, database. Runs until a signal ends it."""

import uuid
from collections import Counter
from typing import Any

from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch

from bench.harness.subprocess_run import arguments
from bench.peers.folded import database_of, rows


class FoldingSink(BatchingSink):  # type: ignore[misc]  # the library is in another environment
    """Writes the uses gathered since the last checkpoint."""

    def __init__(self, uses: Any) -> None:
        super().__init__()
        self._uses = uses

    def write(self, batch: SinkBatch) -> None:
        """One bulk write a partition."""
        counts = Counter((item.value["hour"], item.value["tag"]) for item in batch)
        self._uses.bulk_write(rows(counts), ordered=False)


def main() -> None:
    """A dataframe from topic to sink, with a checkpoint each second."""
    brokers, topic, uri, database = arguments()
    application = Application(
        broker_address=brokers,
        consumer_group=f"quix-{uuid.uuid4().hex}",
        auto_offset_reset="earliest",
        commit_interval=1.0,
        consumer_extra_config={"isolation.level": "read_committed"},
        auto_create_topics=False,
        loglevel="WARNING",
    )
    application.dataframe(application.topic(topic)).sink(FoldingSink(database_of(uri, database)["uses"]))
    application.run()


if __name__ == "__main__":
    main()
