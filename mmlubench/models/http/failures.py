"""Error replies of servers, mapped to our error classes with advice for the user. Nothing else knows their formats."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from json import JSONDecodeError
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import urljoin

from mmlubench.errors import (
    BadReply,
    Overloaded,
    ProviderError,
    RateLimited,
    Rejected,
    Unreachable,
    clause,
)
from mmlubench.jsonl import encoded
from mmlubench.models.http import payload as json_payload
from mmlubench.models.http.filtered import FILTERING, is_filtered
from mmlubench.models.http.rate_headers import pause_s
from mmlubench.models.http.reply import Reply
from mmlubench.models.http.served import Served
from mmlubench.models.http.unsupported import unsupported
from mmlubench.models.secrecy import Mask, secrets_in
from mmlubench.models.spec import ModelSpec
from mmlubench.printable import on_one_line
from mmlubench.schema import Completion

MESSAGE_CHARS = 300
#: Of longer texts and pages only the beginning is read: a message is no longer than `MESSAGE_CHARS`.
_READ_CHARS, _PAGE_BYTES = 10_000, 100_000
_STATUS_DIGITS = 3
#: Values of `error`, or of its `code`, that say that there is none.
_FINE = (0, 200, "0", "200", "ok", "OK", "none", "null", "success")

#: Marks of a 429 that waiting does not cure: the account is out of money or over its own spend limit. The pattern is
#: narrow, because ordinary rate limits also mention quotas and link to a billing page.
_OUT_OF_MONEY = re.compile(
    r"insufficient_quota|billing_hard_limit|spend[_ ]limit"
    r"|credits?[_ ](balance[_ ]|is[_ ])*(exhausted|too low)|insufficient[_ ]credit",
    re.IGNORECASE,
)
#: Messages with which gateways (LiteLLM) report, with status 500, that the server behind them cannot be reached.
_OUT_OF_REACH = re.compile(
    r"connection error|cannot connect to host|connection (refused|reset|aborted)|server disconnected",
    re.IGNORECASE,
)
#: Codes of errors that may come with status 200, and the status that they come with otherwise: what is waited out, and
#: what waiting does not cure.
_STATUS_OF = {
    **dict.fromkeys(("rate_limit_error", "rate_limit_exceeded", "too_many_requests"), 429),
    **dict.fromkeys(("insufficient_quota", "billing_hard_limit_reached"), 429),
    **dict.fromkeys(
        ("service_unavailable", "service_unavailable_error", "slow_down", "engine_overloaded"), 503
    ),
    **dict.fromkeys(("overloaded_error", "overloaded"), 529),
}
#: The prefix of headers that LiteLLM passes on from the server behind it.
_PASSED_ON = "llm_provider-"
#: Texts that look like an API key, in case a server echoes one.
_KEY_LIKE = re.compile(r"Bearer\s+\S+|\b(?:sk|pk|rk)-[\w*.\-]{6,}")


class Said(NamedTuple):
    """The error that a provider reports in a reply."""

    message: str
    codes: str = ""
    """The machine-readable codes, such as `insufficient_quota`, joined by blanks."""
    status: int | None = None
    """The HTTP status that the body names; the reply's own status may be another one."""
    param: str = ""
    """The parameter that the error is about, where it names one in a field of its own."""
    advice: str = ""
    """What the user can do, where that is known beforehand."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Makes a ProviderError from a reply of one model's server that is no answer."""

    spec: ModelSpec
    secret: str = field(default="", repr=False)
    """The API key: it is redacted in every reply, since some servers echo it."""
    mask: Mask = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mask", Mask([self.secret, *secrets_in(self.spec.extra_body)]))

    def without_key(self, content: bytes) -> bytes:
        """Redact the key in a body; done before the body is parsed, so that shortening cannot leave half a key."""
        return self.mask.raw(content)

    def of_reply(self, reply: Reply, path: str = "", served: Served | None = None) -> ProviderError:
        """Make the error for a reply whose status is not 200.

        For a 404, `path` is what was requested, and `served` is what the server lists, if that was looked up.
        """
        said = read_error(reply.content)
        if 300 <= reply.status < 400:
            said = Said(self._redirect(reply.headers.get("location", ""), path))
        wait_s = retry_after_s(reply.headers)
        if reply.status == 404 and served is not None:
            said = said._replace(advice=self._about_missing(said, path, served))
        return self._error(reply.status, said, pause_s(reply.headers) or None if wait_s is None else wait_s)

    def refusal(self, status: int, content: bytes) -> str:
        """Return what a content filter said in a reply whose status is not 200; empty for any other failure."""
        said = read_error(content) if status in FILTERING else Said("")
        return self._clean(said.message) if is_filtered(status, said.codes, said.message) else ""

    def of_payload(self, payload: Any) -> ProviderError:
        """Make the error for a body that holds an error object although the status was 200."""
        said = error_in(payload)
        by_code = (_STATUS_OF[code] for code in said.codes.lower().split() if code in _STATUS_OF)
        status = said.status if said.status is not None else next(by_code, 0)
        if status < 400:
            return self.bad_reply(f"status 200, but the body is an error: {said.message}")
        return self._error(status, said, None)

    def is_error(self, payload: Any) -> bool:
        """Whether a parsed body with status 200 is an error: OpenAI's, Anthropic's, or an older vLLM's."""
        outer = payload if type(payload) is dict else _outer(payload)
        error = outer.get("error")
        if not error:
            return "error" in (outer.get("object"), outer.get("type"))
        # A gateway may add an empty error, or a word such as `success`, to every reply.
        if isinstance(error, dict) and error.get("code") in (None, ""):
            return any(error.values())
        code = error.get("code") if isinstance(error, dict) else error
        return code not in _FINE

    def of_finish(self, completion: Completion) -> ProviderError:
        """Make the error for a reply whose finish reason says that the server failed; some text may have come."""
        so_far = f" after {one_line(completion.text[:120])!r}" if completion.text.strip() else ""
        said = f"the server ended its reply with the finish reason {completion.finish_reason!r}{so_far}"
        return Overloaded(self._clean(f"{self.spec.label}: {said}"))

    def no_json(self, content: bytes, error: ValueError) -> BadReply:
        """Make the error for a body with status 200 that is no JSON: a page, a text, or what a proxy sends."""
        start = one_line(content[:80].decode("utf-8", "replace"))
        why = "" if isinstance(error, JSONDecodeError) else f" ({error})"
        return self.bad_reply(f"status 200, but the body is not JSON{why}: {start!r}")

    def bad_reply(self, problem: str) -> BadReply:
        """Make the error for a body that does not follow the protocol."""
        return BadReply(self._clean(f"{self.spec.label}: {problem}"))

    def without_logprobs(self, problem: str) -> BadReply:
        """Make the error for a reply without the log-probabilities that were asked for."""
        error = self.bad_reply(problem)
        error.retryable = False  # a server that omits them once never sends them
        return error

    def _error(self, status: int, said: Said, wait_s: float | None) -> ProviderError:
        kind = kind_of(status, said)
        message, advice = f"{self.spec.label}: HTTP {status}", self._advice(status, kind, said)
        if said.message:
            message += f": {said.message}"
        if advice:
            message = f"{clause(message)}: {advice}"
        error = kind(self._clean(message), status=status, retry_after_s=wait_s)
        error.unsupported = unsupported(status, said.message, said.param)
        return error

    def _advice(self, status: int, kind: type[ProviderError], said: Said) -> str:
        """Return what the user can do about the error; empty where the provider's message says enough."""
        if status in (401, 403):
            variable = self.spec.api_key_env
            return (
                f"check the key in {variable}"
                if variable
                else "if the server wants a key, name its variable in api_key_env"
            )
        if status == 404:
            return said.advice or (f"asked for model {self.spec.asked_model!r}" if _is_of_model(said) else "")
        if status == 407:
            return "the proxy wants a user and a password; give them in HTTP_PROXY"
        if status == 402 or (status == 429 and kind is Rejected):
            return "the account is out of credit or over its spend limit, and waiting will not help"
        return ""

    def _redirect(self, location: str, path: str) -> str:
        """Return what a redirect means for base_url; none is followed: a POST would become a GET, or leak the key."""
        if not location:
            return "redirects elsewhere without saying where; base_url is not the address of an API"
        try:
            to = one_line(urljoin(f"{self.spec.base_url or ''}{path}", location))
        except ValueError:  # a bracket left open
            to = one_line(location)
        if to == f"{self.spec.base_url}{path}":
            return f"redirects to {to}, the address that was asked: what stands before the server goes in a circle"
        if path and to.endswith(path):
            return f"redirects to {to}; base_url must be {to.removesuffix(path)}"
        return f"redirects to {to}; put that into base_url"

    def _about_missing(self, said: Said, path: str, served: Served) -> str:
        """Return advice for a 404 of a server of one's own: the model, the address or the route is wrong."""
        model, address = self.spec.asked_model, self.spec.base_url
        if served.models is None:
            if _is_of_model(said):
                return f"asked for model {model!r}"
            usual = "OpenAI-compatible servers usually want it to end with /v1"
            ending = "" if (address or "").endswith("/v1") else f"; {usual}"
            return f"is base_url {address} right? It lists no models either{ending}"
        if served.folder:
            return f"base_url must be {address}{served.folder}: there it lists its models"
        if model not in served.models:
            return f"asked for model {model!r}, but {served.text}"
        if _is_of_model(said):
            return f"asked for model {model!r}, which it lists as its own"
        return f"base_url {address} is right, and it serves {model}, but without {path}"

    def _clean(self, message: str) -> str:
        return _KEY_LIKE.sub("***", self.mask.text(message))


def _is_of_model(said: Said) -> bool:
    """Whether an error speaks of the model, and not of the address."""
    return "model" in f"{said.message} {said.codes}".lower()


def kind_of(status: int, said: Said) -> type[ProviderError]:
    """Choose the class of error for a status; it decides whether the request is retried."""
    if status == 429:
        return Rejected if _OUT_OF_MONEY.search(f"{said.codes} {said.message}") else RateLimited
    if status == 500 and _OUT_OF_REACH.search(said.message):
        return Unreachable
    if status in (408, 409) or status >= 500:
        return Overloaded
    return Rejected if status >= 300 else BadReply


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds to wait by `retry-after-ms` or `retry-after` (seconds or an HTTP date, RFC 9110), or None."""
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
    except (ValueError, TypeError, ArithmeticError, OSError):
        return None


def _seconds(value: str, divisor: int) -> float | None:
    try:
        number = float(value) / divisor
    except ValueError:
        return None
    return max(0.0, number) if isfinite(number) else None


def read_error(content: bytes) -> Said:
    """Read the error in a body: OpenAI's, Anthropic's or FastAPI's JSON, an HTML page or plain text."""
    try:
        return error_in(json_payload.parse(content))
    except ValueError:
        return Said(one_line(_page_text(content)))


def _page_text(content: bytes) -> str:
    """Return the title of a page, or the beginning of its text."""
    text = content[:_PAGE_BYTES].decode("utf-8", "replace")
    title = re.search(r"<title[^<>]*>([^<]*)", text, re.IGNORECASE)
    return title[1] if title and title[1].strip() else re.sub(r"<[^<>]*>", " ", text)


def _outer(payload: Any) -> Mapping[str, Any]:
    """Return the object of a body; Google's servers put an error into a list."""
    first = payload[0] if isinstance(payload, list) and payload else payload
    return first if isinstance(first, dict) else {}


def error_in(payload: Any) -> Said:
    """Read the error in a parsed JSON body."""
    outer = _outer(payload)
    error = outer.get("error") or outer or payload
    if not isinstance(error, dict):
        return Said(one_line(error))
    details = error.get("details")
    codes = [
        error.get("type"),
        error.get("code"),
        details.get("error_code") if isinstance(details, dict) else None,
    ]
    message = error.get("message") or error.get("detail") or error
    words = " ".join(one_line(code) for code in codes if code)
    param = error.get("param")
    status = _status(error.get("code"))
    return Said(one_line(message) + _upstream(error), words, status, param if isinstance(param, str) else "")


def _status(code: object) -> int | None:
    """Return the HTTP status that an error names, as a number or in digits; None for any other code."""
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) == _STATUS_DIGITS:
        code = int(code)
    is_status = isinstance(code, int) and not isinstance(code, bool) and code in range(100, 600)
    return code if is_status else None  # type: ignore[return-value]


def _upstream(error: Mapping[str, Any]) -> str:
    """Return the provider behind OpenRouter and its message; OpenRouter's own is often `Provider returned error`."""
    metadata = error.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("provider_name"):
        return ""
    return f" ({one_line(metadata['provider_name'])}: {one_line(metadata.get('raw') or '?')})"


def one_line(value: object) -> str:
    """Return any value as one line of at most 300 characters."""
    if isinstance(value, (dict, list)):
        value = encoded(value).decode("utf-8", "replace")
    text = on_one_line(str(value)[:_READ_CHARS])
    return text if len(text) <= MESSAGE_CHARS else text[: MESSAGE_CHARS - 1] + "…"
