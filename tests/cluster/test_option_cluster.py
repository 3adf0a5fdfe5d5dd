"""--cluster ray: what is refused before any cluster is looked for, and the command lines of the shards."""

from __future__ import annotations

import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from mmlubench.cluster.job import HOME, PROJECT, Brought
from mmlubench.plugin.cluster_job import _words
from mmlubench.plugin.cluster_mode import _where
from mmlubench.run.sharding import Shard
from mmlubench.settings import Settings
from tests.plugin.conftest import folder, serve

__all__ = ["folder", "serve"]

HERE = ("-k", "mmlu", "--model", "mock", "--cluster", "ray")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-n", "2"), "--shards N does on a cluster"),
        (("--num-shards", "2", "--shard-id", "0"), "a cluster asks them all"),
        (("--no-store",), "keeps no reply"),
        (("--batch",), "one machine can do"),
        (("--until", "0.1"), "no shard has them"),
        (("--decide-early", "--min-accuracy", "0.5"), "no shard has them"),
        (("-x",), "stop one shard"),
        (("--junitxml", "x.xml"), "written by one process"),
        (("--lf",), "which no other machine has"),
        (("--cluster", "slurm"), "it must be one of ray, none"),
        (("--cluster-address", "nowhere"), "give auto, HOST:PORT"),
        (("--shards", "0"), "it must be at least 1"),
        (("--limit", "x"), "it must be a whole number"),
    ],
)
def test_an_option_that_a_cluster_cannot_heed_is_refused(folder, options, said):
    result = folder.run(*HERE, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()


def test_a_port_where_nothing_listens_is_told_at_once(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        result = folder.run(*HERE, "--cluster-address", f"127.0.0.1:{port}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "no Ray cluster can be reached there" in result.stderr.str()
    assert not [*folder.path.glob("reports/.cluster-*")]


def test_without_ray_the_command_that_installs_it_is_told(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert "pip install 'mmlubench[ray]'" in folder.run(*HERE).stderr.str()


@pytest.mark.parametrize("option", ["--estimate", "--collect-only"])
def test_what_asks_nothing_needs_no_cluster(folder, option):
    result = folder.run(*HERE, "--limit", "3", option)
    assert result.ret == 0, result.stderr.str()


def words(tmp_path, *arguments, **settings):
    started = SimpleNamespace(dir=tmp_path, args=arguments)
    config: Any = SimpleNamespace(invocation_params=started, rootpath=tmp_path)
    return _words(config, Settings(**settings), Shard(1, 4))


def test_the_last_words_of_a_shard_are_ours(tmp_path):
    found = words(tmp_path, "-k", "mmlu", "--run-dir", "out", "--", "tests", refresh_since=5.0)
    assert found[:4] == ("-k", "mmlu", "--run-dir", "out")
    assert found[-2:] == ("--", "tests")
    assert {"--mmlubench-cluster=none", "--mmlubench-num-shards=4", "--mmlubench-shard-id=1"} < {*found}
    assert f"--mmlubench-store={HOME}/store.sqlite" in found
    assert "--mmlubench-refresh-since=5.000" in found


def test_paths_into_the_project_lead_into_that_of_the_machine(tmp_path):
    found = words(
        tmp_path, f"{tmp_path}/test_x.py", f"--data={tmp_path}/data", "/elsewhere", f"{tmp_path}s/x"
    )
    assert found[:4] == (f"{PROJECT}/test_x.py", f"--data={PROJECT}/data", "/elsewhere", f"{tmp_path}s/x")


def test_an_error_on_another_machine_names_it():
    brought = Brought(
        number=0, status=4, files={}, said=("no data",), failed=(), stopped=False, node=socket.gethostname()
    )
    assert _where(brought) == ""
    assert (
        _where(brought._replace(node="far")) == "on far, which gets the project's folder and nothing else: "
    )
