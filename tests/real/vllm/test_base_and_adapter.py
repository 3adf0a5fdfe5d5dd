"""A base model against its adapter, on vLLM and in process: paired figures, and what is refused before any question."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from math import comb, sqrt
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner

from mmlubench.cli import main

pytestmark = pytest.mark.servers

LETTERS = ("--recipe", "hendrycks", "--shots", "0", "--scoring", "logprob:completions")
#: How many questions: an adapter is slow at a vLLM on the processor.
SERVED, IN_PROCESS = 12, 64
#: From so many discordant questions on, the difference is tested by Student's t.
MANY = 30


def compared(ran: Any) -> dict[str, Any]:
    """The figures of `mmlubench compare latest --json`; base first."""
    done = CliRunner().invoke(main, ["compare", "latest", "--run-dir", str(ran.folder / "reports"), "--json"])
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.output)["comparisons"]
    return dict(found)


def right_of(ran: Any, model: str) -> list[int]:
    """1 for each question that the model has right, and 0 for each other, in the order of their ids."""
    lines = sorted(
        (line for line in ran.lines("results") if line["model"] == model), key=lambda line: line["id"]
    )
    return [int(line["outcome"] == "correct") for line in lines]


def assert_paired(ran: Any, n: int) -> tuple[int, int]:
    """The comparison says what scipy and a computation by hand say of the same results. Returns gained and lost."""
    stats = pytest.importorskip("scipy.stats")
    found = compared(ran)
    before, after = (right_of(ran, found[side]["model"]) for side in ("first", "second"))
    assert len(before) == len(after) == n
    gained = sum(b < a for b, a in zip(before, after, strict=True))
    lost = sum(b > a for b, a in zip(before, after, strict=True))
    assert (found["n"], found["gained"], found["lost"]) == (n, gained, lost)
    assert found["before"] == pytest.approx(sum(before) / n)
    assert found["difference"] == pytest.approx((gained - lost) / n)
    # McNemar: as by scipy, and by hand from the binomial coefficients.
    few, both = min(gained, lost), gained + lost
    exact = min(1.0, 2 * sum(comb(both, k) for k in range(few + 1)) / 2**both)
    mid = min(1.0, 2 * sum(comb(both, k) for k in range(few)) / 2**both + comb(both, few) / 2**both)
    assert found["mcnemar"] == {"exact": pytest.approx(exact), "mid_p": pytest.approx(mid)}
    assert found["p"] == pytest.approx(mid)
    if both:
        assert stats.binomtest(few, both, 0.5).pvalue == pytest.approx(exact)
    if both >= MANY:
        interval = stats.ttest_rel(after, before).confidence_interval(0.95)
        assert found["ci95"] == pytest.approx([interval.low, interval.high])
    else:  # Agresti and Min (2005): half a question is added to each of the four counts
        centre = (gained - lost) / (n + 2)
        error = sqrt((both + 1) / (n + 2) - centre**2) / sqrt(n + 2)
        half = stats.norm.ppf(0.975) * error
        assert found["ci95"] == pytest.approx([max(-1, centre - half), min(1, centre + half)])
    assert f"gained {gained} · lost {lost} ·" in " ".join(ran.output.split())
    return gained, lost


def test_base_against_adapter_on_vllm(vllm: Any, adapters: Path, run: Callable[..., Any]) -> None:
    loaded = ("--adapter", "letters", "--adapter-path", str(adapters / "letters"), "--with-base")
    ran = run("--model", vllm.model, *loaded, *LETTERS, "--limit", str(SERVED))
    assert ran.status == 0, ran.output
    gained, lost = assert_paired(ran, SERVED)
    print(f"vLLM: {gained} gained, {lost} lost of {SERVED}")
    names = {line["served_model"] for line in ran.lines("results")}
    assert names == {"smollm2", "letters"}


def test_base_against_adapter_in_process(
    smollm2_folder: Path, adapters: Path, run: Callable[..., Any]
) -> None:
    asked = (
        "--model",
        f"transformers/{smollm2_folder}",
        "--adapter",
        str(adapters / "letters"),
        "--with-base",
    )
    ran = run(*asked, *LETTERS, "--limit", str(IN_PROCESS))
    assert ran.status == 0, ran.output
    gained, lost = assert_paired(ran, IN_PROCESS)
    print(f"in process: {gained} gained, {lost} lost of {IN_PROCESS}")
    assert gained + lost > 0
    assert (
        "kernels" not in ran.output
    )  # a remark of bitsandbytes, whose import is none of the user's business


def assert_refused(ran: Any, *said: str) -> None:
    """One sentence, and no run: nothing was asked."""
    assert ran.status == 4, ran.output
    (sentence,) = [line for line in ran.output.splitlines() if line.startswith("ERROR: ")]
    assert all(words in sentence for words in said), sentence
    assert not ran.run_folders


@pytest.fixture
def refused(run: Callable[..., Any]) -> Callable[..., None]:
    """A run of an adapter that has to be refused by its server before any question."""

    def check(server: Any, name: str, path: Path | None, *said: str, probes: int = 0) -> None:
        before = server.questions()
        options = ("--adapter", name, *(("--adapter-path", str(path)) if path else ()))
        assert_refused(run("--model", server.model, *options, *LETTERS, "--limit", "4"), *said)
        assert server.questions() - before == probes

    return check


def test_an_adapter_of_another_model_is_refused(
    vllm: Any, adapters: Path, refused: Callable[..., None]
) -> None:
    refused(
        vllm, "foreign", adapters / "foreign", "the adapter foreign", "cannot be used: it changes", "values"
    )


def test_an_adapter_of_another_model_that_the_server_took_is_refused(
    vllm: Any, adapters: Path, refused: Callable[..., None]
) -> None:
    load(vllm, "taken", adapters / "foreign")  # vLLM says yes to it
    refused(vllm, "taken", None, "the adapter taken", "cannot be used: it changes")


def test_an_adapter_that_is_not_loaded_is_refused(vllm: Any, refused: Callable[..., None]) -> None:
    refused(vllm, "nobody", None, "has no adapter 'nobody'", "mmlubench adapters load nobody")


def test_an_adapter_that_changes_nothing_is_refused(
    vllm: Any, adapters: Path, refused: Callable[..., None]
) -> None:
    said = "all its weights are zero, so it answers exactly as the base model does"
    refused(vllm, "untrained", adapters / "untrained", "the adapter untrained", said)


def test_an_adapter_that_changes_nothing_is_refused_where_only_the_server_sees_its_files(
    vllm: Any, adapters: Path, tmp_path: Path, refused: Callable[..., None]
) -> None:
    hidden = shutil.copytree(adapters / "untrained", tmp_path / "hidden")
    load(vllm, "hidden", hidden)
    # vLLM reads the weights when it is first asked, and keeps them then.
    ask(vllm, "/v1/completions", {"model": "hidden", "prompt": "One", "max_tokens": 1})
    shutil.rmtree(hidden)
    # Three prompts, to the base twice and to the adapter: each of one token, and no question of the run.
    refused(vllm, "hidden", None, "the adapter hidden", "it changes nothing", probes=9)


def test_a_server_without_lora_is_told(
    vllm_without_lora: Any, adapters: Path, refused: Callable[..., None]
) -> None:
    refused(vllm_without_lora, "letters", adapters / "letters", "start vLLM with --enable-lora")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("foreign", "it changes"),
        ("untrained", "all its weights are zero"),
        ("nobody", "is no folder with an adapter_config.json"),
    ],
)
def test_no_wrong_adapter_is_asked_in_process(
    name: str, said: str, smollm2_folder: Path, adapters: Path, run: Callable[..., Any]
) -> None:
    options = ("--model", f"transformers/{smollm2_folder}", "--adapter", str(adapters / name))
    assert_refused(run(*options, *LETTERS, "--limit", "4"), str(adapters / name), said)


def load(server: Any, name: str, folder: Path) -> None:
    ask(server, "/v1/load_lora_adapter", {"lora_name": name, "lora_path": str(folder)})


def ask(server: Any, path: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(server.address + path, json.dumps(body).encode(), headers), timeout=120) as reply:
        assert reply.status == 200
