"""Settings of HDFS."""

from pydantic import Field

from config.settings.section import Section


class HdfsSettings(Section):
    """HDFS, by WebHDFS for the archive and by RPC for Spark."""

    url: str = "http://127.0.0.1:9870"
    """WebHDFS address of the NameNode."""
    name_node: str = "hdfs://127.0.0.1:8020"
    """NameNode or name service that Spark reads from."""
    root: str = "/trends/archive/posts"
    """Folder of the master data set."""
    earlier: tuple[str, ...] = ()
    """Folders of earlier archives that hours come from, too. The batch layer remembers those that it read before."""
    user: str = "trends"
    """User that owns the files."""
    timeout_s: float = Field(default=15.0, gt=0)
    """Longest wait for one answer of the NameNode or a DataNode, seconds."""
