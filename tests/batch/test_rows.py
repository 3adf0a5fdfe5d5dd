"""Rows of results in the forms of all providers: what each stands for, as an HTTP reply."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mmlubench.batch.rows import of_anthropic, of_openai
from mmlubench.batch.services.base import Outgoing
from mmlubench.batch.services.openai_files import jsonl_of

OPENAI: dict[str, tuple[dict[str, Any], int | None, str]] = {
    "a reply": ({"response": {"status_code": 200, "body": {"choices": []}}, "error": None}, 200, "choices"),
    "a failure in the body": (
        {"response": {"status_code": 429, "body": {"error": {"message": "slow"}}}, "error": None},
        429,
        "slow",
    ),
    "no status": ({"response": {"status_code": 0, "body": None}, "error": {"message": "lost"}}, 500, "lost"),
    "nothing at all": ({"response": None, "error": None}, 500, "says nothing"),
    "expired": ({"response": None, "error": {"code": "batch_expired", "message": "too late"}}, None, ""),
    "vLLM's object in an object": (
        {"response": {"status_code": 400, "body": None}, "error": {"error": {"message": "bad", "code": 400}}},
        400,
        "bad",
    ),
    "vLLM's text": ({"response": {"body": None}, "error": "URL /v1/x was used"}, 400, "was used"),
    "OpenRouter's bare body": ({"response": {"choices": [1]}, "error": None}, 200, "choices"),
}


@pytest.mark.parametrize(("row", "status", "said"), OPENAI.values(), ids=OPENAI)
def test_openai(row: dict[str, Any], status: int | None, said: str) -> None:
    read = of_openai({"custom_id": "x", **row})
    assert read.custom_id == "x"
    assert (read.reply and read.reply.status) == status
    assert read.reply is None or said in read.reply.content.decode()


ANTHROPIC: dict[str, tuple[dict[str, Any], int | None]] = {
    "a reply": ({"type": "succeeded", "message": {"content": []}}, 200),
    "a bad request": (
        {"type": "errored", "error": {"type": "error", "error": {"type": "invalid_request_error"}}},
        400,
    ),
    "an overload": (
        {"type": "errored", "error": {"type": "error", "error": {"type": "overloaded_error"}}},
        529,
    ),
    "an unknown error": (
        {"type": "errored", "error": {"type": "error", "error": {"type": "new_error"}}},
        500,
    ),
    "an error without a wrapping": ({"type": "errored", "error": {"type": "rate_limit_error"}}, 429),
    "cancelled": ({"type": "canceled"}, None),
    "expired": ({"type": "expired"}, None),
}


@pytest.mark.parametrize(("result", "status"), ANTHROPIC.values(), ids=ANTHROPIC)
def test_anthropic(result: dict[str, Any], status: int | None) -> None:
    read = of_anthropic({"custom_id": "x", "result": result})
    assert (read.reply and read.reply.status) == status
    assert read.reply is None or json.loads(read.reply.content)


def test_no_character_of_a_prompt_ends_a_line_of_the_file() -> None:
    body = {"messages": [{"role": "user", "content": "a\u2028b\u2029c\x85d\ne"}]}
    file = jsonl_of(Outgoing("n", "/chat/completions", "m", [("x", body)]))
    (line,) = file.decode().splitlines()
    assert json.loads(line)["body"] == body
