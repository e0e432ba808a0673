"""HTTP session with WebHDFS, HttpFS or Knox: who asks, by which proof, and whose certificates count.

No other module opens one, so `hdfs.auth` and `hdfs.ca_file` hold for every request.
"""

import os
from http.cookiejar import DefaultCookiePolicy
from importlib import import_module
from typing import Any

import requests

from config.distribution import NAME
from config.errors import UsageError
from config.settings.sections.hdfs import HdfsSettings

PREFIX = "/webhdfs/v1"
"""Path of the protocol on a NameNode; Knox has its own path before it."""


def base_url(settings: HdfsSettings) -> str:
    """The address without the path of the protocol, which `hdfs.url` may include."""
    return settings.url.rstrip("/").removesuffix(PREFIX)


def open_session(settings: HdfsSettings) -> requests.Session:
    """A session whose requests carry the proof that `hdfs.auth` names. One thread uses it.

    Raises `UsageError` if the machine lacks what the proof needs.
    """
    session = requests.Session()
    session.trust_env = False  # neither proxies nor .netrc: looking for them costs more than the call
    if settings.ca_file is not None:
        session.verify = str(_readable_ca(settings))
    if settings.auth == "kerberos":  # its cookie spares the next request a ticket
        session.auth = _kerberos(settings)
        return session
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a tenth of the call
    if settings.auth == "token":
        session.params = {"delegation": settings.token.get_secret_value() if settings.token else ""}
    else:
        session.params = {"user.name": settings.user}
    return session


def refusal(settings: HdfsSettings) -> str:
    """The next step where a server refuses the proof of the session."""
    if settings.auth == "token":
        return "Fetch a new delegation token for hdfs.token: this one is wrong, or has expired"
    if settings.auth == "kerberos":
        who = settings.principal or "of the ticket cache"
        return f"`klist` shows the tickets: let the principal {who} get one (hdfs.principal, hdfs.keytab, `kinit`)"
    return 'The cluster wants a proof: set hdfs.auth to "kerberos" or "token"'


def _readable_ca(settings: HdfsSettings) -> object:
    path = settings.ca_file.expanduser() if settings.ca_file else None
    if path is None or not path.is_file():
        raise UsageError(f"no such file: {path}", where="hdfs.ca_file", next_step="Name a file with the CA as PEM")
    return path


def _kerberos(settings: HdfsSettings) -> Any:
    """The library's negotiation: a ticket of the cache, or of the keytab, which MIT's library reads by itself."""
    if settings.keytab is not None:
        os.environ["KRB5_CLIENT_KTNAME"] = f"FILE:{settings.keytab.expanduser()}"
    try:
        library = import_module("requests_kerberos")
    except ImportError:
        raise UsageError(
            "the package requests-kerberos is missing",
            where="hdfs.auth",
            next_step=f"`apt-get install libkrb5-dev`, then `pip install '{NAME}[kerberos]'`",
        ) from None
    principal = settings.principal or None
    return library.HTTPKerberosAuth(mutual_authentication=library.OPTIONAL, principal=principal)
