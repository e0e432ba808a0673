"""Prometheus of the local stack: its targets are the ports of the settings, its jobs those of the configuration."""

from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from config.errors import TrendsError
from config.settings import ServeSettings, Settings, StackSettings
from config.stack import launcher
from config.stack.paths import FILES, StackPaths
from config.stack.servers import jmx_agent
from config.stack.servers.prometheus import RULES, TOKEN_FILE, Prometheus

TOKEN = "correct-horse-battery-staple"


def settings(tmp_path: Path, metrics: bool, **serve: object) -> Settings:
    stack = StackSettings(state=tmp_path / "state", cache=tmp_path / "cache", metrics=metrics)
    return Settings(stack=stack, serve=ServeSettings.model_validate(serve))


def server(of: Settings) -> Prometheus:
    return Prometheus(of, StackPaths.of(of.stack))


def addresses(of: Settings) -> dict[str, list[object]]:
    return {job: [address for group in groups for address in group["targets"]]  # type: ignore[attr-defined] # a list
            for job, groups in server(of).targets().items()}  # fmt: skip


def test_the_targets_of_the_default_settings_are_those_of_the_shipped_files(tmp_path: Path) -> None:
    found = addresses(settings(tmp_path, metrics=True))
    shipped = {path.stem: yaml.safe_load(path.read_text()) for path in (RULES / "targets").glob("*.yml")}
    assert {job: [at for group in groups for at in group["targets"]] for job, groups in shipped.items()} == {
        **found, "postgres": ["127.0.0.1:9187"],
    }  # fmt: skip


def test_every_job_reads_the_targets_that_the_stack_writes(tmp_path: Path) -> None:
    config = yaml.safe_load((RULES / "prometheus.yml").read_text())
    files = {job["job_name"]: job["file_sd_configs"][0]["files"] for job in config["scrape_configs"]}
    assert files == {job: [f"targets/{job}.yml"] for job in addresses(settings(tmp_path, metrics=True))}


def test_without_metrics_no_server_has_an_agent_and_no_job_a_target(tmp_path: Path) -> None:
    plain = settings(tmp_path, metrics=False, port=0)
    assert not any(addresses(plain).values())
    for each in (*launcher.servers(plain), *launcher.optional_servers(plain)):
        if each.name in jmx_agent.SERVERS:
            assert not [part for part in each.program(Path("java")).command if "jmx" in part]


def test_with_metrics_each_agent_listens_on_loopback_with_the_rules_of_its_server(tmp_path: Path) -> None:
    watched = settings(tmp_path, metrics=True)
    known = {each.name: each for each in (*launcher.servers(watched), *launcher.optional_servers(watched))}
    for name, port in zip(jmx_agent.SERVERS, watched.stack.jmx_ports, strict=True):
        (option,) = [part for part in known[name].program(Path("java")).command if part.startswith("-javaagent")]
        _, _, at = option.partition("=")
        host, number, rules = at.split(":")
        assert (host, int(number)) == ("127.0.0.1", port)
        assert Path(rules).is_relative_to(FILES)
        assert "rules" in yaml.safe_load(Path(rules).read_text())
        assert port in [each.number for each in known[name].ports()]


def test_the_token_is_in_a_file_for_its_user_alone_and_in_no_argument(tmp_path: Path) -> None:
    secret = settings(tmp_path, metrics=False, token=SecretStr(TOKEN), host="0.0.0.0")
    program = tmp_path / "prometheus"
    program.touch()
    own = secret.model_copy(update={"stack": secret.stack.model_copy(update={"prometheus": program})})
    server(own).prepare(Path("java"))
    file = StackPaths.of(own.stack).conf("prometheus") / TOKEN_FILE
    assert file.read_text() == TOKEN
    assert file.stat().st_mode & 0o077 == 0
    assert TOKEN not in " ".join(server(own).program(Path("java")).command)
    assert addresses(own)["trends"] == ["127.0.0.1:8000"]


def test_a_machine_without_prometheus_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TrendsError, match=r"no prometheus found.*Install Prometheus.*stack\.prometheus"):
        server(settings(tmp_path, metrics=False)).program(Path("java"))
    missing = StackSettings(prometheus=tmp_path / "missing")
    with pytest.raises(TrendsError, match="no such program"):
        server(Settings(stack=missing)).program(Path("java"))
