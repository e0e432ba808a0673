"""Hooks that streamparse calls on `sparse submit`. Spouts and bolts are installed on the workers, so the jar is empty.

An ImportError in here would be swallowed by streamparse: a test submits, and looks for what the hook says.
"""

from typing import Any

import streamparse.cli.submit

from speed_layer.storm import submission


def pre_submit(topology_name: str, env_name: str, _env_config: dict[str, Any], options: dict[str, Any]) -> None:
    """Give streamparse a jar without Leiningen, and the local workers the settings of who submits."""
    jar = submission.empty_jar(topology_name)
    streamparse.cli.submit.jar_for_deploy = lambda simple_jar: str(jar)  # noqa: ARG005 - streamparse's signature
    if env_name == "local":
        submission.pass_settings_on(options)
    print(f"Prepared {topology_name} for {env_name}: an empty jar")  # noqa: T201 - sparse talks to a person
