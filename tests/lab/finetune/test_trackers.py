"""Trackers: nothing is sent unless their user has a key, and what was tracked can be read back."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from mmlubench.errors import UserError
from mmlubench.lab.finetune.trackers import has_key, prepare
from tests.lab.finetune import toys
from tests.made_plan import made_plan


@pytest.fixture(autouse=True)
def own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is set for a training must not reach other tests."""
    known = dict(os.environ)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith(("WANDB_", "TRACKIO_", "NETRC"))]:
        monkeypatch.delenv(name)
    yield
    os.environ.clear()
    os.environ.update(known)


def test_none_sets_nothing(tmp_path: Path) -> None:
    before = dict(os.environ)
    assert prepare(made_plan(tmp_path), "none", pytest.fail) == []
    assert dict(os.environ) == before


def test_wandb_is_offline_without_a_key_and_says_how_to_send(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="needs the extra: pip install 'mmlubench[finetune]'")
    lines: list[str] = []
    plan = made_plan(tmp_path / "my outputs")
    assert prepare(plan, "wandb", lines.append) == ["wandb"]
    assert os.environ["WANDB_MODE"] == "offline"
    assert os.environ["WANDB_DIR"] == str(plan.folder)
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"
    (line,) = lines
    assert "nothing is sent" in line
    assert f"wandb sync '{plan.folder}/wandb'/offline-run-*" in line


def test_wandb_is_online_with_a_key_unless_its_user_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb", reason="needs the extra: pip install 'mmlubench[finetune]'")
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setattr("mmlubench.lab.finetune.trackers.away", lambda _server: "")
    lines: list[str] = []
    prepare(made_plan(tmp_path), "wandb", lines.append)
    assert lines == ["wandb: online, project mmlubench, run toy"]
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    prepare(made_plan(tmp_path), "wandb", lines.append)
    assert (os.environ["WANDB_MODE"], os.environ["WANDB_PROJECT"]) == ("offline", "mine")


def test_a_server_that_is_away_costs_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="needs the extra: pip install 'mmlubench[finetune]'")
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    lines: list[str] = []
    assert prepare(made_plan(tmp_path), "wandb", lines.append) == ["wandb"]
    assert os.environ["WANDB_MODE"] == "offline"
    warning, where = lines
    assert "http://127.0.0.1:9 cannot be reached" in warning
    assert "wandb sync" in where


def test_a_key_is_found_where_login_puts_it(tmp_path: Path) -> None:
    assert not has_key({"HOME": str(tmp_path)})
    (tmp_path / ".netrc").write_text("machine api.wandb.ai\n  login user\n  password k\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert has_key({"HOME": str(tmp_path)})
    assert not has_key({"HOME": str(tmp_path), "WANDB_BASE_URL": "https://wandb.example.org"})
    assert has_key({"HOME": str(tmp_path / "x"), "NETRC": str(tmp_path / ".netrc")})


def test_a_missing_tracker_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "trackio", None)
    with pytest.raises(UserError, match=r"--report-to trackio: .*pip install 'mmlubench\[finetune\]'"):
        prepare(made_plan(tmp_path), "trackio")


def records(path: Path) -> list[dict[str, str]]:
    """The history of an offline run: LevelDB's blocks of 32 KiB behind a header of 7 bytes, of protocol buffers."""
    from wandb.proto import wandb_internal_pb2 as proto

    content, at, whole, found = path.read_bytes(), 7, b"", []
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + 7])
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last part
            record = proto.Record()  # type: ignore[attr-defined]  # made at its import
            record.ParseFromString(whole)
            whole = b""
            if record.HasField("history"):
                items = record.history.item
                found.append({item.key or "/".join(item.nested_key): item.value_json for item in items})
    return found


@pytest.mark.real_model
@pytest.mark.parametrize("tracker", ["wandb", "trackio"])
def test_a_training_is_tracked_on_this_machine(tmp_path: Path, tracker: str) -> None:
    if not all(find_spec(package) for package in ("torch", "trl", tracker)):
        pytest.skip("needs the extra: pip install 'mmlubench[finetune]'")
    model = toys.make_model("llama", tmp_path / "model")
    split = toys.write_split(tmp_path / "split", (64, 8, 8))
    config = toys.write_config(tmp_path, model, split, log_steps=1, method="lora")
    # A process of its own, as trackers read the environment once.
    command = [sys.executable, "-m", "mmlubench", "lab", "finetune", str(config), "--report-to", tracker]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = tmp_path / "outputs" / "toy"
    facts = json.loads((folder / "finetune.json").read_text())
    losses = [point["loss"] for point in facts["history"] if "loss" in point]
    assert len(losses) == facts["steps"]
    if tracker == "wandb":
        (run,) = (folder / "wandb").glob("offline-run-*/*.wandb")
        tracked = [one for one in records(run) if "train/loss" in one]
        assert [float(one["train/loss"]) for one in tracked] == pytest.approx(losses, rel=1e-3)
        assert any("eval/accuracy" in one for one in records(run))
        assert "wandb:" not in done.stderr  # no remarks of its own
    else:
        (base,) = (folder / "trackio").glob("*.db")
        with sqlite3.connect(base) as opened:
            found = "SELECT COUNT(*) FROM metrics WHERE CAST(metrics AS TEXT) LIKE '%train/loss%'"
            (count,) = opened.execute(found).fetchone()
        assert count == len(losses)
    assert "first row as the model reads it" in done.stdout
    assert "memory: about " in done.stdout
    assert "pytest benchmarks -k toy" in done.stdout
    assert (folder / "adapter" / "README.md").read_text().startswith("---\nlibrary_name: peft")
