"""Failures of TLS in words: what is wrong with the server, its certificate or ours, and what to do."""

from __future__ import annotations

#: OpenSSL's reasons: what arrived is no TLS; both sides know no common version; the server wants a certificate of ours;
#: the connection ended.
_NO_TLS = (
    *("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"),
    *("PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"),
)
_OTHER_VERSION = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
_WANTS_CERTIFICATE = (
    "CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_CERTIFICATE",
)
_CUT = ("UNEXPECTED_EOF_WHILE_READING",)
#: What to do about a certificate, by OpenSSL's number of the problem (X509_V_ERR in x509_vfy.h).
_CURES = {
    9: "is the clock of this machine right?",
    10: "its server needs a new one, or is the clock of this machine wrong?",
    62: "is the host in base_url the one that the certificate names?",
    64: "is the host in base_url the one that the certificate names?",
}
_CURE = "name its authority in ca_file of models.yaml or in SSL_CERT_FILE"
_UNSAFE = "for a server of your own, verify: false in models.yaml asks it all the same"
#: All that is known of a server that just ends the connection.
_ENDED = (
    "the server ended the connection while TLS was set up: does it speak TLS, in a version of today, "
    "and does it want a client certificate (client_cert)?"
)


def tls_failure(error: BaseException, *, is_tls: bool) -> str:
    """Return what went wrong with TLS; empty if the error is of another kind.

    `is_tls` is whether the connection was to use TLS.
    """
    # asyncio makes an error without a number if the connection ends in the middle of the handshake.
    if is_tls and isinstance(error, ConnectionResetError) and error.errno is None:
        return _ENDED
    if not is_ssl(error):
        return ""
    if said := str(getattr(error, "verify_message", "")).rstrip("."):
        cure = _CURES.get(getattr(error, "verify_code", 0), _CURE)
        return f"certificate verify failed: {said}; {cure} ({_UNSAFE})"
    reason = str(getattr(error, "reason", None) or "")
    spaced = reason.lower().replace("_", " ")
    if any(mark in reason for mark in _CUT):
        return _ENDED
    if is_no_tls(error):
        return "this is no TLS server; write http:// in place of https:// in base_url"
    if any(mark in reason for mark in _OTHER_VERSION):
        return f"it speaks no version of TLS that is still considered safe ({spaced})"
    if any(mark in reason for mark in _WANTS_CERTIFICATE):
        return f"it wants a client certificate ({spaced}); name yours in client_cert of models.yaml"
    if "HANDSHAKE_FAILURE" in reason:
        return f"the server refuses the handshake ({spaced}): it may want a client certificate (client_cert)"
    return f"TLS failed ({spaced or error})"


def is_no_tls(error: BaseException) -> bool:
    """Whether what arrived in place of a handshake is no TLS."""
    return is_ssl(error) and any(mark in str(getattr(error, "reason", "")) for mark in _NO_TLS)


def is_ssl(error: BaseException) -> bool:
    """Whether this is an ssl.SSLError, whose number is none of the operating system's."""
    return hasattr(error, "library") and hasattr(error, "reason")  # without its import
