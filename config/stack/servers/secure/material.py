"""Material: makes the certificates and passwords of a secure stack, and renews certificates before they end.

A state folder is plain or secure for good: servers with data know either no user or all of them.
"""

import secrets
from datetime import datetime

from config.errors import UsageError
from config.settings import Settings
from config.settings.secrets import write_private, write_private_bytes
from config.settings.secure_stack import SecureFiles, secure_files
from config.stack.paths import StackPaths
from config.stack.servers.secure import certificates
from config.stack.servers.secure.certificates import BACKDATED, SERVER_FOR, Identity

PASSWORDS = ("kafka-broker", "kafka-controller", "kafka-trends", "mongo-admin", "mongo-trends", "store")
OTHER_FOLDER = "Set stack.state to another folder, or `trends down` and remove this one with its data"


def prepare(settings: Settings, paths: StackPaths, now: datetime | None = None) -> Settings:
    """The settings that connect to this stack; of a secure one it makes or renews what its servers need first.

    Raises `UsageError` where a plain stack is to become a secure one, or the other way round.
    """
    files = SecureFiles.of(settings.stack)
    began_secure = files.ca.is_file()
    if began_secure and settings.stack.secure is False:
        raise UsageError(
            "this stack is secure, and stack.secure is false: it can't become a plain one",
            where=str(paths.state),
            next_step=f"Unset stack.secure. {OTHER_FOLDER}",
        )
    if secure_files(settings.stack) is None:
        return settings
    if not began_secure and _has_data(paths):
        raise UsageError(
            "this stack is plain, and its servers have data: it can't become a secure one",
            where=str(paths.state),
            next_step=OTHER_FOLDER,
        )
    renew(files, now or certificates.now())
    return settings.with_local_logins()


def renew(files: SecureFiles, now: datetime) -> bool:
    """Make what is missing or ends soon; tell whether servers have another certificate than before."""
    for name in PASSWORDS:
        if not files.password_file(name).is_file():
            write_private(files.password_file(name), secrets.token_urlsafe(32))
    if not files.mongo_key.is_file():
        write_private(files.mongo_key, secrets.token_hex(256))  # of base64, which `-` and `_` are not
    authority = certificates.read(files.ca, files.ca_key)
    server = certificates.read(files.server, files.server)
    due = authority is None or certificates.is_due(authority, now)
    if authority is None or due:
        authority = certificates.authority(now)
    if due or certificates.is_due(server, now) or not files.server_store.is_file():
        server = certificates.issue(authority, now - BACKDATED, now + SERVER_FOR)
        write_server(files, authority, server)
    elif not due:
        return False
    write_private(files.ca_key, authority.key_pem())
    write_private(files.ca, authority.certificate_pem())  # last: with it the stack counts as secure
    return True


def write_server(files: SecureFiles, authority: Identity, server: Identity) -> None:
    """Write a certificate of the servers in each form that one of them reads."""
    store = files.password("store")
    write_private_bytes(files.server_store, server.store(store, authority.certificate))
    write_private(files.server, server.key_pem() + server.certificate_pem())


def serial(files: SecureFiles) -> str:
    """The number of the servers' certificate: a server starts anew when it changes."""
    server = certificates.read(files.server, files.server)
    return f"{server.certificate.serial_number:x}" if server else ""


def _has_data(paths: StackPaths) -> bool:
    data = paths.state / "data"
    return data.is_dir() and any(any(folder.iterdir()) for folder in data.iterdir() if folder.is_dir())
