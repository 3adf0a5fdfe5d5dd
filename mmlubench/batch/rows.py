"""The rows of a result file: which request each is of, and the HTTP reply that it stands for.

A row becomes the reply that the same request would have got interactively, so that the same code reads both: a body
with status 200, or an error with its status, whose meaning `models/http/failures.py` knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mmlubench.jsonl import encoded
from mmlubench.models.http.reply import Reply

#: Statuses of error types, as Anthropic's interactive API sends them, and OpenRouter's where it has the same names.
_BY_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
#: Codes of rows that were never asked: their batch expired or was cancelled before.
_NEVER_ASKED = frozenset(["batch_expired", "batch_cancelled", "batch_canceled"])
_OK, _LEAST_STATUS, _NO_SERVER = 200, 100, 500


class Row(NamedTuple):
    """One row."""

    custom_id: str
    reply: Reply | None
    """None for a request that was never asked and is not billed."""


#: A line that is no row, such as one that was cut off.
UNREADABLE = Row("", None)


def of_openai(line: Mapping[str, Any]) -> Row:
    """Read a row of OpenAI's form, with errors in the forms of OpenAI, vLLM and vendors that copy them.

    An error is an object in the body, an object beside the response or inside another `error`, or a plain text.
    """
    custom_id = str(line.get("custom_id"))
    response, error = line.get("response"), line.get("error")
    told = response if isinstance(response, dict) else {}
    status, body = told.get("status_code"), told.get("body")
    if "status_code" not in told and "choices" in told:  # OpenRouter's normalised form has the body itself
        status, body = _OK, told
    code = error.get("code") if isinstance(error, dict) else None
    if code in _NEVER_ASKED:
        return Row(custom_id, None)
    if status == _OK and body is not None and not error:
        return Row(custom_id, _reply(_OK, body))
    known = isinstance(status, int) and status >= _LEAST_STATUS and status != _OK
    if not known:
        inner = error.get("error") if isinstance(error, dict) else None
        named = inner.get("code") if isinstance(inner, dict) else code
        kind = error.get("type") if isinstance(error, dict) else None
        # A plain text says that the line was not understood; a row without a status met no server.
        status = (
            named
            if isinstance(named, int) and named >= _LEAST_STATUS
            else 400
            if _is_text(error)
            else _BY_TYPE.get(str(kind), _NO_SERVER)
        )
    said = body if isinstance(body, dict) and body else error
    return Row(custom_id, _reply(int(status or _NO_SERVER), _as_error(said)))


def of_anthropic(line: Mapping[str, Any]) -> Row:
    """Read a row of Anthropic's form."""
    custom_id = str(line.get("custom_id"))
    result = line.get("result")
    told = result if isinstance(result, dict) else {}
    kind = told.get("type")
    if kind == "succeeded":
        return Row(custom_id, _reply(_OK, told.get("message")))
    if kind in ("canceled", "expired"):
        return Row(custom_id, None)
    outer = told.get("error")
    error = outer.get("error") if isinstance(outer, dict) and isinstance(outer.get("error"), dict) else outer
    name = error.get("type") if isinstance(error, dict) else None
    return Row(custom_id, _reply(_BY_TYPE.get(str(name), _NO_SERVER), _as_error(error)))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _as_error(said: object) -> object:
    if isinstance(said, dict) and isinstance(said.get("error"), dict):
        return said
    return {"error": said or "the batch says nothing of why this request failed"}


def _reply(status: int, body: object) -> Reply:
    return Reply(status, {"content-type": "application/json"}, encoded(body))
