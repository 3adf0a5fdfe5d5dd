"""A real server is killed in the middle of a run and started again: the run waits, and nothing is lost."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import pytest

pytestmark = [pytest.mark.real_model, pytest.mark.long]

QUESTIONS, AT_ONCE = 32, 4
DOWN_S = 4
RUN_S = 300
WAITING = "waiting for unreachable server"
#: Nobody listened, or somebody who had no model yet: such an attempt was not taken up by the server.
TURNED_AWAY = ("Connection refused", "HTTP 503: Loading model")
OPTIONS = (
    *("--data", "sample", "--limit", str(QUESTIONS), "--max-tokens", "4", "--concurrency", str(AT_ONCE)),
    *(
        "--min-accuracy",
        "0",
        "--max-unparsed-rate",
        "1",
    ),  # the model is weak; the run shall succeed all the same
)
MODELS = """
models:
  smollm2-chat:
    model_name: llamacpp/smollm2
    base_url: {address}/v1
  smollm2-messages:
    model_name: anthropic/smollm2
    base_url: {address}
"""


class Terminal:
    """A pytest run in a terminal of 80 columns, as somebody would see it who sits before it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.seen = ""
        self._screen, inner = pty.openpty()
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        self._process = Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
            cwd=folder,
            env={**quiet, "COLUMNS": "80", "TERM": "xterm"},
            stdin=DEVNULL,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)

    def wait_for(self, pattern: str) -> None:
        """Until something like this is on the screen that was not there before."""
        begun, end = len(self.seen), time.monotonic() + RUN_S
        while not re.search(pattern, self.seen[begun:]):
            assert time.monotonic() < end, f"{pattern!r} was not shown within {RUN_S} s:\n{self.seen[-3000:]}"
            assert self._look(), f"the run ended before it showed {pattern!r}:\n{self.seen[-3000:]}"

    def wait(self) -> int:
        """Until the run has ended; returns its exit status."""
        end = time.monotonic() + RUN_S
        while self._look():
            assert time.monotonic() < end, f"the run did not end within {RUN_S} s:\n{self.seen[-3000:]}"
        return self._process.wait(10)

    def _look(self) -> bool:
        """Read what is new. Returns whether more may come."""
        if select.select([self._screen], [], [], 1.0)[0]:
            try:
                self.seen += os.read(self._screen, 1 << 16).decode("utf-8", "replace")
            except OSError:  # Linux: the other end is closed
                return False
        return True

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        self._process.wait(10)
        os.close(self._screen)


@pytest.fixture
def in_terminal() -> Iterator[Callable[..., Terminal]]:
    runs: list[Terminal] = []

    def start(folder: Path, *options: str) -> Terminal:
        runs.append(Terminal(folder, *options))
        return runs[-1]

    yield start
    for run in runs:
        run.close()


@pytest.mark.parametrize("model", ["smollm2-chat", "smollm2-messages"])
def test_a_server_killed_and_started_again_costs_no_answer_and_nothing_twice(
    model: str,
    start_llama: Callable[[], Any],
    make_folder: Callable[..., Path],
    in_terminal: Callable[..., Terminal],
    read_run: Callable[[Path], Any],
) -> None:
    server = start_llama()
    folder = make_folder()
    (folder / "models.yaml").write_text(MODELS.format(address=server.address))
    run = in_terminal(folder, "--model", model, *OPTIONS)
    run.wait_for(
        rf"\b([89]|\d\d)/{QUESTIONS} cases"
    )  # as somebody reads it; the terminal takes no more unless read
    server.kill()
    run.wait_for(WAITING)
    time.sleep(DOWN_S)
    server.restart()
    assert run.wait() == 0, run.seen[-3000:]
    server.kill()
    assert_nothing_lost(read_run(folder))


def test_a_log_that_nobody_overwrites_says_what_the_run_waits_for_while_it_waits(
    start_llama: Callable[[], Any],
    make_folder: Callable[..., Path],
    start_pytest: Callable[..., Any],
    read_run: Callable[[Path], Any],
) -> None:
    # CI's log, or a pipe: a line every ten seconds, there to be read at once.
    server = start_llama()
    folder = make_folder()
    (folder / "models.yaml").write_text(MODELS.format(address=server.address))
    run = start_pytest(folder, "--model", "smollm2-chat", *OPTIONS)
    wait_for_results(folder, 8)
    server.kill()
    for line in run.process.stdout:
        if WAITING in line:
            break
    else:
        pytest.fail("no line said what the run waited for")
    server.restart()
    ran = run.wait(RUN_S)
    assert ran.status == 0, ran.output
    server.kill()
    assert_nothing_lost(read_run(folder))


def wait_for_results(folder: Path, number: int) -> None:
    end = time.monotonic() + RUN_S
    while sum(path.read_bytes().count(b"\n") for path in folder.glob("reports/*/results.jsonl")) < number:
        assert time.monotonic() < end, f"there were no {number} results within {RUN_S} s"
        time.sleep(0.1)


def assert_nothing_lost(ran: Any) -> None:
    """Every question has its answer, once; only what was under way when the server was killed was sent again."""
    count = Counter(record["outcome"] for record in ran["results"])
    assert count["error"] == count["skipped"] == 0
    assert count.total() == len({record["id"] for record in ran["results"]}) == QUESTIONS
    # A reply that was cut off is asked for again at more length: that is another request, not the same one.
    answers: Counter[Any] = Counter()
    taken_up: Counter[Any] = Counter()
    attempts: Counter[Any] = Counter()
    for request, reply in zip(ran["requests"], ran["responses"], strict=True):
        same = request["id"], request["parameters_asked"]["max_tokens"]
        answers[same] += "completion" in reply
        taken_up[same] += not any(said in reply.get("error", "") for said in TURNED_AWAY)
        attempts[same] += 1
    assert set(answers.values()) == {1}
    again = [same for same, number in attempts.items() if number > 1]
    twice = [same for same, number in taken_up.items() if number > 1]
    print(f"\n{len(attempts)} requests: {len(again)} met the outage, {len(twice)} were taken up twice")
    assert len(again) <= AT_ONCE + 4  # a few others are tried in the meantime
    assert 1 <= len(twice) == taken_up.total() - len(attempts) <= AT_ONCE + 4
