"""Alerts and recording rules in promtool: each alert stays quiet before its time, and fires with its words after it."""

import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.support.prometheus import program, promtool
from tests.support.promql import panel_queries

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"


class Case(NamedTuple):
    """One alert on made-up series, a sample a minute from 1970 on."""

    alert: str
    series: dict[str, str]
    """Series and their samples, in promtool's notation."""
    quiet: int
    """Minute at which it does not fire."""
    fires: int
    """Minute at which it fires."""
    labels: str
    summary: str


CASES = [
    Case("TrendsUnreachable", {'up{job="trends",instance="a:1"}': "1x5 0x20"}, 10, 12, "instance=a:1 job=trends",
         "no metrics from trends serve at a:1"),
    Case("StatusPartUnknown", {'trends_part_up{part="speed"}': "1x5 0x20"}, 10, 12, "part=speed",
         "the status of speed is unknown"),
    Case("ServerDown", {'trends_server_state{server="kafka",state="silent"}': "0x5 1x20",
                        'trends_server_state{server="kafka",state="running"}': "1x5 0x20",
                        'trends_server_uptime_seconds{server="kafka"}': "60x5 stale"}, 7, 9, "server=kafka",
         "kafka does not serve"),
    Case("CertificateEndsSoon", {'trends_certificate_end_timestamp_seconds{setting="hdfs.ca_file"}': "1814400x120"},
         59, 61, "setting=hdfs.ca_file", "the certificate of hdfs.ca_file ends in 20d 22h 59m 0s"),
    Case("CertificateEndsNow", {'trends_certificate_end_timestamp_seconds{setting="hdfs.ca_file"}': "259200x20"},
         5, 7, "setting=hdfs.ca_file", "the certificate of hdfs.ca_file ends in 2d 23h 53m 0s"),
    Case("MongoWithoutPrimary", {'trends_server_state{server="mongo",state="silent"}': "0x5 1x20",
                                 'trends_server_uptime_seconds{server="kafka"}': "60x25"}, 7, 9, "",
         "MongoDB has no primary that answers"),
    Case("MongoWithoutPrimary", {'trends_part_up{part="hours"}': "1x5 0x20", 'trends_part_up{part="runs"}': "1x25"},
         7, 9, "", "MongoDB has no primary that answers"),
    Case("SourceNotLive", {'trends_source_state{source="x",state="failed"}': "0x5 1x20"}, 10, 12, "source=x",
         "x is not connected"),
    Case("IngestSilent", {'trends_source_last_post_timestamp_seconds{source="x"}': "0x40",
                          'trends_source_state{source="x",state="connected"}': "1x40"}, 19, 25, "source=x",
         "x is connected and gave no post for 25m 0s"),
    Case("SourceBehind", {'trends_source_behind_seconds{source="x"}': "0x5 360x30"}, 15, 17, "source=x",
         "x is 6m 0s behind"),
    Case("SourceGaps", {'trends_source_gap_seconds_total{source="x"}': "0x5 90x20"}, 5, 10, "source=x",
         "x lost a span of posts"),
    Case("RejectsRising", {"trends_rejects_outstanding": "5x5 205x20"}, 5, 10, "",
         "210 more rejects within an hour"),
    Case("SpeedLayerBehind", {'trends_lag_messages{layer="speed",partition="0"}': "0x5 60000x30",
                              'trends_lag_messages{layer="speed",partition="1"}': "0x5 60000x30"}, 15, 17,
         "layer=speed", "the speed layer is 120k messages behind"),
    Case("SpeedPartitionUnwritten", {"trends_speed_unwritten_partitions": "0x5 2x20",
                                     'trends_lag_messages{layer="speed",partition="0"}': "7x25"}, 10, 12, "",
         "no spout counts 2 partitions that have uses"),
    Case("ArchiverBehind", {'trends_lag_messages{layer="archive",partition="0"}': "0x5 200000x30"}, 15, 17,
         "layer=archive", "the archiver is 200k messages behind"),
    Case("ArchiveWatermarkStands", {"trends_archive_complete_until_timestamp_seconds": "-6000x60"}, 34, 40, "",
         "no hour became complete for 2h 20m 0s"),
    Case("ArchiveLostMessages", {"trends_archive_lost_messages_total": "0x5 40x60"}, 5, 15, "",
         "Kafka deleted messages before the archiver read them"),
    Case("HoursNotComputed", {"trends_hours_waiting": "0x5 3x60"}, 35, 37, "",
         "3 complete hours have no final document"),
    Case("BatchRunFailed", {'trends_run_state{kind="hourly",state="failed"}': "0x5 1x60"}, 20, 22, "kind=hourly",
         "the last hourly run of the batch layer failed"),
    Case("FeedDegraded", {'trends_feed_state{feed="w",stage="postgres",state="reconnecting"}': "0x5 1x20"}, 10, 12,
         "feed=w stage=postgres", "postgres of the feed w does not get on"),
    Case("FeedBehind", {'trends_feed_behind_messages{feed="w",stage="hive"}': "0x5 150000x30"}, 15, 17,
         "feed=w stage=hive", "hive of the feed w is 150k records behind"),
    Case("FeedGaps", {'trends_feed_gap_messages_total{feed="w",stage="hive"}': "0x5 9x60"}, 5, 15,
         "feed=w stage=hive", "hive of the feed w skipped records"),
    Case("ExporterDown", {'up{job="kafka",instance="a:2"}': "1x5 0x20"}, 10, 12, "instance=a:2 job=kafka",
         "no metrics of kafka at a:2"),
    Case("KafkaOfflinePartitions", {'kafka_offline_partitions{instance="a:2"}': "0x5 3x20"}, 6, 8, "",
         "3 partitions of Kafka have no leader"),
    Case("KafkaUnderReplicated", {'kafka_under_replicated_partitions{instance="a:2"}': "0x5 4x20"}, 10, 12,
         "instance=a:2", "4 partitions at a:2 lack a replica in sync"),
    Case("HdfsSafeMode", {'hdfs_safe_mode{instance="a:3"}': "0x5 1x20"}, 10, 12, "instance=a:3",
         "the NameNode a:3 refuses writes: safe mode"),
    Case("HdfsDataNodeDead", {'hdfs_dead_datanodes{instance="a:3"}': "0x5 1x20"}, 10, 12, "", "1 DataNodes are dead"),
    Case("HdfsBlocksMissing", {'hdfs_missing_blocks{instance="a:3"}': "0x5 6x20"}, 7, 9, "",
         "6 blocks of HDFS have no replica"),
    Case("HdfsNearlyFull", {'hdfs_capacity_total_bytes{instance="a:3"}': "100x40",
                            'hdfs_capacity_remaining_bytes{instance="a:3"}': "50x5 8x35"}, 20, 22, "instance=a:3",
         "HDFS has 8% free"),
    Case("DiskNearlyFull", {'hdfs_datanode_capacity_bytes{instance="a:5"}': "100x40",
                            'hdfs_datanode_remaining_bytes{instance="a:5"}': "50x5 9x35"}, 15, 17, "instance=a:5",
         "the disks of the DataNode a:5 have 9% free"),
    Case("DiskFailed", {'hdfs_datanode_failed_volumes{instance="a:5"}': "0x5 1x20"}, 7, 9, "instance=a:5",
         "the DataNode a:5 gave up 1 disks"),
    Case("StormWithoutSupervisor", {'storm_cluster_supervisors{instance="a:6"}': "1x5 0x20"}, 7, 9, "",
         "nimbus has no supervisor: nothing counts"),
    Case("PostgresDown", {'pg_up{instance="a:4"}': "1x5 0x20"}, 7, 9, "instance=a:4",
         "PostgreSQL does not answer its exporter at a:4"),
]  # fmt: skip


def alerts() -> dict[str, dict[str, Any]]:
    """The alerts of the file by name."""
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def promtool_test(case: Case) -> dict[str, Any]:
    """The case as promtool reads it."""
    rule = alerts()[case.alert]
    fired = {
        "exp_labels": dict(label.split("=") for label in case.labels.split()) | rule["labels"],
        "exp_annotations": {"summary": case.summary, "runbook": rule["annotations"]["runbook"]},
    }
    return {
        "name": case.alert,
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [
            {"eval_time": f"{case.quiet}m", "alertname": case.alert, "exp_alerts": []},
            {"eval_time": f"{case.fires}m", "alertname": case.alert, "exp_alerts": [fired]},
        ],
    }


def test_every_alert_has_a_case() -> None:
    assert {case.alert for case in CASES} == set(alerts())


def test_every_alert_is_quiet_before_its_time_and_fires_with_its_words(tmp_path: Path) -> None:
    run(tmp_path, [promtool_test(case) for case in CASES])


def test_an_alert_that_would_not_fire_fails_the_test(tmp_path: Path) -> None:
    silent = CASES[0]._replace(series={'up{job="trends",instance="a:1"}': "1x30"})
    with pytest.raises(AssertionError, match="FAILED"):
        run(tmp_path, [promtool_test(silent)])


def test_servers_of_units_or_containers_are_no_stopped_servers_of_a_stack(tmp_path: Path) -> None:
    """`trends up` never ran there: the status counts its servers as stopped, and only the topology runs."""
    states = {f'trends_server_state{{server="{name}",state="stopped"}}': "1x60" for name in ("archiver", "mongo")}
    series = states | {'trends_server_uptime_seconds{server="topology"}': "60x60"}
    quiet: list[dict[str, Any]] = [
        {"eval_time": "50m", "alertname": name, "exp_alerts": []} for name in ("ServerDown", "MongoWithoutPrimary")
    ]
    given = [{"series": name, "values": values} for name, values in series.items()]
    run(tmp_path, [{"name": "units", "interval": "1m", "input_series": given, "alert_rule_test": quiet}])


def test_an_exporter_without_a_postgres_is_no_stopped_postgres(tmp_path: Path) -> None:
    quiet: list[dict[str, Any]] = [{"eval_time": "50m", "alertname": "PostgresDown", "exp_alerts": []}]
    given = [{"series": 'pg_up{instance="a:4"}', "values": "0x60"}]
    run(tmp_path, [{"name": "no feeds", "interval": "1m", "input_series": given, "alert_rule_test": quiet}])


def test_amtool_accepts_the_configuration_of_alertmanager_and_each_severity_has_its_receiver() -> None:
    file = FOLDER / "alertmanager.yml"

    def amtool(*arguments: str | Path) -> str:
        done = subprocess.run(
            [program("amtool", "prometheus-alertmanager"), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "2 receivers" in amtool("check-config", file)
    for severity in {rule["labels"]["severity"] for rule in alerts().values()}:
        assert amtool("config", "routes", "test", f"--config.file={file}", f"severity={severity}").split() == [
            f"{severity}s"
        ]
    named = set(re.findall(r"[A-Z]\w+", " ".join(re.findall(r'alertname=~?"([^"]+)"', file.read_text()))))
    assert named <= set(alerts()), "an alert that Alertmanager names is one of ours"


def test_recording_rules_have_the_values_that_their_names_say(tmp_path: Path) -> None:
    series = {
        'trends_lag_messages{layer="speed",partition="0"}': "3x10",
        'trends_lag_messages{layer="speed",partition="1"}': "4x10",
        'trends_source_posts_total{source="x"}': "0+60x10",
        'trends_feed_records_total{feed="w",stage="s",outcome="kept"}': "0+120x10",
        "trends_archive_complete_until_timestamp_seconds": "0x10",
        'kafka_messages_in_total{instance="a:2"}': "0+300x10",
        'hdfs_capacity_total_bytes{instance="a:3"}': "200x10",
        'hdfs_capacity_remaining_bytes{instance="a:3"}': "50x10",
    }
    expected = {
        'layer:trends_lag_messages:sum{layer="speed"}': 7,
        'source:trends_source_posts:rate5m{source="x"}': 1,
        'feed:trends_feed_records:rate5m{feed="w",stage="s",outcome="kept"}': 2,
        "trends:archive_age:seconds": 600,
        'instance:kafka_messages_in:rate5m{instance="a:2"}': 5,
        'instance:hdfs_capacity_free:ratio{instance="a:3"}': 0.25,
    }
    recorded = yaml.safe_load((FOLDER / "recording.yml").read_text())["groups"]
    assert {name.split("{")[0] for name in expected} == {rule["record"] for each in recorded for rule in each["rules"]}
    checks = [
        {"expr": name.split("{")[0], "eval_time": "10m", "exp_samples": [{"labels": name, "value": value}]}
        for name, value in expected.items()
    ]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    run(tmp_path, [{"interval": "1m", "input_series": inputs, "promql_expr_test": checks}])


def run(tmp_path: Path, tests: list[dict[str, Any]]) -> None:
    files = [str(FOLDER / name) for name in ("recording.yml", "alerts.yml")]
    groups = [each["name"] for file in files for each in yaml.safe_load(Path(file).read_text())["groups"]]
    document = {"rule_files": files, "evaluation_interval": "1m", "group_eval_order": groups, "tests": tests}
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(document))
    promtool("test", "rules", tmp_path / "tests.yml")


def test_promtool_accepts_the_scrape_configuration() -> None:
    promtool("check", "config", "--syntax-only", FOLDER / "prometheus.yml")


def test_promtool_reads_the_query_of_every_panel(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(panel_queries())]
    assert len(rules) > 50
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "panels.yml")
