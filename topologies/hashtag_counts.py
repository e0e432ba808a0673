"""Counts uses of hashtags by the hour: the spout folds, and each hour's counts go to one bolt task."""

from streamparse import Grouping, Topology

from speed_layer.bolt import CountBolt
from speed_layer.lane_update import MARKER
from speed_layer.spout import UseSpout


class HashtagCounts(Topology):
    """Wiring only."""

    uses = UseSpout.spec(par={"local": 1, "cluster": 3})
    counts = CountBolt.spec(
        inputs={uses["default"]: Grouping.fields("hour"), uses[MARKER]: Grouping.ALL}, par={"local": 1, "cluster": 3}
    )
