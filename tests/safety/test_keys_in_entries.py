"""Keys that a user writes into an entry of models.yaml are sent, and are nowhere afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fake_server import FakeServer, Received, Reply

pytestmark = pytest.mark.long

OWN = "PLANTED-own-field-4d8e1b7a9c"
HEADER = "PLANTED-header-0f6c2e5b8d"
BENCHMARK = """
import pytest
from mmlubench import Question

ROWS = [Question(f"sums/add/{n:04}", "sums", "add", "stem", f"{n} + 1 = ?", ("2", "3"), "A") for n in range(3)]

@pytest.mark.questions("sums", rows=ROWS)
async def test_sums(question, solver, model):
    answer = await solver(question)
    layer = model
    while hasattr(layer, "_model"):
        layer = layer._model
    spec, body = layer._spec, {"padding": "x" * 150, **layer._spec.extra_body, "more": "y" * 150}
    shown, text = vars(layer), repr(body)
    raise RuntimeError(f"my own mistake: {answer.text}")
"""


def repeat(request: Received) -> Reply:
    """Says all that it was sent, in an error or in a reply."""
    said = json.dumps(request.body)
    if "refuses" in request.body["model"]:
        return Reply(400, {"error": {"message": said}})
    choice = {"message": {"content": f"ANSWER: A. You sent {said}"}, "finish_reason": "stop"}
    return Reply(body={"model": "m", "choices": [choice], "usage": {}})


@pytest.mark.parametrize("more", [[], ["-n", "2"]], ids=["plain", "n2"])
def test_a_key_in_a_field_of_ones_own_is_sent_and_masked_everywhere(
    more: list[str],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
    leaks: Callable[..., list[str]],
) -> None:
    with FakeServer(always=repeat) as server:
        entry = {
            "base_url": f"http://127.0.0.1:{server.port}/v1",
            "extra_body": {
                "api_key": OWN,
                "extra_headers": {"Authorization": f"Bearer {HEADER}"},
                "service_tier": "flex",
            },
        }
        models = {name: {"model_name": f"vllm/{name}", **entry} for name in ("says", "refuses")}
        folder = make_folder(test_sums=BENCHMARK)
        (folder / "models.yaml").write_text(json.dumps({"models": models}))
        loud = ("--showlocals", "-rA", "--junitxml=junit.xml", "-o", "junit_logging=all")
        ran = run_pytest(folder, "test_sums.py", "--model", "says", "--model", "refuses", *loud, *more)
        assert {request.body["api_key"] for request in server.requests} == {OWN}
    assert "my own mistake" in ran.output
    assert leaks(ran, OWN, HEADER, planted=("models.yaml",)) == []
    sent = [line["parameters_sent"] for line in ran.lines("requests")]
    assert {(s["api_key"], s["service_tier"]) for s in sent} == {("***", "flex")}
