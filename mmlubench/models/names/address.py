"""Addresses of servers: their validation and their vendor's site."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

#: The routes that people copy into an address along with it.
_ROUTES = ("/chat/completions", "/completions", "/messages")


def address_problem(url: str | None) -> str:
    """Return a sentence that says why `url` cannot be a base_url; empty for a valid one and for None."""
    if url is None:
        return ""
    if "@" in url:
        return "base_url must not hold a user name or password: give the name of the key's variable in api_key_env."
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # a port that is no number, a bracket left open
        return (
            f"base_url is {_shown(url)}, which is no valid address; write it like http://localhost:8000/v1."
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return f"base_url is {_shown(url)}: it must begin with http:// or https://, like http://localhost:8000/v1."
    if parts.query or parts.fragment:
        return f"base_url is {_shown(url)}: it must end with its path, without ? or #."
    if ending := next((route for route in _ROUTES if parts.path.rstrip("/").endswith(route)), ""):
        return f"base_url is {_shown(url)}: it must end before {ending}, which is added for each request."
    return ""


def with_scheme_and_path(given: str) -> str:
    """Complete an address as people put it into variables: `localhost:1234` is http://localhost:1234/v1."""
    url = (given if "://" in given else f"http://{given}").rstrip("/")
    return url if "/" in url.partition("://")[2] else f"{url}/v1"


def _shown(url: str) -> str:
    # What follows may be a key, as in `?api-key=…`.
    path = re.split(r"[?#]", url, maxsplit=1)[0]
    return repr(path if path == url else f"{path}{url[len(path)]}…")


def site(url: str | None) -> str:
    """Return the last two parts of an address's host, which regional hosts of a vendor have in common."""
    name = (urlsplit(url or "").hostname or "").lower()
    return ".".join(name.split(".")[-2:])
