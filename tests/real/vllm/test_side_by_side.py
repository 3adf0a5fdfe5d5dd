"""Fifty questions through every kind of server that serves one model: they agree as far as their arithmetic does.

The measure is the model in this process, in float32: tests/models/local compares it with transformers' own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import log
from pathlib import Path
from typing import Any

import pytest

from tests.real.environments import HOME
from tests.real.litellm import KEY

pytestmark = [pytest.mark.servers]

N, FEW = 50, 10
TABLE = HOME / "side-by-side.txt"
#: Short replies: the model answers with a letter at once, as this published recipe asks it to.
TEXT = ("--recipe", "inspect_zero_shot", "--max-tokens", "8")
LETTERS = ("--recipe", "hendrycks", "--shots", "1", "--scoring")
COMPLETIONS, ECHO, CHAT = ((*LETTERS, f"logprob:{way}") for way in ("completions", "echo", "chat"))
ENTRY = """
models:
  asked:
    model_name: {name}
    base_url: {address}/v1
"""


@dataclass
class Row:
    """One run: what came of it, and how long it took."""

    name: str
    ran: Any
    seconds: float
    results: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.results = {line["id"]: line for line in self.ran.lines("results")}

    @property
    def right(self) -> int:
        return sum(line["outcome"] == "correct" for line in self.results.values())

    def same_prediction(self, other: Row) -> float:
        return sum(
            line["prediction"] == other.results[name]["prediction"] for name, line in self.results.items()
        ) / len(self.results)

    def distances(self, other: Row) -> list[float]:
        """Differences of the log-probabilities of those letters that both lists of tokens have."""
        return [
            abs(value - theirs[letter])
            for name, line in self.results.items()
            for theirs in [letters(other.results[name])]
            for letter, value in letters(line).items()
            if letter in theirs
        ]


def letters(line: Mapping[str, Any]) -> dict[str, float]:
    return {
        letter: log(p * line["letter_mass"]) for letter, p in (line["probabilities"] or {}).items() if p > 0
    }


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    """The runs so far, by name: the measure is taken once."""
    return {}


@pytest.fixture
def ask(run: Callable[..., Any], rows: dict[str, Row]) -> Callable[..., Row]:
    """Make a run, unless it was made; all its questions are answered."""

    def once(name: str, *options: str, n: int = N, **env: str) -> Row:
        if name not in rows:
            began = time.monotonic()
            ran = run("--limit", str(n), *options, **env)
            assert ran.status == 0, ran.output
            rows[name] = Row(name, ran, time.monotonic() - began)
            assert len(rows[name].results) == n
            assert ran.entry["outcomes"]["error"] == ran.entry["outcomes"]["skipped"] == 0
        return rows[name]

    return once


@pytest.fixture
def measure(ask: Callable[..., Row], smollm2_folder: Path) -> Callable[..., Row]:
    """The model in process, by the options of a run."""

    def of(options: tuple[str, ...], **more: Any) -> Row:
        way = options[-1].rpartition(":")[2] if ":" in options[-1] else "text"
        adapter = ("--adapter", more.pop("adapter")) if "adapter" in more else ()
        name = f"in process, {'adapter, ' if adapter else ''}{way}"
        return ask(name, "--model", f"transformers/{smollm2_folder}", *options, *adapter, **more)

    return of


def assert_agree(row: Row, measured: Row, *, mean: float, same: float) -> None:
    """`mean` bounds the mean distance of log-probabilities, `same` the share of equal predictions."""
    assert row.results.keys() == measured.results.keys()
    assert row.same_prediction(measured) >= same
    assert abs(row.right - measured.right) <= max(2, len(row.results) / 10)
    distances = row.distances(measured)
    if any(line["probabilities"] for line in row.results.values()):
        assert len(distances) >= 2 * len(row.results)
        assert sum(distances) / len(distances) <= mean
        for name, line in row.results.items():
            assert_near_tie(line, letters(measured.results[name]), 4 * mean)


def assert_near_tie(line: Mapping[str, Any], measured: Mapping[str, float], width: float) -> None:
    """Where another letter is the likeliest one, the measure sees hardly a difference between the two."""
    assert max(measured.values()) - measured[line["prediction"]] <= width, line


@pytest.mark.parametrize("options", [TEXT, COMPLETIONS, CHAT], ids=["text", "completions", "chat"])
def test_vllm(
    options: tuple[str, ...], vllm: Any, ask: Callable[..., Row], measure: Callable[..., Row]
) -> None:
    row = ask(f"vLLM, {measure(options).name.rpartition(' ')[2]}", "--model", vllm.model, *options)
    assert_agree(row, measure(options), mean=0.1, same=0.75)


def test_vllm_by_echo(vllm_without_lora: Any, ask: Callable[..., Row], measure: Callable[..., Row]) -> None:
    row = ask("vLLM without LoRA, echo", "--model", vllm_without_lora.model, *ECHO)
    assert_agree(row, measure(ECHO), mean=0.1, same=0.75)
    # Each letter in turn, or all of the first token: for letters of one token it is the same.
    assert_agree(row, measure(COMPLETIONS), mean=0.1, same=0.75)


@pytest.mark.parametrize("options", [TEXT, COMPLETIONS], ids=["text", "completions"])
def test_llama_cpp(
    options: tuple[str, ...], llama_server: str, ask: Callable[..., Row], measure: Callable[..., Row]
) -> None:
    name = f"llama.cpp, {measure(options).name.rpartition(' ')[2]}"
    row = ask(name, "--model", f"llamacpp/smollm2@{llama_server}/v1", "--concurrency", "2", *options)
    # It multiplies the packed weights of the GGUF file with activations of 8 bits.
    assert_agree(row, measure(options), mean=0.2, same=0.7)


def test_transformers_serve(
    hf_server: str, smollm2_folder: Path, ask: Callable[..., Row], measure: Callable[..., Row]
) -> None:
    models = ENTRY.format(name=f"openai/{smollm2_folder}", address=hf_server)
    options = ("--model", "asked", "--concurrency", "1", *TEXT)
    row = ask("transformers serve, text", *options, models_yaml=models)
    assert_agree(row, measure(TEXT), mean=0.1, same=0.9)


def test_transformers_serve_is_known_to_tell_no_log_probabilities(
    hf_server: str, smollm2_folder: Path, run: Callable[..., Any]
) -> None:
    models = ENTRY.format(name=f"openai/{smollm2_folder}", address=hf_server)
    ran = run("--limit", "2", "--model", "asked", *LETTERS, "logprob", models_yaml=models)
    assert ran.status == 4
    assert "gave no log-probabilities when it was tried" in ran.output
    assert "use --scoring text" in ran.output
    assert not ran.run_folders


@pytest.mark.parametrize("options", [TEXT, COMPLETIONS], ids=["text", "completions"])
def test_litellm_before_vllm(
    options: tuple[str, ...],
    vllm: Any,
    start_litellm: Callable[..., str],
    ask: Callable[..., Row],
    measure: Callable[..., Row],
) -> None:
    behind = {"model": "hosted_vllm/smollm2", "api_base": f"{vllm.address}/v1", "api_key": "none"}
    models = ENTRY.format(name="vllm/small", address=start_litellm({"small": behind}))
    name = f"LiteLLM, vLLM behind it, {measure(options).name.rpartition(' ')[2]}"
    env = {"models_yaml": models + "    api_key_env: GATEWAY_KEY\n", "GATEWAY_KEY": KEY}
    row = ask(name, "--model", "asked", *options, **env)
    assert_agree(row, measure(options), mean=0.1, same=0.75)


def test_an_adapter_of_vllm_is_that_adapter_in_process(
    vllm: Any, adapters: Path, ask: Callable[..., Row], measure: Callable[..., Row]
) -> None:
    loaded = ("--adapter", "letters", "--adapter-path", str(adapters / "letters"))
    row = ask("vLLM, adapter, completions", "--model", vllm.model, *loaded, *COMPLETIONS, n=FEW)
    alike = measure(COMPLETIONS, adapter=str(adapters / "letters"), n=FEW)
    assert_agree(row, alike, mean=0.15, same=0.7)
    base = measure(COMPLETIONS)
    moved = row.distances(base)
    assert sum(moved) / len(moved) > 0.3  # far more than the two ways to compute it differ


def test_the_table(rows: dict[str, Row], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is tested here: it tells what was found, for those who quote it."""
    lines = [
        f"{'SmolLM2-135M, server and way':36} {'n':>3} {'acc.':>5}  {'outcomes':34} {'same':>5} {'|d|':>6} {'s':>5}"
    ]
    for name, row in rows.items():
        counts = ", ".join(f"{n} {what}" for what, n in row.ran.entry["outcomes"].items() if n)
        way, is_adapted = name.rpartition(" ")[2], "adapter" in name
        measured = rows[f"in process, {'adapter, ' if is_adapted else ''}{way}"]
        distances = row.distances(measured)
        distance = f"{sum(distances) / len(distances):6.3f}" if distances else f"{'':6}"
        same = f"{row.same_prediction(measured):5.2f}"
        accuracy = row.right / len(row.results)
        lines.append(
            f"{name:36} {len(row.results):3} {accuracy:5.2f}  {counts:34} {same} {distance} {row.seconds:5.0f}"
        )
    lines.append(
        "same: share of equal predictions, |d|: mean distance of log-probabilities, both to the model in process"
    )
    HOME.mkdir(exist_ok=True)
    TABLE.write_text("\n".join(lines) + "\n")
    with capsys.disabled():
        print(f"\n{TABLE.read_text()}")
