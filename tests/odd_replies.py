"""Odd replies of model servers, by name: what a server really sends, and what has to come of it.

`B` is an answer that must be read at the first asking; `again` is no answer, so that the question must be asked again;
`refused`, `truncated` and `unparsed` are outcomes.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.fake_server import HTML, Reply, error

TEXT = "ANSWER: B"
USAGE = {"prompt_tokens": 100, "completion_tokens": 4, "input_tokens": 100, "output_tokens": 4}
ODD_VALUES: dict[str, Any] = {
    **{"null": None, "list": [], "full_list": [7, None, "x"], "object": {}, "full_object": {"a": {"b": 7}}},
    **{
        "number": 7,
        "float": -1.5,
        "huge": -1e308,
        "text": "x\x1b[2Jy",
        "empty": "",
        "true": True,
        "false": False,
    },
}


class Odd(NamedTuple):
    """One odd reply."""

    reply: Reply
    becomes: str


def chat(text: Any = TEXT, finish: Any = "stop", message: dict[str, Any] | None = None, **beside: Any) -> Any:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **(message or {})},
        "finish_reason": finish,
    }
    return {"id": "1", "model": "faulty-1", "choices": [choice], "usage": USAGE, **beside}


def messages(content: Any = None, stop: Any = "end_turn", **beside: Any) -> Any:
    blocks = [{"type": "text", "text": TEXT}] if content is None else content
    return {
        **{"id": "1", "type": "message", "role": "assistant", "model": "faulty-1"},
        **{"content": blocks, "stop_reason": stop, "usage": USAGE, **beside},
    }


def completion(text: Any = TEXT, finish: Any = "stop", **beside: Any) -> Any:
    return {
        "id": "1",
        "model": "faulty-1",
        "choices": [{"index": 0, "text": text, "finish_reason": finish}],
        "usage": USAGE,
        **beside,
    }


def dumped(payload: Any) -> str:
    """As Python's `json` writes it: NaN and Infinity as they are."""
    return json.dumps(payload)


FAILED = ("error", "abort", "insufficient_system_resource", "ERROR", "timeout", "network_error", "cancelled")
CUT = (
    "length",
    "model_length",
    "MAX_TOKENS",
    "max_output_tokens",
    "max_tokens",
    "model_context_window_exceeded",
)
DECLINED = (
    "content_filter",
    "SAFETY",
    "PROHIBITED_CONTENT",
    "RECITATION",
    "guardrail_intervened",
    "sensitive",
)


def of_wire(make: Callable[..., Any]) -> dict[str, Odd]:
    """Oddities of the body as a whole, the same in every protocol."""
    good = dumped(make())
    raw = good.encode()
    return {
        "bom": Odd(Reply(body=b"\xef\xbb\xbf" + raw), "B"),
        "utf_16": Odd(Reply(body=good.encode("utf-16")), "B"),
        "latin_1": Odd(
            Reply(
                body=dumped(make(note="caf\u00e9")).replace("\\u00e9", "\u00e9").encode("latin-1"),
                headers={"Content-Type": "application/json; charset=ISO-8859-1"},
            ),
            "B",
        ),
        "no_utf_8": Odd(Reply(body=raw.replace(b"faulty-1", b"faulty-\xff")), "B"),
        "lone_surrogate": Odd(Reply(body=raw.replace(b"faulty-1", b"\\ud83d faulty")), "B"),
        "surrogate_in_the_text": Odd(Reply(body=raw.replace(b"ANSWER", b"\\udc00 ANSWER")), "B"),
        "nan": Odd(Reply(body=dumped(make(x=float("nan"), y=float("-inf")))), "B"),
        "long_integer": Odd(Reply(body=good[:-1] + ', "created": ' + "9" * 5000 + "}"), "B"),
        "large_exponent": Odd(Reply(body=good[:-1] + ', "created": 1e999}'), "B"),
        "key_twice": Odd(Reply(body='{"model": 1, "usage": 3, ' + good[1:]), "B"),
        "leading_blanks": Odd(Reply(body="\n\n   \n" + good), "B"),
        "control_in_a_text": Odd(Reply(body=raw.replace(b"ANSWER", b"\x01\tANSWER")), "B"),
        "gzip_that_lies": Odd(Reply(body=raw, headers={"Content-Encoding": "gzip"}), "B"),
        "deflate_that_lies": Odd(Reply(body=raw, headers={"Content-Encoding": "deflate"}), "B"),
        "gzip_unsaid": Odd(Reply(body=gzip.compress(raw)), "B"),
        "html_200": Odd(Reply(body=HTML, headers={"Content-Type": "text/html"}), "again"),
        "empty_200": Odd(Reply(body=b""), "again"),
        "half_json": Odd(Reply(sent=0.5, body=good), "again"),
        "deep": Odd(Reply(body="[" * 100_000), "again"),
        "deep_beside": Odd(Reply(body=good[:-1] + ', "x": ' + "[" * 5000 + "]" * 5000 + "}"), "again"),
        "null": Odd(Reply(body="null"), "again"),
        "list": Odd(Reply(body=b"[]"), "again"),
        "text": Odd(Reply(body='"B"'), "again"),
        "number": Odd(Reply(body="7"), "again"),
        "error_in_200": Odd(Reply(body=error("the model crashed")), "again"),
        "error_in_a_list": Odd(Reply(body=dumped([error("overloaded", 503)])), "again"),
        "error_beside": Odd(Reply(body=make(error={"message": "half of it", "code": 500})), "again"),
        "error_as_a_text": Odd(Reply(body={"error": "model is loading"}), "again"),
        "error_as_an_object": Odd(Reply(body={"object": "error", "message": "no", "code": 40001}), "again"),
        "error_with_escapes": Odd(Reply(503, error("\x1b]0;owned\x07\x1b[31mred\u202e")), "again"),
        "error_of_numbers": Odd(Reply(500, {"error": {"message": 7, "code": 1e308, "type": [1]}}), "again"),
        "no_error": Odd(Reply(body=make(error={"code": 0, "message": ""})), "B"),
        "null_error": Odd(Reply(body=make(error=None)), "B"),
        "empty_error": Odd(Reply(body=make(error={})), "B"),
    }


def of_stream(chunks: list[Any], *, done: bool) -> Reply:
    body = "".join(f"data: {dumped(chunk)}\n\n" for chunk in chunks) + ("data: [DONE]\n\n" if done else "")
    return Reply(body=": comment\n\n" + body, headers={"Content-Type": "text/event-stream"})


def _chunk(delta: dict[str, Any], finish: str | None = None, **beside: Any) -> Any:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "1", "object": "chat.completion.chunk", "model": "faulty-1", "choices": [choice], **beside}


_PIECES = [
    _chunk({"role": "assistant", "content": ""}),
    _chunk({"content": "ANSW"}),
    _chunk({"content": "ER: B"}),
    _chunk({}, "stop"),
    {"id": "1", "choices": [], "usage": USAGE},
]
_EVENTS = [
    {"type": "message_start", "message": messages([], None)},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "ANSWER"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ": B"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 4}},
    {"type": "message_stop"},
]


def of_reasons(make: Callable[..., Any], name: str, place: Callable[[str, Any], Any]) -> dict[str, Odd]:
    return {
        **{f"failed_{word}": Odd(Reply(body=place(TEXT, word)), "again") for word in FAILED},
        **{f"cut_{word}": Odd(Reply(body=place("Let me see", word)), "truncated") for word in CUT},
        **{f"cut_{word}_with_letter": Odd(Reply(body=place(TEXT, word)), "B") for word in CUT},
        **{f"declined_{word}": Odd(Reply(body=place("", word)), "refused") for word in DECLINED},
        **{f"{name}_{odd}": Odd(Reply(body=place(TEXT, value)), "B") for odd, value in ODD_VALUES.items()},
    }


def _fields(make: Callable[..., Any], *names: str) -> dict[str, Odd]:
    return {
        f"{name}_{odd}": Odd(Reply(body=dumped(make(**{name: value}))), "B")
        for name in names
        for odd, value in ODD_VALUES.items()
    }


def _usages(make: Callable[..., Any]) -> dict[str, Odd]:
    inner = {
        f"{key}_{odd}": Odd(Reply(body=dumped(make(usage={**USAGE, key: value}))), "B")
        for key in (
            *("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "cost", "cost_details"),
            *("prompt_tokens_details", "completion_tokens_details", "cache_read_input_tokens", "is_byok"),
        )
        for odd, value in {
            **ODD_VALUES,
            "infinite": float("inf"),
            "nan": float("nan"),
            "digits": "12",
        }.items()
    }
    cost = {**USAGE, "cost": 1e308, "is_byok": True, "cost_details": {"upstream_inference_cost": 1e308}}
    return {**inner, "cost_that_overflows": Odd(Reply(body=make(usage=cost)), "B")}


CHAT: dict[str, Odd] = {
    **of_wire(chat),
    **of_reasons(chat, "finish_reason", chat),
    **_fields(chat, "model", "usage", "id", "provider", "system_fingerprint", "object", "created"),
    **_usages(chat),
    **{
        f"message_{key}_{odd}": Odd(Reply(body=chat(message={key: value})), "B")
        for key in (
            "role",
            "refusal",
            "reasoning",
            "reasoning_content",
            "reasoning_details",
            "tool_calls",
            "function_call",
        )
        for odd, value in ODD_VALUES.items()
        if not (key == "refusal" and odd == "text")
    },
    **{
        f"part_{odd}": Odd(Reply(body=chat([value, {"type": "text", "text": TEXT}])), "B")
        for odd, value in ODD_VALUES.items()
    },
    "part_of_thinking": Odd(
        Reply(
            body=chat(
                [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "A?"}]},
                    {"type": "text", "text": TEXT},
                ]
            )
        ),
        "B",
    ),
    "content_as_an_object": Odd(Reply(body=chat({"type": "text", "text": TEXT})), "B"),
    "content_number": Odd(Reply(body=chat(7)), "again"),
    "content_of_numbers": Odd(Reply(body=chat([7, 8])), "again"),
    "message_as_a_text": Odd(Reply(body={"choices": [{"message": TEXT}]}), "B"),
    "text_for_a_message": Odd(Reply(body=completion()), "B"),
    "choices_out_of_order": Odd(
        Reply(body={"choices": [{"index": 1, "message": {"content": "ANSWER: C"}}, chat()["choices"][0]]}),
        "B",
    ),
    "choice_without_text_first": Odd(
        Reply(
            body={
                "choices": [{"index": 0, "message": {"content": None}}, {**chat()["choices"][0], "index": 1}]
            }
        ),
        "B",
    ),
    "choice_that_is_none_first": Odd(Reply(body={"choices": [None, 7, chat()["choices"][0]]}), "B"),
    "choices_null": Odd(Reply(body={"choices": None}), "again"),
    "choices_empty": Odd(Reply(body={"choices": []}), "again"),
    "choices_object": Odd(Reply(body={"choices": {"0": 1}}), "again"),
    "choice_error": Odd(
        Reply(body={"choices": [{"error": {"code": 502, "message": "gone"}, **chat()["choices"][0]}]}),
        "again",
    ),
    "only_thinking": Odd(
        Reply(body=chat(None, message={"reasoning_content": "I think it is A."})), "unparsed"
    ),
    "only_a_tool": Odd(
        Reply(body=chat(None, "tool_calls", {"tool_calls": [{"function": {"name": "search\x1b[2J"}}]})),
        "unparsed",
    ),
    "only_a_tool_that_stops": Odd(
        Reply(body=chat(None, "stop", {"tool_calls": [{"function": {"name": "search"}}]})), "unparsed"
    ),
    "stream": Odd(of_stream(_PIECES, done=True), "B"),
    "stream_without_done": Odd(of_stream(_PIECES, done=False), "B"),
    "stream_cut_off": Odd(of_stream(_PIECES[:2], done=False), "again"),
    "stream_with_error": Odd(
        of_stream([*_PIECES[:2], {"error": {"message": "gone", "code": 502}}], done=True), "again"
    ),
    "stream_of_one": Odd(of_stream([chat()], done=True), "B"),
    "stream_unsaid": Odd(Reply(body=of_stream(_PIECES, done=True).body), "B"),
}
MESSAGES: dict[str, Odd] = {
    **of_wire(messages),
    **of_reasons(
        messages, "stop_reason", lambda text, stop: messages([{"type": "text", "text": text}], stop)
    ),
    **_fields(messages, "model", "usage", "id", "stop_sequence", "role", "stop_details"),
    **_usages(messages),
    **{
        f"block_{odd}": Odd(Reply(body=messages([value, {"type": "text", "text": TEXT}])), "B")
        for odd, value in ODD_VALUES.items()
    },
    **{
        f"block_type_{odd}": Odd(Reply(body=messages([{"type": value}, {"type": "text", "text": TEXT}])), "B")
        for odd, value in ODD_VALUES.items()
    },
    "content_as_a_text": Odd(Reply(body=messages(TEXT)), "B"),
    "content_null": Odd(Reply(body={**messages(), "content": None}), "again"),
    "content_of_numbers": Odd(Reply(body=messages([7])), "again"),
    "text_number": Odd(Reply(body=messages([{"type": "text", "text": 7}])), "again"),
    "only_thinking": Odd(Reply(body=messages([{"type": "thinking", "thinking": "A?"}])), "unparsed"),
    "only_a_tool": Odd(
        Reply(body=messages([{"type": "tool_use", "name": "x", "input": {}}], "tool_use")), "unparsed"
    ),
    "events": Odd(of_stream(_EVENTS, done=False), "B"),
    "events_cut_off": Odd(of_stream(_EVENTS[:4], done=False), "again"),
}
