"""The HTTP proxy of the environment: which one a server is asked through, if any."""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from mmlubench.errors import ModelError
from mmlubench.models import secrecy

_HOW = "an HTTP proxy is written http://host:port, or http://user:password@host:port"


class Proxy(NamedTuple):
    """An HTTP proxy."""

    url: str
    """Its address, which may hold a user name and a password."""
    shown: str
    """Its address without them, for messages."""
    variable: str
    """The environment variable or setting that names it."""


def proxy_of(url: str) -> Proxy | None:
    """Return the proxy for the server at `url`; None for this very machine and for hosts in NO_PROXY.

    HTTP_PROXY or HTTPS_PROXY applies by the scheme of `url`, and ALL_PROXY where that is not set; the names may be in
    small letters. Raises ModelError for a proxy that is no HTTP proxy, such as a SOCKS one.
    """
    # late: slow to import, and of no use to a server of this machine
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    named = getproxies()
    scheme = parts.scheme.lower() if named.get(parts.scheme.lower()) else "all"
    proxy = named.get(scheme)
    if (
        not proxy
        or _is_this_machine(host)
        or proxy_bypass(parts.netloc)
        or _is_listed(host, named.get("no", ""))
    ):
        return None
    return _read(proxy, f"{scheme}_proxy".upper())


def _is_this_machine(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
        return (
            address.is_loopback or address.is_unspecified
        )  # 0.0.0.0, which servers print as their own address
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761


def _is_listed(host: str, no_proxy: str) -> bool:
    """Whether NO_PROXY lists a host in a way that `urllib` does not know: `*.example.com`, `10.0.0.0/8`, `[::1]`."""
    for entry in no_proxy.lower().replace(",", " ").split():
        if entry == "*" or (entry.startswith("*.") and host.endswith(entry[1:])):
            return True
        try:
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False):
                return True
        except ValueError:  # a name, of either
            continue
    return False


def _read(proxy: str, variable: str) -> Proxy:
    url = proxy.strip() if "://" in proxy else f"http://{proxy.strip()}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # without the address, as it may hold a password
        raise ModelError(f"{variable} is no valid address: {_HOW}.") from None
    if parts.scheme not in ("http", "https"):
        what = "a SOCKS proxy" if parts.scheme.startswith("socks") else f"a proxy of the kind {parts.scheme}"
        raise ModelError(
            f"{variable} names {what}, which is not supported: {_HOW}; or list the server's host in NO_PROXY."
        )
    if not host:
        raise ModelError(f"{variable} names no host: {_HOW}.")
    if parts.password:
        secrecy.note(unquote(parts.password))
    at = f"[{host}]" if ":" in host else host
    return Proxy(url, f"{parts.scheme}://{at}{f':{port}' if port else ''}", variable)
