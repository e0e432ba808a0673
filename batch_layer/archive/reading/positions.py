"""Positions: how far the archive reaches in each partition that Kafka has now.

An operator may add partitions to a topic while everything runs. So each look asks Kafka how many there are. The setting
`kafka.partitions` applies to the creation of a topic, and never afterwards.
"""

from batch_layer.archive.reading.log_ends import LogEnds, position_in
from batch_layer.storage.chunk_files.identity import check_topic
from config.errors import TrendsError
from config.quantity import quantity
from config.settings import KafkaSettings
from ingest.kafka.topic_ids import TopicIds


def positions(kafka: KafkaSettings, ledger: LogEnds) -> dict[int, int]:
    """The next offset to archive of each partition of `posts`: 0 where the archive has nothing of it.

    Call it after `ledger.refresh`. Raises where Kafka does not answer, or has fewer partitions than the archive, and
    `OtherTopicError` where the archive is of another topic: its offsets say nothing about this one.
    """
    topic = TopicIds(kafka).describe(kafka.posts)
    if ledger.topic is not None:
        check_topic(ledger.topic, ledger.paths, topic.id)
    covered, count = ledger.covered, topic.partitions
    if count < len(covered):
        raise TrendsError(
            f"the archive has {quantity(len(covered), 'partition')} and the topic {count}, and none is ever taken "
            "away: this is another topic, or one that was deleted and created again",
            where=f"{kafka.bootstrap} {kafka.posts}, archive {ledger.paths.root}",
            next_step="Compare kafka.posts and hdfs.root with what archived these posts (`trends config`)",
        )
    return {partition: position_in(covered, partition) for partition in range(count)}
