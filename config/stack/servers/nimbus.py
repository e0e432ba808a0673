"""Client of nimbus: the supervisors and topologies of its cluster, over its own thrift protocol."""

from dataclasses import dataclass
from typing import Any

from config.distribution import how_to_install
from config.errors import UnavailableError
from config.stack.server import Address


@dataclass(frozen=True)
class Topology:
    """One topology as nimbus lists it."""

    name: str
    id: str
    status: str
    workers: int
    uptime_s: int


@dataclass(frozen=True)
class Cluster:
    """The cluster as nimbus knows it."""

    leader: bool
    supervisors: int
    topologies: tuple[Topology, ...]

    def topology(self, name: str) -> Topology | None:
        """The topology of that name which runs or starts, if any; one with the status `KILLED` counts too."""
        return next((topology for topology in self.topologies if topology.name == name), None)


def ask(nimbus: Address, timeout_s: float = 3.0) -> Cluster:
    """The cluster as nimbus sees it now.

    Raises `UnavailableError` where nimbus does not answer in time, and where this installation can't ask it.
    """
    where = f"Storm nimbus at {nimbus}"
    try:
        told = _cluster_info(nimbus, timeout_s)
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"{error.name} is not installed", where=where, next_step=how_to_install(error.name or "")
        ) from None
    topologies = (Topology(t.name, t.id, t.status, t.num_workers, t.uptime_secs) for t in told.topologies)
    return Cluster(any(node.isLeader for node in told.nimbuses), len(told.supervisors), tuple(topologies))


def _cluster_info(nimbus: Address, timeout_s: float) -> Any:
    """Storm's own answer. Its interface comes with streamparse, which a reader need not have."""
    from streamparse.thrift import storm_thrift  # noqa: PLC0415 - see above
    from thriftpy2.protocol import TBinaryProtocolFactory  # noqa: PLC0415
    from thriftpy2.rpc import make_client  # noqa: PLC0415
    from thriftpy2.thrift import TException  # noqa: PLC0415
    from thriftpy2.transport import TFramedTransportFactory  # noqa: PLC0415

    try:
        client = make_client(
            storm_thrift.Nimbus,
            host=nimbus.host,
            port=nimbus.port,
            proto_factory=TBinaryProtocolFactory(),
            trans_factory=TFramedTransportFactory(),
            timeout=int(timeout_s * 1000),
        )
        try:
            return client.getClusterInfo()
        finally:
            client.close()
    except (TException, OSError) as error:
        raise UnavailableError(
            f"does not answer: {error}", where=f"Storm nimbus at {nimbus}", next_step="See `trends logs nimbus`"
        ) from None
