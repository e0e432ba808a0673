"""Runbooks: each alert has a section in docs/operate.md, and no section has lost its alert."""

import re
from typing import Any

import pytest
import yaml

from tests.house.repository import ROOT

PAGE = (ROOT / "docs" / "operate.md").read_text()
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^#|\Z)", PAGE.split("\n## Alerts\n")[1], re.MULTILINE | re.DOTALL))
GROUPS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
ALERTS: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]


def test_alerts_and_runbooks_are_the_same_set() -> None:
    assert [rule["alert"] for rule in ALERTS] == list(SECTIONS)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: str(rule["alert"]))
def test_an_alert_leads_to_its_runbook_and_the_runbook_leads_on(rule: dict[str, Any]) -> None:
    assert rule["annotations"]["runbook"] == f"docs/operate.md#{rule['alert'].lower()}"
    severity = rule["labels"]["severity"]
    assert severity in {"page", "ticket"}
    means, see, do = re.split(r"\*\*(?:See it|Do)\.\*\*", SECTIONS[rule["alert"]])
    assert means.strip().startswith("**Means.**")
    assert f"({severity})" in means
    assert "`" in see, "a command shows it"
    assert len(do.split()) > 4
