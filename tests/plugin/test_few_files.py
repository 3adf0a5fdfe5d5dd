"""A system that allows few open files: fewer requests at once, said so, and no question is lost to it."""

import subprocess
import sys

import pytest

from tests.fake_server import FakeServer


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
@pytest.mark.parametrize("limit", ["-S", "-H -S"], ids=["may-be-raised", "is-final"])
def test_all_are_answered_whatever_the_limit(folder, limit):
    folder.own_benchmark(count=300)
    latency_s = 2.0 if limit == "-S" else 0.2  # long enough for all of them to be in flight at once
    with FakeServer(latency_s=latency_s) as server:
        pytest_is = f"{sys.executable} -m pytest test_capitals.py --no-store -p no:cacheprovider"
        command = f"ulimit {limit} -n 120; exec {pytest_is} --model vllm/m@{server.url} --concurrency 250"
        ran = subprocess.run(
            ["bash", "-c", command], cwd=folder.path, capture_output=True, text=True, timeout=120, check=False
        )
        in_flight = server.connections
    assert folder.outcomes() == ["wrong"] * 300, ran.stdout  # B is what the server always says
    if limit == "-S":
        assert in_flight > 120
        assert "ulimit" not in ran.stdout
    else:
        assert in_flight < 120
        assert " requests in flight in place of 250: this system allows no more open files" in ran.stdout
