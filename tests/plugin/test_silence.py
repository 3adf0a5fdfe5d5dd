"""What a user is told while a server does not answer: why requests wait, and what comes next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmlubench.engine.limits.adaptive import AdaptiveLimit
from mmlubench.engine.limits.waiting import History, Wait
from mmlubench.errors import Overloaded, RateLimited
from mmlubench.plugin.progress import Progress
from mmlubench.plugin.silence import Silence
from mmlubench.settings import Settings

WAIT = Wait("rate limit", 12, 45.0, 3.0, 80.0, "HTTP 429: slow down")
SILENT = Wait("", 64, 45.0, 0.0, 0.0)


# -- the progress line -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (WAIT, "waiting for rate limit, 12 requests  next try in 3 s"),
        (
            replace(WAIT, next_try_s=0.4, unanswered_s=0),
            "waiting for rate limit, 12 requests  80 answered/min",
        ),
        (
            replace(WAIT, why="unreachable server", requests=1200, next_try_s=0, answered_a_minute=0),
            "waiting for unreachable server, 1,200 requests  no reply for 45 s",
        ),
        (SILENT, "no reply for 45 s, 64 requests under way"),
    ],
)
def test_the_progress_line_says_what_is_waited_for_and_what_comes_next(wait: Wait, text: str) -> None:
    assert wait.text == text


def test_the_cause_comes_last_as_a_narrow_terminal_may_cut_it_off() -> None:
    progress = Progress(None, 200)
    progress.waiting, progress.why = WAIT.text, WAIT.message
    text = progress.text(1.0)
    assert text == (
        "0/200 cases  waiting for rate limit, 12 requests  next try in 3 s  accuracy -  errors 0  "
        "ETA -  (HTTP 429: slow down)"
    )


# -- lines that stay -------------------------------------------------------------------------------------------------


def test_half_a_minute_without_an_answer_is_told_once_with_its_cause_and_how_long_it_is_tried() -> None:
    silence = Silence(Settings())
    assert silence.news({"qwen": replace(WAIT, unanswered_s=29)}) == []
    assert silence.news({"qwen": replace(WAIT, unanswered_s=30)}) == [
        "mmlubench: qwen has answered nothing for 30.0 s: HTTP 429: slow down; "
        "it is tried until 5 min 0 s without an answer are over (--give-up-after)."
    ]
    assert silence.news({"qwen": replace(WAIT, unanswered_s=31)}) == []


def test_a_server_that_is_just_slow_is_told_of_with_the_time_that_a_request_may_take() -> None:
    assert Silence(Settings(request_timeout=120.0)).news({"qwen": SILENT}) == [
        "mmlubench: qwen has answered nothing for 45.0 s, with 64 requests under way; "
        "each may take 2 min 0 s (--request-timeout)."
    ]


def test_another_silence_and_that_of_another_model_are_news() -> None:
    silence = Silence(Settings())
    assert len(silence.news({"one": WAIT})) == 1
    assert [line.split()[1] for line in silence.news({"one": WAIT, "two": SILENT})] == ["two"]
    assert silence.news({}) == []
    assert len(silence.news({"one": WAIT, "two": WAIT})) == 2


# -- the history behind it -------------------------------------------------------------------------------------------


def state(history: History, now: float, *, waiting: int = 5, under_way: int = 0) -> Wait | None:
    return history.state(waiting, under_way, AdaptiveLimit(64), now)


def test_a_silence_begins_with_the_first_failure_and_ends_with_an_answer() -> None:
    history = History()
    history.failed(RateLimited("slow down", status=429), 100)
    history.failed(Overloaded("busy", status=503), 120)
    wait = state(history, 140)
    assert (wait.why, wait.unanswered_s, wait.message) == ("overloaded server", 40, "busy")
    history.answered += 1
    assert state(history, 150).unanswered_s == 0
    history.failed(RateLimited("slow down", status=429), 160)
    assert state(history, 170).unanswered_s == 10


def test_answers_a_minute_are_those_of_the_latest_minute() -> None:
    history = History()
    history.failed(RateLimited("slow down", status=429), 0)
    for second in range(1, 200):
        history.answered += 10 if second < 100 else 2
        wait = state(history, second)
    assert wait.answered_a_minute == pytest.approx(120, rel=0.1)


def test_a_server_that_answers_and_one_that_was_not_asked_are_no_news() -> None:
    history = History()
    assert state(history, 100, waiting=0) is None
    for second in range(100):
        history.answered += 1
        assert state(history, 100 + second, waiting=0, under_way=8) is None
    for second in range(100):
        assert state(history, 200 + second, waiting=0) is None


def test_a_server_that_is_silent_from_the_start_is_news_after_half_a_minute() -> None:
    history = History()
    told = [state(history, second, waiting=0, under_way=8) for second in range(0, 50, 10)]
    assert [wait and wait.unanswered_s for wait in told] == [None, None, None, 30, 40]
