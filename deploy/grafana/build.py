"""Dashboards for Grafana, from a table of panels: `python -m deploy.grafana.build` writes deploy/grafana/dashboards/.

grafana-foundation-sdk has the types, so a wrong field is an error here and not an empty panel there. All panels read
the Prometheus that the variable `datasource` chooses, but for those of tops.
"""

import json
from pathlib import Path
from typing import NamedTuple

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from deploy.grafana import tops

FOLDER = Path(__file__).with_name("dashboards")
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH, HEIGHT = 8, 7
"""Of a panel, in units of Grafana's grid of 24 columns."""


class Line(NamedTuple):
    """A query, and the names of its lines by labels."""

    query: str
    legend: str = ""


class Graph(NamedTuple):
    """A panel. `unit`: an id of Grafana's."""

    title: str
    unit: str
    lines: tuple[Line, ...]


def graph(title: str, unit: str, *lines: tuple[str, str]) -> Graph:
    """A panel of queries and legends."""
    return Graph(title, unit, tuple(Line(*line) for line in lines))


PLATFORM = (
    graph("Servers by state", "short", ("sum by (state) (trends_server_state)", "{{state}}")),
    graph("Parts of the status with a problem", "short", ("1 - trends_part_ok", "{{part}}")),
    graph("Memory of servers and services", "bytes", ("trends_server_memory_bytes", "{{server}}")),
    graph("Kafka: messages in", "cps", ("instance:kafka_messages_in:rate5m", "{{instance}}")),
    graph(
        "Kafka: traffic", "Bps",
        ("sum by (instance) (rate(kafka_bytes_in_total[5m]))", "in {{instance}}"),
        ("sum by (instance) (rate(kafka_bytes_out_total[5m]))", "out {{instance}}"),
    ),
    graph("Kafka: 99th percentile of requests", "s", ("kafka_request_p99_seconds", "{{request}} {{instance}}")),
    graph(
        "Kafka: replicas", "short",
        ("sum(kafka_under_replicated_partitions)", "under-replicated"),
        ("max(kafka_offline_partitions)", "offline"),
        ("max(kafka_active_brokers)", "live brokers"),
    ),
    graph("Kafka: idle request handlers", "percentunit", ("kafka_request_handlers_idle_ratio", "{{instance}}")),
    graph("Kafka: partitions of a broker", "short", ("kafka_partitions", "{{instance}}")),
    graph(
        "HDFS: capacity", "bytes",
        ("hdfs_capacity_used_bytes", "used"), ("hdfs_capacity_remaining_bytes", "free"),
    ),
    graph(
        "HDFS: DataNodes and safe mode", "short",
        ("hdfs_live_datanodes", "live"), ("hdfs_dead_datanodes", "dead"), ("hdfs_safe_mode", "safe mode"),
    ),
    graph(
        "HDFS: blocks with a problem", "short",
        ("hdfs_missing_blocks", "missing"), ("hdfs_corrupt_blocks", "corrupt"),
        ("hdfs_underreplicated_blocks", "under-replicated"),
    ),
    graph("Java: heap", "bytes", ('jvm_memory_used_bytes{area="heap"}', "{{daemon}} {{instance}}")),
    graph(
        "Java: time in garbage collection", "percentunit",
        ("sum by (daemon, instance) (rate(jvm_gc_collection_seconds_sum[5m]))", "{{daemon}} {{instance}}"),
    ),
    graph("Java: CPU", "percentunit", ("rate(process_cpu_seconds_total[5m])", "{{daemon}} {{instance}}")),
)  # fmt: skip
SPEED = (
    graph("Posts of live sources", "cps", ("source:trends_source_posts:rate5m", "{{source}}")),
    graph("Delay of live sources", "s", ("trends_source_behind_seconds", "{{source}}")),
    graph("Sources by state", "short", ("sum by (state) (trends_source_state)", "{{state}}")),
    graph("Messages to count", "short", ('trends_lag_messages{layer="speed"}', "partition {{partition}}")),
    graph(
        "Spouts", "short",
        ("trends_speed_writers", "writers"), ("trends_speed_shared_partitions", "shared partitions"),
        ("trends_speed_unwritten_partitions", "partitions without a writer"),
    ),
    graph("Live hours", "short", ('trends_hours{state="live"}', "live")),
    graph(
        "Storm: cluster", "short",
        ("storm_cluster_supervisors", "supervisors"), ("storm_cluster_topologies", "topologies"),
        ("storm_nimbus_leaders", "leaders"),
    ),
    graph(
        "Storm: worker slots", "short",
        ("storm_cluster_total_workers", "all"), ("storm_cluster_total_used_workers", "used"),
    ),
    graph(
        "Storm: workers started and killed", "short",
        ("increase(storm_supervisor_workers_launched_total[15m])", "started"),
        ("increase(storm_supervisor_workers_killed_total[15m])", "killed: {{reason}}"),
    ),
)  # fmt: skip
ARCHIVE_AND_BATCH = (
    graph("Messages to archive", "short", ('trends_lag_messages{layer="archive"}', "partition {{partition}}")),
    graph("Age of the watermark", "s", ("trends:archive_age:seconds", "oldest incomplete hour")),
    graph("Archived posts", "cps", ("rate(trends_archive_posts_total[5m])", "posts")),
    graph("Hours by state", "short", ("trends_hours", "{{state}}")),
    graph("Hours that wait for a run", "short", ("trends_hours_waiting", "hours")),
    graph("Hours and files of the archive", "short",
          ("trends_archive_hours", "hours"), ("trends_archive_files", "files")),
    graph("Duration of runs", "s", ("trends_run_duration_seconds", "{{kind}}")),
    graph("Posts and hours of the last run", "short",
          ("trends_run_posts", "posts {{kind}}"), ("trends_run_hours", "hours {{kind}}")),
    graph("State of the last run", "short", ("trends_run_state == 1", "{{kind}} {{state}}")),
    graph("Rejects", "short", ("trends_rejects_outstanding", "outstanding")),
    graph("Lost and refused messages", "short",
          ("increase(trends_archive_lost_messages_total[1h])", "lost"),
          ("increase(trends_archive_rejects_total[1h])", "refused")),
    graph("DataNodes: traffic", "Bps",
          ("rate(hdfs_datanode_bytes_written_total[5m])", "written {{instance}}"),
          ("rate(hdfs_datanode_bytes_read_total[5m])", "read {{instance}}")),
)  # fmt: skip
FEEDS = (
    graph("Stages by state", "short", ("sum by (state) (trends_feed_state)", "{{state}}")),
    graph("Records to deliver", "short", ("trends_feed_behind_messages", "{{feed}} {{stage}}")),
    graph("Records", "cps", ("feed:trends_feed_records:rate5m", "{{feed}} {{stage}} {{outcome}}")),
    graph("Age of the last commit", "s", ("time() - trends_feed_committed_timestamp_seconds", "{{feed}} {{stage}}")),
    graph("Skipped records", "short", ("increase(trends_feed_gap_messages_total[1h])", "{{feed}} {{stage}}")),
    graph("Folders that Hive does not know yet", "short", ("trends_feed_unregistered_folders", "{{feed}} {{stage}}")),
    graph("Rejects", "short", ("trends_rejects_outstanding", "outstanding")),
    graph("PostgreSQL", "short", ("pg_up", "{{instance}} answers")),
    graph("Hive: heap", "bytes", ('jvm_memory_used_bytes{job="hive", area="heap"}', "{{instance}}")),
)  # fmt: skip
DASHBOARDS = {
    "platform": ("trends: platform", PLATFORM),
    "speed": ("trends: speed layer", SPEED),
    "archive-and-batch": ("trends: archive and batch layer", ARCHIVE_AND_BATCH),
    "feeds": ("trends: feeds", FEEDS),
}
"""Title and panels by the file name, which is the dashboard's uid too."""
NAMES = (*DASHBOARDS, tops.NAME)
"""All of them; that of tops reads the API."""


def panel(of: Graph) -> timeseries.Panel:
    """A panel for the SDK."""
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    made = timeseries.Panel().title(of.title).unit(of.unit).span(WIDTH).height(HEIGHT).legend(legend.show_legend(True))
    made = made.datasource(SOURCE).fill_opacity(10).min(0)
    for letter, line in zip("ABCDEFGH", of.lines, strict=False):
        query = prometheus.Dataquery().expr(line.query).legend_format(line.legend).ref_id(letter)
        made = made.with_target(query.range().datasource(SOURCE))
    return made


def text_of(name: str) -> str:
    """The JSON of a dashboard."""
    return json.dumps(_made(name).build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def _made(name: str) -> dashboard.Dashboard:
    if name == tops.NAME:
        return tops.tops_dashboard()
    title, panels = DASHBOARDS[name]
    made = dashboard.Dashboard(title).uid(f"trends-{name}").tags(["trends"]).refresh("30s").time("now-6h", "now")
    made = made.timezone("utc").readonly().with_variable(dashboard.DatasourceVariable("datasource").type("prometheus"))
    for each in panels:
        made = made.with_panel(panel(each))
    return made


def main() -> None:
    """Write every dashboard."""
    for name in NAMES:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")


if __name__ == "__main__":
    main()
