"""The textbook's word count on hashtags: one tuple a message, fields grouping on the hour, one upsert a tuple."""

from streamparse import Grouping, Topology

from bench.peers.textbook import AddBolt, MessageSpout


class Textbook(Topology):
    """Wiring only. Grouped on hour and tag, so that all bolts work though most uses are of one hour."""

    messages = MessageSpout.spec(par=1)
    counts = AddBolt.spec(inputs={messages: Grouping.fields("hour", "tag")}, par=4)
