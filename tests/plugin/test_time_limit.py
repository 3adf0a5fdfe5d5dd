"""A case that exceeds the time of pytest-timeout is an error, and no other case is."""

from __future__ import annotations

#: The hooks of pytest-timeout, and what it does with them, but for its options and its timer.
TIMEOUT = """
import types
import pytest

class Specs:
    @pytest.hookspec(firstresult=True)
    def pytest_timeout_set_timer(self, item, settings): ...

    @pytest.hookspec(firstresult=True)
    def pytest_timeout_cancel_timer(self, item): ...

def pytest_addhooks(pluginmanager):
    pluginmanager.add_hookspecs(Specs())

def pytest_timeout_set_timer(item, settings):
    print("timer set")
    return True

def pytest_timeout_cancel_timer(item):
    print("timer stopped")
    return True

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    item.ihook.pytest_timeout_set_timer(item=item, settings=types.SimpleNamespace(timeout=0.05))
    return (yield)
"""


def test_a_case_that_exceeds_its_time_is_an_error_and_its_requests_are_logged(folder):
    folder.own_benchmark(count=2)
    folder.write("conftest.py", TIMEOUT)
    folder.models(
        slow={"model_name": "mock/A", "latency_s": 100}, quick={"model_name": "mock/A", "latency_s": 0}
    )
    result = folder.run("--model", "quick", "--model", "slow", "-k", "capitals", "-s")
    outcomes = {(line["model"], line["id"][-1]): line["outcome"] for line in folder.lines("results")}
    assert list(outcomes.values()) == ["correct", "correct", "error", "error"]
    errors = [line["error"] for line in folder.lines("results") if line["outcome"] == "error"]
    assert errors == ["TimeLimitReached: no answer within 0.05 s (--timeout of pytest-timeout)"] * 2
    assert len(folder.lines("requests")) == 4
    assert result.stdout.str().count("timer stopped") == 4  # a timer would stop whatever case runs just then
    result.stdout.fnmatch_lines(["*2 passed, 2 errors*"])
