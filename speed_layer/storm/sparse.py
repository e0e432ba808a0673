"""`sparse`: streamparse's command on the settings of trends.toml, also for root, without its libraries' warnings.

It gives nimbus from `storm.nimbus` unless `STREAMPARSE_NIMBUS` names one, and prints `sparse list` as the table of
`trends topology list`. All else is streamparse's.
"""

import os
import sys
import warnings

from config.errors import TrendsError
from config.settings import Settings

NIMBUS = "STREAMPARSE_NIMBUS"


def main() -> None:
    """Run streamparse's command; an error is one line and an exit code, as in `trends`."""
    sys.argv[0] = "sparse"
    warnings.simplefilter("ignore")  # of pkg_resources and of ciphers that paramiko knows
    os.environ.setdefault("LEIN_ROOT", "1")  # else streamparse refuses root, whom Leiningen would ask questions
    try:
        os.environ.setdefault(NIMBUS, Settings.read().storm.nimbus)
        _run()
    except TrendsError as error:
        sys.stderr.write(f"sparse: {error}\n")
        sys.exit(error.exit_code)


def _run() -> None:
    import streamparse.cli.list
    from streamparse.cli import sparse
    from streamparse.thrift import storm_thrift
    from thriftpy2.thrift import TException

    from config.errors import UnavailableError

    streamparse.cli.list.list_topologies = _list_topologies
    try:
        sparse.main()
    except storm_thrift.NotAliveException as error:
        raise TrendsError(error.msg, where=f"Storm at {os.environ[NIMBUS]}", next_step="`sparse list`") from None
    except (TException, OSError) as error:
        step = "See `trends status` and `trends logs nimbus`"
        raise UnavailableError(str(error), where=f"Storm at {os.environ[NIMBUS]}", next_step=step) from None


def _list_topologies(env_name: str | None, timeout: int | None = None, config_file: object = None) -> None:
    """In place of streamparse's, whose table is wider than a terminal."""
    from streamparse.util import get_env_config, ssh_tunnel

    from config.stack.server import address_of
    from config.stack.servers import nimbus
    from speed_layer.storm.topologies import topologies_table

    _, environment = get_env_config(env_name, config_file=config_file)
    with ssh_tunnel(environment) as (host, port):
        found = nimbus.ask(address_of(f"{host}:{port}", NIMBUS), (timeout or 3000) / 1000).topologies
    sys.stdout.write(f"{topologies_table(found) if found else 'No topologies.'}\n")


if __name__ == "__main__":
    main()
