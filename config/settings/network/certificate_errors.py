"""Certificates that Python's `ssl` does not accept: why, from the error of whatever library asked, and what next."""

import re

_NOT_TRUSTED = re.compile(r"certificate verify failed: (.+?) \(_ssl")


def certificate_problem(error: Exception, ca_setting: str, address_setting: str) -> tuple[str, str]:
    """Why the server's certificate is not accepted, and the next step; two empty texts for another error."""
    found = _NOT_TRUSTED.search(str(error))
    if found is None:
        return "", ""
    reason = found[1]
    if "expired" in reason:
        return f"its {reason}", "Renew it on the server, or look at the clocks"
    if "issuer" in reason or "self-signed" in reason or "self signed" in reason:
        return "no CA that this client knows has signed its certificate", f"Name the CA's file in {ca_setting}"
    return f"its certificate is not valid: {reason}", f"Use a name of the certificate in {address_setting}"
