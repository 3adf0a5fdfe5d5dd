"""Transcripts of real runs: debates with all agents, retries, epochs, several models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmlubench.schema import Entry, Outcome, Usage
from tests.made_runs import write_run
from tests.page.browser.conftest import write_page


def line(model: str, **more: object) -> dict[str, object]:
    return {"id": "b/s/0001", "model": model, "attempt": 1, **more}


def asked(model: str, text: str, **more: object) -> dict[str, object]:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
    return line(model, messages=messages, **more)


@pytest.fixture
def page_of(tmp_path, tab):
    def opened(entry: Entry, requests: list[dict[str, object]], responses: list[dict[str, object]]) -> str:
        folder = write_run(tmp_path / "run", [entry])
        for name, lines in (("requests", requests), ("responses", responses)):
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
        page = tab().open(write_page(tmp_path, "run"))
        page.page.eval_on_selector_all(
            "#transcript details", "all => all.forEach((one) => { one.open = true; })"
        )
        return page.page.inner_text("#transcript")

    return opened


def made(**more: object) -> Entry:
    values = Entry("b/s/0001", "b", "s", "c", "m", Outcome.WRONG, "A", "B", "line", 1.5, Usage()).to_dict()
    return Entry.from_dict({**values, **more})


def test_a_debate_has_every_agent_in_every_round(page_of):
    requests = [asked(agent, f"round {turn}", turn=turn) for turn in (0, 1) for agent in ("ann", "bob")]
    responses = [
        line(str(one["model"]), turn=one["turn"], completion=f"{one['model']} says {one['turn']}")
        for one in requests
    ]
    told = page_of(made(rounds=[["A", "B"], ["B", "B"]]), requests, responses)
    for agent in ("ann", "bob"):
        assert f"to {agent}" in told
        assert f"{agent} says 0" in told
        assert f"{agent} says 1" in told
    assert "Request 4 of 4" in told
    assert "letters of round 1 A B" in told


def test_a_retry_shows_the_failure_before_it(page_of):
    requests = [asked("m", "q"), asked("m", "q", attempt=2)]
    responses = [line("m", error="429: slow down", status=429), line("m", attempt=2, completion="Answer: B")]
    told = page_of(made(), requests, responses)
    assert "429: slow down" in told
    assert "attempt 2" in told
    assert told.index("slow down") < told.index("Answer: B")


def test_epochs_thinking_probabilities_and_prices(page_of):
    requests = [asked("m", "q"), asked("m", "q", epoch=1)]
    usage = {"input_tokens": 1234, "output_tokens": 56, "reasoning_tokens": 40, "cost_usd": 0.00123}
    responses = [
        line(
            "m", completion="Answer: B", reasoning="hm, hm", usage=usage, latency_s=0.75, finish_reason="stop"
        ),
        line("m", epoch=1, completion="Answer: A", stored=True),
    ]
    told = page_of(
        made(letters=["B", "A"], score=0.5, probabilities={"A": 0.25, "B": 0.75}), requests, responses
    )
    for said in ("hm, hm", "epoch 2", "letters of the epochs B A", "score 0.5", "A 0.250", "B 0.750"):
        assert said in told
    for said in (
        "tokens in 1234",
        "out 56",
        "of them thinking 40",
        "cost $0.00123",
        "took 0.75 s",
        "from the store yes",
    ):
        assert said in told


def test_raw_prompts_and_log_probabilities(page_of):
    requests = [line("m", messages=[], prompt="Question …\nAnswer:")]
    responses = [line("m", completion=" B", logprobs=[[" B", -0.1], [" A", -2.5]])]
    told = page_of(made(), requests, responses)
    assert "raw prompt" in told
    assert '" A" -2.5' in told


def test_a_stopped_request(page_of):
    told = page_of(made(), [asked("m", "q", cancelled=True)], [])
    assert "Cancelled: the run was stopped." in told


def test_long_prompts_show_the_question_and_fold_the_worked_examples(tmp_path: Path, page_of):
    examples = "An example.\nA. x\nB. y\nAnswer: A\n\n" * 80
    told = page_of(made(), [asked("m", f"{examples}The real question?\nA. x\nB. y\nAnswer:")], [])
    before = told.split("the whole prompt")[0]
    assert "The real question?" in before
    assert "An example." not in before
    assert "An example." in told
