"""Requests and replies of made-up runs: what a provider would have been sent and would have said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from mmlubench.jsonl import encoded
from mmlubench.schema import Entry

_TEXT = (
    "the of in a which following is an by and to most likely cause patient state law theory cell energy "
    "function value market court treaty enzyme vector statement economy reaction population"
)
_WORDS = _TEXT.split()


def sentence(chance: Random, words: int) -> str:
    return " ".join(chance.choice(_WORDS) for _ in range(words)).capitalize()


def prompt_of(entry: Entry, chance: Random, *, words: int = 40) -> str:
    head = (
        "Answer the following multiple choice question. The last line of your reply must be 'Answer: LETTER'."
    )
    choices = "\n".join(f"{letter}) {sentence(chance, 8)}" for letter in "ABCD"[: entry.choices])
    return f"{head}\n\nQuestion {entry.id}: {sentence(chance, words)}?\n\n{choices}"


def write_logs(
    folder: Path,
    entries: Sequence[Entry],
    *,
    words: int = 200,
    reply: Callable[[Entry], str] | None = None,
    seed: int = 1,
) -> None:
    """Write `requests.jsonl` and `responses.jsonl` of the entries, with replies of so many words."""
    chance = Random(seed)
    with (folder / "requests.jsonl").open("wb") as asked, (folder / "responses.jsonl").open("wb") as said:
        for entry in entries:
            about = {"id": entry.id, "attempt": 1, "model": entry.model}
            messages = [{"role": "user", "content": prompt_of(entry, chance)}]
            sent = {"temperature": 0.0, "max_tokens": 1024}
            line = {"kind": "benchmark", **about, "messages": messages, "parameters_sent": sent}
            asked.write(encoded(line) + b"\n")
            if entry.error:
                told = {**about, "error": entry.error, "status": 503, "latency_s": 0.2}
            else:
                text = reply(entry) if reply else f"{sentence(chance, words)}.\n\nAnswer: {entry.prediction}"
                usage = {"input_tokens": 180, "output_tokens": words, "cost_usd": 0.0005}
                told = {
                    **about,
                    "completion": text,
                    "finish_reason": "stop",
                    "usage": usage,
                    "latency_s": 0.4,
                }
            said.write(encoded(told) + b"\n")
