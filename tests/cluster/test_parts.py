"""What a run on a cluster is made of: shares of machines, environment, files, replies on their way, the desk."""

from __future__ import annotations

import json
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.cluster import project
from mmlubench.cluster.connecting import _why
from mmlubench.cluster.desk import Desk
from mmlubench.cluster.environment import divided
from mmlubench.cluster.job import RESULTS, Job, Usage
from mmlubench.cluster.placing import cpus_for_each, jobs_for
from mmlubench.cluster.task import _project
from mmlubench.cluster.watch import Watch
from mmlubench.engine.limits.allotment import Rates, RunLimits
from mmlubench.engine.limits.allotment import Usage as Used
from mmlubench.engine.store.carrying import Tap, add, packs_of
from mmlubench.engine.store.reply import StoredReply
from mmlubench.engine.store.sqlite import Store
from mmlubench.errors import UserError
from mmlubench.schema import Completion


def reply(text, label="m", at=1.0):
    return StoredReply(Completion(text, "stop"), label, at)


def test_eight_shards_share_two_cores_and_all_run_at_once():
    assert cpus_for_each(8, [2]) == 0.25
    assert cpus_for_each(3, [2, 2]) == 1
    assert cpus_for_each(5, [2, 1]) == 0.5
    assert jobs_for([0.5]) == 1
    assert jobs_for([64, 64]) == 16
    with pytest.raises(UserError, match="no machine of the cluster has a CPU"):
        cpus_for_each(1, [])


@given(st.integers(1, 200), st.lists(st.floats(0.01, 64), min_size=1, max_size=8))
def test_all_shards_fit_at_once_on_any_cluster(jobs, cpus):
    each = cpus_for_each(jobs, cpus)
    assert 0 < each <= 1
    if sum(cpus) >= jobs * 0.05:
        assert sum(int(round(one * 10_000) // round(each * 10_000)) for one in cpus) >= jobs


def test_keys_go_along_and_paths_of_this_computer_only_where_the_project_is():
    env = {
        "OPENAI_API_KEY": "k",
        "HF_HOME": "/h",
        "PATH": "/bin",
        "PYTHONPATH": "x",
        "RAY_AUTH_TOKEN": "t",
        "PWD": "/",
    }
    always, at_home = divided(env)
    assert always == {"OPENAI_API_KEY": "k", "HF_HOME": "/h"}
    assert at_home == {"PATH": "/bin", "PYTHONPATH": "x"}


def test_the_project_is_carried_without_environments_runs_and_stores(tmp_path, monkeypatch):
    kept = ["test_x.py", "conftest.py", "data/rows.jsonl", ".env"]
    left = [
        ".git/config",
        "venv/lib/big.py",
        "reports/run/results.jsonl",
        "a.sqlite-wal",
        "__pycache__/x.pyc",
    ]
    for name in [*kept, *left, "venv/pyvenv.cfg"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    files = project.packed(tmp_path, [tmp_path / "reports"])
    assert sorted(files) == sorted(kept)
    copy = tmp_path / "elsewhere"
    project.unpack(files, copy)
    assert (copy / "data/rows.jsonl").read_text() == "data/rows.jsonl"
    with pytest.raises(ValueError, match="leads out"):
        project.unpack({"../x": b""}, copy)
    monkeypatch.setattr(project, "MOST_BYTES", 10)
    with pytest.raises(UserError, match="put large data elsewhere"):
        project.packed(tmp_path, [])


def test_a_machine_takes_its_own_folder_only_if_it_is_the_same(tmp_path):
    here, home = tmp_path / "here", tmp_path / "home"
    here.mkdir()
    home.mkdir()
    (here / "test_x.py").write_text("x")
    files = project.packed(here, [])

    def folder(mark):
        job = Job("r", 0, "t", (), "", str(here), ".", mark, told_in="X")
        return _project(job, files, home)

    assert folder(project.mark_of(here)) == here
    copy = folder((1, 2))  # another one of that name
    assert copy == home / "project"
    assert (copy / "test_x.py").read_text() == "x"


def test_a_tap_brings_each_reply_once_and_one_that_replaces_another(tmp_path):
    with closing(Store.open(tmp_path / "here")) as here, closing(Store.open(tmp_path / "there")) as there:
        here.put(b"old", reply("old"))
        tap = Tap(tmp_path / "here")
        assert tap.news() is None
        for number in range(30):
            here.put(b"%d" % number, reply(str(number)))
        assert add(there, tap.rest()) == 30
        assert tap.news() is None
        here.put(b"29", reply("other", at=2.0))  # the newest row gets its number again
        assert add(there, tap.rest()) == 1
        assert add(there, Tap(tmp_path / "here", since=1).rest()) == 30  # for one that takes over
        tap.close()
        assert there.get(b"29").completion.text == "other"
        assert there.get(b"7").completion.text == "7"
        assert there.get(b"old") is None


def test_the_store_goes_along_as_a_whole_or_for_some_models(tmp_path):
    with closing(Store.open(tmp_path / "user")) as user:
        for number in range(7):
            user.put(b"%d" % number, reply("x", label="ab"[number % 2]))
    for models, count in ((None, 7), ({"a"}, 4), ({"c"}, 0)):
        with closing(Store.open(tmp_path / f"shard-{count}")) as shard:
            assert add(shard, packs_of(tmp_path / "user", models)) == count


def desk(jobs=2, **limits):
    return Desk(RunLimits(**limits).to_dict(), jobs)


def usage(**values):
    return Usage({}, Used(**values).to_dict())


def test_an_attempt_gets_what_earlier_ones_brought_and_these_are_told_to_end():
    one = desk()
    assert one.begin(0, "a").packs == []
    one.bring(0, 1, [b"x"], usage(done=1))
    one.begin(1, "a")
    one.bring(1, 1, [b"y"], None)
    second = one.begin(0, "b")
    assert (second.attempt, second.packs) == (2, [b"x"])
    assert one.bring(0, 1, [b"late"], usage(done=2)).stop  # its replies are replies all the same
    assert one.look(1).packs == [b"y", b"late"]
    assert one.look(0).attempts == {0: ["a", "b"], 1: ["a"]}
    assert not one.bring(0, 2, [], usage()).stop
    one.stop()
    assert one.bring(0, 2, [], usage()).stop


def test_the_budget_goes_on_where_a_dead_attempt_has_left_it():
    one = desk(jobs=2, max_cost=1.0, models={"m": Rates(rpm=100.0)})
    first = one.begin(0, "a").allotment
    one.begin(1, "a")
    assert first["models"]["m"]["rpm"] > 0
    one.bring(0, 1, [], usage(done=1, total=9, spent=0.3, obeys=first["number"]))
    again = one.begin(0, "b").allotment
    assert one.look(0).spent_usd == pytest.approx(0.3)
    assert again["max_cost"] <= 0.7
    assert one.bring(0, 2, [], Usage({}, {})).allotment is None  # before its process has told anything


def test_cases_are_counted_as_they_are_written(tmp_path):
    folder = tmp_path / RESULTS / "shards" / "1-of-2.x.part"
    folder.mkdir(parents=True)
    watch = Watch(tmp_path)
    assert watch.usage() == Usage({}, {})
    line = json.dumps({"outcome": "correct"}).encode() + b"\n"
    (folder / "results.jsonl").write_bytes(line + line[:7])
    assert watch.usage().done == {"correct": 1}
    (folder / "results.jsonl").write_bytes(line + line)
    (tmp_path / "usage.json").write_bytes(b'{"total": 4}')
    assert watch.usage() == Usage({"correct": 2}, {"total": 4})
    (tmp_path / "output").write_bytes(b"x\n1/4 cases  waiting for m: 503  accuracy -  errors 0  ETA -\n")
    assert watch.usage().waiting == "waiting for m: 503"
    watch.begin({"number": 1})
    assert watch.usage().told == {}  # what an earlier process told


def test_reasons_of_ray_become_sentences(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    refused = _why("h:1", "… Unauthenticated: RPC error: InvalidAuthToken …\nConnectionError: Failed")
    assert "RAY_AUTH_MODE is disabled here" in refused
    assert "~/.ray/auth_token" in refused
    versions = (
        "RuntimeError: Version mismatch: The cluster was started with:\n    Ray: 2.50.0\n    Python: 3.12.1\n"
    )
    versions += "This process on node 1.2.3.4 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    assert "Ray 2.50.0 with Python 3.12.1, and here are Ray 2.60.0 and Python 3.11.7" in _why("h:1", versions)
    assert "ray start --head" in _why("auto", "ConnectionError: Could not find any running Ray instance.")
    assert "mmlubench[ray]" in _why("ray://h:1", "ValueError: Ray Client requires pip package `ray[client]`.")
