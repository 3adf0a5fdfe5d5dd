"""What a user sees while a run goes on and at its end: at a real terminal, and where output is a file."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
import time
from typing import Any

import pytest

from mmlubench.plugin.progress import Progress
from mmlubench.schema import Outcome

COLUMNS = 80
LIVE = re.compile(r"(\d+)/40 cases  accuracy \d\.\d{3}  errors 0  [\d.]+ requests/s  ETA \d+:\d\d$")


def screen(raw):
    """What stands on an endless screen of 80 columns: only carriage returns and line feeds move the cursor."""
    text = re.sub(r"\x1b\[[0-9;]*[mK]", "", raw)
    rows, column = [""], 0
    for character in text:
        if character == "\r":
            column = 0
        elif character == "\n":
            rows.append("")
        else:
            if column == COLUMNS:
                rows.append("")
                column = 0
            rows[-1] = rows[-1][:column].ljust(column) + character + rows[-1][column + 1 :]
            column += 1
    return [row.rstrip() for row in rows]


@pytest.fixture
def at_a_terminal(folder):
    """Run pytest at a pseudo-terminal; returns all that was written to it."""
    pty, fcntl, termios = (pytest.importorskip(name) for name in ("pty", "fcntl", "termios"))

    def run(*arguments):
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        environment = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
        for name in ("PY_COLORS", "CI", "BUILD_NUMBER", "NO_COLOR"):
            environment.pop(name, None)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
        with subprocess.Popen(command, cwd=folder.path, env=environment, stdin=its, stdout=its, stderr=its):
            os.close(its)
            written = b""
            try:
                while part := os.read(ours, 65536):
                    written += part
            except OSError:  # Linux says EIO, where others say nothing more
                pass
        os.close(ours)
        # pytest 9.0.0 also tells the progress to the window's frame, which stands on no screen.
        return re.sub(r"\x1b\]9;[^\x1b]*\x1b\\", "", written.decode("utf-8"))

    return run


@pytest.fixture
def slow(folder):
    """A model that takes 30 ms, so that forty questions one after another take more than a second."""
    folder.models(**{"mock-slow": {"model_name": "mock/hash", "rule": "hash", "latency_s": 0.03}})
    return "--model", "mock-slow", "--concurrency", "1", "--limit", "40"


def test_at_a_terminal_one_line_moves_and_leaves_nothing_behind(slow, at_a_terminal):
    written = at_a_terminal(*slow)
    shown = [LIVE.search(part.rstrip()) for part in written.split("\r")]
    done = [int(match[1]) for match in shown if match]
    assert len(done) >= 3  # several a second
    assert done == sorted(done)
    rows = screen(written)
    assert not [row for row in rows if LIVE.search(row) or "requests/s" in row]
    # Between what was collected and the table there is nothing but empty lines.
    start, end = (
        rows.index("mmlubench: mmlu: 120 questions from embedded sample"),
        rows.index(" mmlu mock-slow ".center(COLUMNS, "=")),
    )
    assert "".join(rows[start + 1 : end]) == ""
    assert end - start <= 4
    assert max(len(line) for line in rows[end:]) <= COLUMNS


def test_tests_that_are_no_cases_keep_their_place_on_the_screen(slow, folder, at_a_terminal):
    # The moving line would wipe out their characters and file names.
    folder.write("test_zz.py", "def test_one(): pass\ndef test_two(): assert 0")
    folder.write("test_aa.py", "def test_one(): pass")
    rows = screen(at_a_terminal(*slow, "--limit", "5"))
    files = [row[:15] for row in rows if re.match(r"test_\w+\.py ", row)]
    assert files == ["test_aa.py .   ", "test_mmlu.py ww", "test_zz.py .F  "]
    assert "FAILED test_zz.py::test_two - assert 0" in rows


def test_a_mistake_in_a_test_is_summed_up_at_a_terminal_too(folder, at_a_terminal):
    folder.own_benchmark(count=2, after='{}["a mistake"]')
    rows = screen(at_a_terminal("--model", "mock/A", "-k", "capitals"))
    assert [row for row in rows if row.startswith("ERROR test_capitals.py::")]


def test_where_nothing_can_be_overwritten_there_are_characters_as_usual(slow, folder):
    result = folder.run(*slow[:4], "--limit", "5")
    assert re.search(r"^test_mmlu.py [.w]{5} +\[100%\]$", result.stdout.str(), re.MULTILINE)
    assert "\r" not in result.stdout.str()
    assert "requests/s" not in result.stdout.str()


def test_the_summary_is_last_and_tells_where_the_run_is(folder):
    result = folder.run("--model", "mock")
    result.stdout.fnmatch_lines(
        [
            "=* mmlu mock =*",
            "category * n * accuracy * 95 % interval",
            "humanities *27 *0.???*0.???*0.???",
            "MOCK: the answers are canned; no figure here says anything about a real model.",
            "MOCK mmlu * mock * zero_shot: accuracy 0.??? (95 % CI *n = 120;*",
            "* tokens in, * out * no cost (mock)",
            "time * requests*",
            f"run folder: reports/{folder.run_folder().name}",
            "=* 18 failed, 102 passed in *",
        ]
    )


def test_quiet_runs_still_show_the_result(folder):
    result = folder.run("--model", "mock", "-q")
    assert " accuracy 0." in result.stdout.str()


def test_the_header_says_who_is_asked_and_how(folder):
    result = folder.run("--model", "mock/A", "--concurrency", "7", "--recipe", "cot", "--limit", "1")
    result.stdout.fnmatch_lines(["mmlubench: mock-A * recipe cot v* * 7 requests in flight"])


# -- the progress line itself -------------------------------------------------------------------------------------


class Reporter:
    """As much of pytest's terminal reporter as progress needs."""

    def __init__(self, *, tty):
        self.isatty, self.verbosity, self.showfspath = tty, 0, True
        self.written = []
        self._tw = self
        self.fullwidth, self.width_of_current_line = COLUMNS, 0

    def rewrite(self, line, erase):
        self.written.append(line)

    def write_line(self, line):
        self.written.append(line)

    def flush(self):
        pass

    def line(self):
        self.written.append("")


def test_progress_counts_cases_accuracy_errors_and_time_to_go():
    progress = Progress(None, 200)
    for outcome in (Outcome.CORRECT, Outcome.CORRECT, Outcome.WRONG, Outcome.ERROR):
        progress.add(outcome, 2)
    assert progress.text(seconds=2.0) == "4/200 cases  accuracy 0.667  errors 1  4.0 requests/s  ETA 1:38"


def test_progress_of_nothing_yet_claims_nothing():
    assert Progress(None, 14042).text(0.0) == "0/14,042 cases  accuracy -  errors 0  0.0 requests/s  ETA -"


def test_hours_to_go_are_told_as_such():
    progress = Progress(None, 10_001)
    progress.add(Outcome.CORRECT, 1)
    assert progress.text(1.0).endswith("ETA 2:46:40")


def test_where_nothing_can_be_overwritten_a_line_comes_every_ten_seconds(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    reporter: Any = Reporter(tty=False)
    progress = Progress(reporter, 50)
    for second in range(26):
        now[0] = 100.0 + second
        progress.add(Outcome.CORRECT, 1)
    assert [line.partition("/")[0] for line in reporter.written] == ["11", "21"]
    progress.clear()
    assert len(reporter.written) == 2


def test_a_live_line_is_cut_at_the_edge_and_cleared_at_the_end():
    reporter: Any = Reporter(tty=True)
    reporter.fullwidth = 30
    progress = Progress(reporter, 50)
    progress.add(Outcome.CORRECT, 1)
    progress.clear()
    assert reporter.written == ["1/50 cases  accuracy 1.000", ""]  # no part is cut within
    assert not progress.live


@pytest.mark.parametrize("tty", [True, False])
def test_a_line_that_stays_does_not_run_into_the_progress_line(tty):
    reporter: Any = Reporter(tty=tty)
    progress = Progress(reporter, 50)
    progress.show()
    progress.announce("mmlubench: qwen has answered nothing")
    assert reporter.written[-1] == "mmlubench: qwen has answered nothing"
    if tty:
        assert reporter.written[-2] == ""
