"""Dashboards of Grafana: the committed files are the builder's output, and each panel says its unit and its lines."""

import json

import pytest

from deploy.grafana.build import DASHBOARDS, FOLDER, NAMES, text_of


def test_every_dashboard_has_a_file_and_every_file_its_dashboard() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_the_output_of_the_builder(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == text_of(name), "run `python -m deploy.grafana.build`"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_fill_the_grid_and_read_the_chosen_prometheus(name: str) -> None:
    document = json.loads((FOLDER / f"{name}.json").read_text())
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in document["panels"]]
    assert len(set(places)) == len(places)
    for panel in document["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
        assert all(target["legendFormat"] for target in panel["targets"])
