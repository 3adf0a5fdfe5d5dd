"""A reply that is no answer, turned into the error of our tree that says what to do; nowhere else is this known."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any, NamedTuple

import orjson

from mmlubench.errors import BadReply, Overloaded, ProviderError, RateLimited, Rejected, Unreachable
from mmlubench.models.http.rate_headers import pause_s
from mmlubench.models.http.transport import Reply
from mmlubench.models.secrecy import Mask
from mmlubench.models.spec import ModelSpec

MESSAGE_CHARS = 300

#: 429s that no waiting cures: the account is out of money or over a limit of its own.
#: Narrow on purpose: ordinary rate limits also speak of quotas and link to a billing page.
_OUT_OF_MONEY = re.compile(
    r"insufficient_quota|billing_hard_limit|spend[_ ]limit"
    r"|credits?[_ ](balance[_ ]|is[_ ])*(exhausted|too low)|insufficient[_ ]credit",
    re.IGNORECASE,
)
#: How gateways (LiteLLM) say that the server behind them is out of reach: they have no status of its own for that.
_OUT_OF_REACH = re.compile(
    r"connection error|cannot connect to host|connection (refused|reset|aborted)|server disconnected",
    re.IGNORECASE,
)
#: LiteLLM's name for a header of the server behind it begins so.
_PASSED_ON = "llm_provider-"
#: What looks like a key, wherever a server may have echoed it.
_KEY_LIKE = re.compile(r"Bearer\s+\S+|\b(?:sk|pk|rk)-[\w*.\-]{6,}")


class Said(NamedTuple):
    """What a provider said was wrong."""

    message: str
    codes: str = ""
    """Its machine-readable words, such as `insufficient_quota`, joined by blanks."""
    status: int | None = None
    """The HTTP status that the body names, whatever the reply's own status was."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Turns what one model's server sends instead of an answer into a ProviderError."""

    spec: ModelSpec
    secret: str = field(default="", repr=False)
    """The key: it is cut out of everything that comes back, since servers like to echo it."""
    mask: Mask = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask", Mask([self.secret]))

    def without_key(self, content: bytes) -> bytes:
        """Return a body without the key in it: before it is read, so that no cut can leave half a key behind."""
        return self.mask.raw(content)

    def of_reply(self, reply: Reply) -> ProviderError:
        """Blame a reply whose status is not 200."""
        said = read_error(reply.content)
        if 300 <= reply.status < 400:
            to = reply.headers.get("location", "elsewhere")
            said = Said(f"redirects to {to}; put that into base_url")
        wait_s = retry_after_s(reply.headers)
        return self._error(reply.status, said, pause_s(reply.headers) or None if wait_s is None else wait_s)

    def of_payload(self, payload: Any) -> ProviderError:
        """Blame a body that holds an error object although the status was 200."""
        said = error_in(payload)
        if said.status is None or said.status < 400:
            return self.bad_reply(f"status 200, but the body is an error: {said.message}")
        return self._error(said.status, said, None)

    def bad_reply(self, problem: str) -> BadReply:
        """Blame a body that does not follow the protocol."""
        return BadReply(self._clean(f"{self.spec.label}: {problem}"))

    def without_logprobs(self, problem: str) -> BadReply:
        """Make the error for a reply without the log-probabilities that were asked for: who has none, never has any."""
        error = self.bad_reply(problem)
        error.retryable = False
        return error

    def _error(self, status: int, said: Said, wait_s: float | None) -> ProviderError:
        kind = kind_of(status, said)
        parts = [f"{self.spec.label}: HTTP {status}", said.message, self._advice(status, kind, said)]
        return kind(
            self._clean(": ".join(part for part in parts if part)), status=status, retry_after_s=wait_s
        )

    def _advice(self, status: int, kind: type[ProviderError], said: Said) -> str:
        """Say what a user can do about it; empty where the provider's own words must do."""
        if status in (401, 403):
            variable = self.spec.api_key_env
            return (
                f"check the key in {variable}"
                if variable
                else "if the server wants a key, name its variable in api_key_env"
            )
        if status == 404:
            return self._about_missing(said)
        if status == 402 or (status == 429 and kind is Rejected):
            return "the account is out of credit or over its spend limit, and waiting will not help"
        return ""

    def _about_missing(self, said: Said) -> str:
        model, address = self.spec.asked_model, self.spec.base_url
        if "model" not in f"{said.message} {said.codes}".lower():
            if not self.spec.self_hosted:
                return ""
            return f"is base_url {address} right? OpenAI-compatible servers usually want it to end with /v1"
        see = f"; see GET {address}/models for the names it serves" if self.spec.self_hosted else ""
        return f"asked for model {model!r}{see}"

    def _clean(self, message: str) -> str:
        return _KEY_LIKE.sub("***", self.mask.text(message))


def kind_of(status: int, said: Said) -> type[ProviderError]:
    """Choose the class of error for a status: what is worth another try, and what is not."""
    if status == 429:
        return Rejected if _OUT_OF_MONEY.search(f"{said.codes} {said.message}") else RateLimited
    if status == 500 and _OUT_OF_REACH.search(said.message):
        return Unreachable
    if status in (408, 409) or status >= 500:
        return Overloaded
    return Rejected if status >= 300 else BadReply


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds to wait as `retry-after-ms` or `retry-after` (seconds or an HTTP date, RFC 9110) ask for."""
    if "retry-after-ms" in headers:
        return _seconds(headers["retry-after-ms"], 1000)
    value = headers.get("retry-after") or headers.get(f"{_PASSED_ON}retry-after")
    if value is None:
        return None
    seconds = _seconds(value, 1)
    if seconds is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - (time.time() if now is None else now))
    except (ValueError, OverflowError):
        return None


def _seconds(value: str, divisor: int) -> float | None:
    try:
        number = float(value) / divisor
    except ValueError:
        return None
    return max(0.0, number) if isfinite(number) else None


def read_error(content: bytes) -> Said:
    """Read what a body says was wrong: OpenAI's or Anthropic's shape, FastAPI's, an HTML page or plain text."""
    try:
        return error_in(orjson.loads(content))
    except orjson.JSONDecodeError:
        text = content.decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return Said(one_line(title[1] if title else re.sub(r"<[^>]*>", " ", text)))


def error_in(payload: Any) -> Said:
    """Read what a JSON body says was wrong."""
    outer = payload if isinstance(payload, dict) else {}
    error = outer.get("error") or payload
    if not isinstance(error, dict):
        return Said(one_line(error))
    details = error.get("details")
    codes = [
        error.get("type"),
        error.get("code"),
        details.get("error_code") if isinstance(details, dict) else None,
    ]
    message = error.get("message") or error.get("detail") or error
    status = error.get("code") if isinstance(error.get("code"), int) else None
    return Said(one_line(message) + _upstream(error), " ".join(str(c) for c in codes if c), status)


def _upstream(error: Mapping[str, Any]) -> str:
    """OpenRouter's word on whose error it was; its own message is often just `Provider returned error`."""
    metadata = error.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("provider_name"):
        return ""
    return f" ({one_line(metadata['provider_name'])}: {one_line(metadata.get('raw') or '?')})"


def one_line(value: object) -> str:
    """Any value as one line of at most 300 characters."""
    if isinstance(value, (dict, list)):
        value = orjson.dumps(value).decode()
    text = " ".join(str(value).split())
    return text if len(text) <= MESSAGE_CHARS else text[: MESSAGE_CHARS - 1] + "…"
