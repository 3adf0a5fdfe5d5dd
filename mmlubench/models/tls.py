"""TLS: which certificates of a server are trusted, and which certificate of our own is shown to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmlubench.errors import ModelError

if TYPE_CHECKING:
    import ssl

#: The variables that name files of certificates, for OpenSSL, requests and curl, and the one that names folders.
_FILES, _FOLDERS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), "SSL_CERT_DIR"


@dataclass(frozen=True, slots=True)
class Tls:
    """The TLS settings of one model's server, as its entry in models.yaml gives them."""

    ca_file: str | None = None
    """A PEM file, or a folder made by `c_rehash`, of the only authorities that are trusted.

    None for those that the variables of OpenSSL, requests and curl name, or else those of the system.
    """
    verify: bool = True
    """Whether the server's certificate is verified."""
    client_cert: str | None = None
    """A PEM file of our own certificate, for a server that asks for one."""
    client_key: str | None = None
    """The PEM file of its private key; None if `client_cert` holds that, too."""

    def is_usual(self, env: Mapping[str, str] = os.environ) -> bool:
        """Whether neither these settings nor variables name anything but the system's authorities."""
        return self == USUAL_TLS and not any(env.get(name) for name in (*_FILES, _FOLDERS))

    def context(self, env: Mapping[str, str] = os.environ) -> ssl.SSLContext:
        """Make the context of connections. Raises ModelError for a file that cannot be used."""
        import ssl  # late: pytest loads this module in every run, and most servers of one's own have no TLS

        if not self.verify:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        elif trusted := [("ca_file", self.ca_file)] if self.ca_file else _named(env):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            for name, path in trusted:
                _trust(context, name, path)
        else:
            context = ssl.create_default_context()
        if self.client_cert:
            self._show(context, self.client_cert)
        return context

    def _show(self, context: ssl.SSLContext, certificate: str) -> None:
        try:
            # Without a password of its own OpenSSL would ask for it in the terminal.
            context.load_cert_chain(certificate, self.client_key, password=_no_password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            key = f" with client_key {self.client_key}" if self.client_key else ""
            raise ModelError(
                f"client_cert {certificate}{key} cannot be used ({_words(error)}): it must be a PEM file with the "
                "certificate, and its private key without a password stands in it or in client_key."
            ) from None


USUAL_TLS = Tls()


def _named(env: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variables that are set and what they name: all of it is trusted.

    Tools such as conda set SSL_CERT_FILE by themselves; the authority of a company stands in another variable then.
    """
    return [(name, env[name]) for name in (*_FILES, _FOLDERS) if env.get(name)]


def _trust(context: ssl.SSLContext, name: str, path: str) -> None:
    is_folder = (
        name == _FOLDERS or Path(path).is_dir()
    )  # that of OpenSSL may be several, with colons in between
    try:
        context.load_verify_locations(None if is_folder else path, path if is_folder else None)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{name} {path} cannot be used ({_words(error)}): it must be a PEM file of certificates."
        ) from None


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return str(reason).replace("_", " ")


def _no_password(*_: object) -> str:
    raise ValueError("its private key has a password")
