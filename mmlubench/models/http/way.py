"""The way to a server: its proxy and its TLS settings, and what an error on that way means, in words."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from mmlubench.errors import BadReply, OutOfSockets, ProviderError, Rejected, Unreachable
from mmlubench.models.http.proxies import proxy_of
from mmlubench.models.http.tls_failures import is_no_tls, is_ssl, tls_failure
from mmlubench.models.tls import USUAL_TLS, Tls

if TYPE_CHECKING:
    import ssl

#: What this machine, not the server, has run out of: descriptors, of the process and of the system, and buffers.
_FILES = frozenset([errno.EMFILE, errno.ENFILE])
_SHORT = _FILES | {errno.ENOBUFS, errno.ENOMEM}
#: How the numbers of several errors stand in the text of one that joins them.
_NUMBER = re.compile(r"\[Errno (\d+)\]")
#: The seconds in which a server that ended a plain connection has to show that it speaks TLS.
_PROBE_S = 1.0


class Refusal(NamedTuple):
    """What a proxy said in place of passing a connection on."""

    status: int
    said: str


class Way:
    """The way to one server, whichever library goes it."""

    def __init__(self, base_url: str, tls: Tls = USUAL_TLS) -> None:
        """Raises ModelError for a proxy or a file of certificates that cannot be used, before anything is sent."""
        self.base_url = base_url
        self.proxy = proxy_of(base_url)
        self.is_tls = base_url.lower().startswith("https:")
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        self.has_own_trust = self.is_tls and not tls.is_usual()
        """Whether other authorities than those of the system are trusted, or none is needed."""
        if self.has_own_trust:
            self.tls_context()
        self.was_reached = False
        """Whether there was ever a reply."""
        self._speaks_tls: bool | None = None

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the TLS context, made at the first call; None for a server without TLS."""
        if self.is_tls and self._context is None:
            self._context = self._tls.context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context

    async def failure(self, error: BaseException) -> ProviderError:
        """Return our error for one that ended a connection, or kept it from being made."""
        chain = list(_chain(error))
        if shortage := self._shortage(chain):
            return OutOfSockets(shortage)
        if what := next(filter(None, (tls_failure(link, is_tls=self.is_tls) for link in chain)), ""):
            return Unreachable(f"cannot reach {self.base_url}: {self._of_proxy(chain) or what}")
        cause = _cause(chain)
        if isinstance(cause, socket.gaierror):
            return self._unknown_host(cause)
        numbers, words = _numbers(cause), _words(cause)
        is_connecting = bool(numbers) and not {errno.ECONNRESET, errno.EPIPE} & numbers.keys()
        if self.proxy is not None and is_connecting:
            return Unreachable(
                f"cannot reach the proxy {self.proxy.shown} ({words}), which {self.proxy.variable} names for "
                f"{self.base_url}: is the proxy running, or should NO_PROXY list the server's host?"
            )
        if not is_connecting and await self._answers_in_tls():
            return Unreachable(self._is_https)
        through = f" through the proxy {self.proxy.shown}" if self.proxy is not None else ""
        # With TLS 1.3 a server that wants a certificate says so, if at all, only when the connection is set up.
        is_shy = not is_connecting and self.is_tls and not self.was_reached
        ask = "is the server running, the address right, and does it want a client certificate (client_cert)?"
        usual = "is the server running and the address right?"
        return Unreachable(f"cannot reach {self.base_url}{through} ({words}): {ask if is_shy else usual}")

    def too_slow(self, connect_s: float, total_s: float) -> Unreachable:
        """Return the error for a request that timed out."""
        allowed = f"{connect_s:g} s to connect, {total_s:g} s in all"
        through = f" through the proxy {self.proxy.shown}" if self.proxy is not None else ""
        doubt = "does it speak TLS? A" if self.is_tls and not self.was_reached else "a"
        error = Unreachable(
            f"{self.base_url} did not answer in time{through} ({allowed}); "
            f"{doubt} slow server needs a longer --request-timeout"
        )
        error.timed_out = True
        return error

    def _of_proxy(self, chain: list[BaseException]) -> str:
        """Return what is wrong with a proxy that is to be asked over TLS; empty if it is not the proxy."""
        if self.proxy is None or not self.proxy.shown.startswith("https:"):
            return ""
        if not any(is_no_tls(link) for link in chain):
            return ""
        return (
            f"the proxy {self.proxy.shown} is no TLS server; "
            f"write http:// in place of https:// in {self.proxy.variable}"
        )

    async def no_http(self, said: str) -> ProviderError:
        """Return the error for a server that answers with something else than HTTP."""
        if await self._answers_in_tls():
            return Unreachable(self._is_https)
        return BadReply(f"{self.base_url} does not answer in HTTP: {said}")

    def proxy_refusal(self, refusal: Refusal) -> ProviderError:
        """Return the error for a proxy that passes no connection on (RFC 9110, 9.3.6)."""
        proxy = f"the proxy {self.proxy.shown}" if self.proxy is not None else "the proxy"
        said = "".join(filter(str.isprintable, refusal.said))
        message = f"{proxy} does not pass on to {self.base_url}: HTTP {refusal.status} {said}".rstrip()
        if refusal.status == 407:
            message += f"; give user and password in {self.proxy.variable if self.proxy else 'its address'}"
        kind = Rejected if 400 <= refusal.status < 500 else Unreachable
        return kind(message, status=refusal.status)

    @property
    def _is_https(self) -> str:
        return f"{self.base_url} is a TLS server: write https:// in place of http:// in base_url"

    async def _answers_in_tls(self) -> bool:
        """Whether the server, which has not answered any plain request, speaks TLS; it is tried once."""
        if self.is_tls or self.was_reached or self.proxy is not None:
            return False
        if self._speaks_tls is None:
            self._speaks_tls = False  # for those that fail meanwhile: they are tried again, and are told then
            self._speaks_tls = await _speaks_tls(self.base_url)
        return self._speaks_tls

    def _shortage(self, chain: list[BaseException]) -> str:
        """Return what this machine lacks; empty if it lacks nothing."""
        numbers = {e.errno for e in chain if isinstance(e, OSError) and e.errno and not is_ssl(e)}
        if numbers & _SHORT or (any(isinstance(e, socket.gaierror) for e in chain) and _has_no_descriptor()):
            number = next(iter(numbers & _SHORT), errno.EMFILE)
            cure = "raise the limit with `ulimit -n`, or" if number in _FILES else "free some memory, or"
            return (
                f"this machine has no room for another connection ({os.strerror(number)}); the server is not to blame: "
                f"{cure} give a smaller --concurrency"
            )
        # Without any connection before, it is an address of a kind that this machine does not have, such as IPv6.
        if errno.EADDRNOTAVAIL in numbers and self.was_reached:
            return (
                "this machine has no free port for another connection (Cannot assign requested address); the server is "
                "not to blame: ports are free again a minute after their connections, or give a smaller --concurrency"
            )
        if any(isinstance(error, RuntimeError) and "start new thread" in str(error) for error in chain):
            return "this machine allows no further thread to look up a host name: raise the limit with `ulimit -u`"
        return ""

    def _unknown_host(self, error: socket.gaierror) -> Unreachable:
        said = error.strerror or "unknown"
        if self.proxy is not None:
            where = f"the proxy {self.proxy.shown}, which {self.proxy.variable} names for {self.base_url}"
        else:
            where = self.base_url
        host = urlsplit(self.base_url if self.proxy is None else self.proxy.shown).hostname
        return Unreachable(
            f"cannot reach {where}: the host name {host} is not found ({said}): is the name right, and DNS working?"
        )


async def _speaks_tls(base_url: str) -> bool:
    """Whether a TLS connection can be set up to the host and port of an address; nothing is sent."""
    import ssl  # late: only after a failure

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    parts = urlsplit(base_url)
    try:
        opening = asyncio.open_connection(parts.hostname, parts.port or 80, ssl=context)
        _, writer = await asyncio.wait_for(opening, _PROBE_S)
    except (OSError, ValueError, asyncio.TimeoutError):
        return False
    writer.transport.abort()
    return True


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those inside it, as libraries wrap them."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _cause(chain: list[BaseException]) -> BaseException:
    """Return the error in the chain that says most: the operating system's, or else the outermost."""
    numbered = [error for error in chain if isinstance(error, OSError) and error.errno]
    return next((e for e in numbered if isinstance(e, socket.gaierror)), None) or (numbered or chain)[0]


def _words(error: BaseException) -> str:
    """Return the operating system's message, such as `Connection refused`, or the error's own."""
    return ", ".join(map(os.strerror, _numbers(error))) or str(error).rstrip(".") or type(error).__name__


def _numbers(error: BaseException) -> dict[int, None]:
    """Return the operating system's numbers of an error; those of several, where aiohappyeyeballs joined them."""
    if not isinstance(error, OSError):
        return {}
    return dict.fromkeys([error.errno] if error.errno else map(int, _NUMBER.findall(str(error))))


def _has_no_descriptor() -> bool:
    """Whether this process cannot open another file: looking up a name then fails as if the name were unknown."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in _SHORT
    return False
