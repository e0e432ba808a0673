"""Settings of HDFS."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from config.settings.section import Section


class HdfsSettings(Section):
    """HDFS, by WebHDFS for the archive and by RPC for Spark."""

    url: str = "http://127.0.0.1:9870"
    """Address of WebHDFS: that of the NameNode, of HttpFS, or of Knox (`https://knox:8443/gateway/default/webhdfs/v1`)."""
    name_node: str = "hdfs://127.0.0.1:8020"
    """NameNode or name service that Spark reads from."""
    root: str = "/trends/archive/posts"
    """Folder of the master data set."""
    earlier: tuple[str, ...] = ()
    """Folders of earlier archives that hours come from, too. The batch layer remembers those that it read before."""
    user: str = "trends"
    """User that owns the files. With Kerberos or a token the server knows it by that proof instead."""
    auth: Literal["simple", "kerberos", "token"] = "simple"
    """Proof for WebHDFS. `simple`: the name alone; `kerberos`: a ticket (SPNEGO); `token`: the delegation token."""
    principal: str = ""
    """Kerberos principal, for WebHDFS and for Spark. Empty: that of the ticket cache."""
    keytab: Path | None = None
    """File with the key of the principal: tickets renew by themselves. Without one, `kinit` gets them."""
    token: SecretStr | None = None
    """Delegation token, as `hdfs fetchdt` prints it (urlString). Spark does not use it."""
    ca_file: Path | None = None
    """File with the certificate of the CA (PEM) of an https address. Without one, the usual CAs count."""
    timeout_s: float = Field(default=15.0, gt=0)
    """Longest wait for one answer of the NameNode or a DataNode, seconds."""

    @model_validator(mode="after")
    def _has_its_proof(self) -> "HdfsSettings":
        """Refuse a proof without what it needs, and what no proof uses."""
        if (self.auth == "token") != (self.token is not None):
            raise PydanticCustomError("token", 'hdfs.token and hdfs.auth = "token" go together')
        if self.auth != "kerberos" and (self.principal or self.keytab):
            raise PydanticCustomError("principal", 'hdfs.principal and hdfs.keytab need hdfs.auth = "kerberos"')
        if self.keytab and not self.principal:
            raise PydanticCustomError("keytab", "hdfs.keytab needs hdfs.principal")
        return self
