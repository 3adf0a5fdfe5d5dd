"""mock-ai-api, a server that others wrote and whose errors are chosen by the model's name, in both vendors' formats.

pip install 'mmlubench[real]'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmlubench.errors import Overloaded, RateLimited, Rejected
from mmlubench.schema import Completion

pytestmark = pytest.mark.real_server

NAMES = {"openai": "gpt-4.1", "anthropic": "claude-sonnet-4-20250514"}
N = 20


@pytest.fixture(scope="module", params=["openai", "anthropic"])
def mock_ai(request: pytest.FixtureRequest, start_service: Callable[..., int]) -> tuple[str, str]:
    """A format, and the address of a server for it."""
    form = str(request.param)
    command = ("-m", "uvicorn", f"app.{form}_app:app", "--port", "{port}", "--log-level", "error")
    return form, f"http://127.0.0.1:{start_service('mock-ai-api', *command)}/v1"


@pytest.mark.asyncio
@pytest.mark.parametrize("mock_ai", ["openai"], indirect=True)
@pytest.mark.parametrize(("case", "kind"), [("text", Completion), ("400", Rejected), ("429", RateLimited)])
async def test_the_responses_api_by_the_same_names(
    case: str, kind: type, mock_ai: tuple[str, str], ask: Callable[..., Any], at: Callable[..., Any]
) -> None:
    form, url = mock_ai
    asked = await ask(replace(at("responses", url), model_id=f"{NAMES[form]}:mock-{case}"))
    assert type(asked.only) is kind, asked.only
    if isinstance(asked.only, Completion):
        assert asked.only.text
        assert asked.only.usage.output_tokens > 0


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("case", "kind", "sent"),
    [
        ("text", Completion, 1),
        ("delay", Completion, 1),
        ("400", Rejected, 1),
        ("401", Rejected, 1),
        ("429", RateLimited, 10),
        ("500", Overloaded, 3),
        ("503", Overloaded, 10),
    ],
)
async def test_a_model_by_the_name_of_its_fault(
    case: str,
    kind: type,
    sent: int,
    mock_ai: tuple[str, str],
    ask: Callable[..., Any],
    at: Callable[..., Any],
) -> None:
    form, url = mock_ai
    asked = await ask(replace(at(form, url), model_id=f"{NAMES[form]}:mock-{case}"))
    assert type(asked.only) is kind, asked.only
    # What may pass is asked again until the server is given up; how often depends on the time.
    assert sent <= len(asked.lines("requests")) <= (1 if sent == 1 else 40)


@pytest.mark.parametrize(
    ("case", "outcome", "least", "most", "told"),
    [
        ("text", "unparsed", N, N, "name no letter"),  # a greeting holds no letter, and none is guessed
        ("400", "error", N, N, "HTTP 400: Mock scenario mock-400 triggered"),
        ("401", "error", 3, 8 + 2, "HTTP 401: Mock scenario mock-401 triggered"),
        ("500", "error", 9, 100, "HTTP 500: Mock scenario mock-500 triggered"),
    ],
)
def test_a_whole_run_against_it_says_what_is_wrong_and_claims_no_accuracy(
    case: str,
    outcome: str,
    least: int,
    most: int,
    told: str,
    mock_ai: tuple[str, str],
    make_folder: Callable[..., Path],
    run_pytest: Callable[..., Any],
) -> None:
    form, url = mock_ai
    model = f"{form}/{NAMES[form]}:mock-{case}@{url}"
    options = ("--model", model, "--data", "sample", "--limit", str(N), "--concurrency", "8")
    ran = run_pytest(make_folder(), *options, timeout_s=120)
    assert ran.status == 1
    assert Counter(ran.outcomes().values()) == {outcome: N}
    said = " ".join(ran.output.split())  # lines wrap where the model's long name makes them
    assert "no headline number" in said
    assert told in said
    assert least <= len(ran.lines("requests")) <= most
