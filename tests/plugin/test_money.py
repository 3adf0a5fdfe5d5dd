"""What a run may cost: told before it starts, shown while it goes on, never more than was allowed.

The server says how many tokens each reply took, and models.yaml what they cost.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmlubench.plugin.progress import Progress
from mmlubench.schema import Outcome

#: Much of this runs pytest in processes of its own.
pytestmark = pytest.mark.long

BOTH = pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
#: Where workers add little but seconds: `.ci/run` runs them all.
WORKERS_LATER = pytest.mark.parametrize(
    "workers", [(), pytest.param(("-n", "2"), marks=pytest.mark.long)], ids=["plain", "n2"]
)
PRICE = {"input_per_mtok": 100.0, "output_per_mtok": 100.0}
# A question of the sample has about 87 tokens and its reply 3: all 120 cost 1.08 dollars at this price.


@pytest.fixture
def priced(make_folder: Callable[..., Path]) -> Callable[..., Path]:
    """A folder whose models.yaml has the model `dear` on a server; more keys of its entry by name."""

    def make(server: Any, **more: Any) -> Path:
        folder = make_folder()
        entry = {"model_name": "vllm/fake", "base_url": f"http://127.0.0.1:{server.port}/v1", **more}
        (folder / "models.yaml").write_text(json.dumps({"models": {"dear": entry}}))
        return folder

    return make


def of_newest(ran: Any, name: str) -> list[dict[str, Any]]:
    text = (ran.run_folders[-1] / f"{name}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def entry_of(ran: Any) -> dict[str, Any]:
    (entry,) = json.loads((ran.run_folders[-1] / "summary.json").read_text())["results"]
    return dict(entry)


@BOTH
def test_a_run_stops_at_its_limit_and_a_higher_one_goes_on_from_there(
    workers: tuple[str, ...],
    priced: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server = start_server("--latency-ms", "10")
    folder = priced(server, price=PRICE)
    options = ("--model", "dear", "--data", "sample", "--concurrency", "4", *workers)
    ran = run_pytest(folder, *options, "--max-cost", "0.5")
    bought, entry = server.stats()["total"], entry_of(ran)
    assert 0.25 < entry["cost_usd"] <= 0.5
    assert entry["answered"] == bought < 120
    # The rest is skipped: neither wrong nor an error, and in results.jsonl all the same.
    outcomes = Counter(record["outcome"] for record in of_newest(ran, "results"))
    assert outcomes["skipped"] == 120 - bought == entry["outcomes"]["skipped"]
    assert outcomes["error"] == 0
    assert len(of_newest(ran, "responses")) == bought
    assert not entry["headline"]
    assert entry["why_no_headline"] == (
        f"the run stopped at --max-cost after {bought} of 120 cases: "
        "`mmlubench resume latest` goes on, and may spend as much again"
    )
    for said in (" ".join(ran.output.split()), entry["notice"]):
        assert said.count("--max-cost 0.5") == 1
        assert "run again with a higher --max-cost to go on" in said
    assert "Traceback" not in ran.output

    again = run_pytest(folder, *options, "--max-cost", "5")
    assert server.stats()["total"] == 120
    entry = entry_of(again)
    assert entry["outcomes"]["skipped"] == 0
    assert entry["answered"] == 120
    assert entry["stored"] == bought
    # What the store answered costs nothing a second time.
    third = run_pytest(folder, *options, "--max-cost", "0.001")
    assert server.stats()["total"] == 120
    assert entry_of(third)["answered"] == 120


def test_a_limit_needs_a_price(
    priced: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server = start_server()
    ran = run_pytest(priced(server), "--model", "dear", "--data", "sample", "--max-cost", "1")
    assert ran.status == pytest.ExitCode.USAGE_ERROR
    (sentence,) = [line for line in ran.output.splitlines() if line.strip()]
    assert "--max-cost 1: no price is known for dear; give one in models.yaml under price." in sentence
    assert server.stats()["total"] == 0


def test_an_estimate_asks_nothing_and_leaves_nothing_behind(
    priced: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server = start_server("--latency-ms", "5")
    folder = priced(server, price=PRICE)
    options = ("--model", "dear", "--data", "sample")
    ran = run_pytest(folder, *options, "--estimate")
    assert ran.status == 0
    assert "dear: 120 requests, about " in ran.output
    assert "price: about $" in ran.output
    assert "(price of models.yaml)" in ran.output
    assert "time: about " in ran.output
    assert server.stats()["total"] == 0
    assert not (folder / "reports").exists()

    # And the run takes no more than that: this server's replies are as short as can be.
    spent = entry_of(run_pytest(folder, *options))["cost_usd"]
    (line,) = [line for line in ran.output.splitlines() if "price: about $" in line]
    guess, at_most = (float(part.split()[0].rstrip(",")) for part in line.split("$")[1:])
    assert spent < guess < 4 * spent
    assert spent < at_most


def test_an_estimate_needs_no_workers(
    priced: Callable[..., Path], run_pytest: Callable[..., Any], start_server: Callable[..., Any]
) -> None:
    server = start_server()
    folder = priced(server, price=PRICE)
    ran = run_pytest(folder, "--model", "dear", "--data", "sample", "--estimate", "-n", "2")
    assert ran.status == pytest.ExitCode.USAGE_ERROR
    assert "--estimate cannot be used with workers, as it asks nothing; leave -n out." in ran.output
    assert server.stats()["total"] == 0
    assert not (folder / "reports").exists()


def test_the_progress_line_tells_what_was_spent_so_far_but_not_what_the_store_answered() -> None:
    progress = Progress(None, 10)
    progress.add(Outcome.CORRECT, 1)
    assert "$" not in progress.text(1.0)
    progress.add(Outcome.WRONG, 1, 0.0123)
    progress.add(Outcome.WRONG, 0, 0.0)
    assert "3/10 cases  accuracy 0.333  errors 0  $0.0123  2.0 requests/s" in progress.text(1.0)
    progress.add(Outcome.WRONG, 1, 2.0)
    assert "  $2.01  " in progress.text(1.0)


@WORKERS_LATER
def test_requests_per_minute_are_kept_at_the_server(
    workers: tuple[str, ...],
    priced: Callable[..., Path],
    run_pytest: Callable[..., Any],
    start_server: Callable[..., Any],
) -> None:
    server = start_server("--latency-ms", "5")
    folder = priced(server, rate_limits={"rpm": 600})
    ran = run_pytest(folder, "--model", "dear", "--data", "sample", "--limit", "40", *workers)
    stats = server.stats()
    assert stats["total"] == 40
    assert ran.entry["outcomes"]["error"] == 0
    rate = 39 / stats["span_s"]
    assert 7 < rate < 11, rate
