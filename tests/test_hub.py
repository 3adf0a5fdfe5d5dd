"""The hub of models: where it does not reply, what is in its cache is used, and nothing is tried again and again."""

from __future__ import annotations

import os
from pathlib import Path

import huggingface_hub
import pytest

from mmlubench.errors import ModelError
from mmlubench.hub import reach


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub that does not reply, and the folder of its cache."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_a_model_in_the_cache_is_used_without_the_hub(away: Path) -> None:
    snapshot = away / "models--org--tiny" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (away / "models--org--tiny" / "refs").mkdir()
    (away / "models--org--tiny" / "refs" / "main").write_text("a" * 40)
    reach("org/tiny", None, "--model transformers/org/tiny")
    assert huggingface_hub.constants.is_offline_mode()  # no other library waits for it
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set; give a folder"):
        reach("org/tiny", "v2", "--model transformers/org/tiny")


@pytest.mark.parametrize("name", ["org/tiny", "tiny", "no name at all"])
def test_a_model_that_is_nowhere_is_one_sentence(name: str) -> None:
    with pytest.raises(ModelError) as error:
        reach(name, None, f"--model transformers/{name}")
    assert str(error.value).startswith(
        f"--model transformers/{name}: there is no such folder, it is not in the cache of the hub, and "
        "http://127.0.0.1:9 cannot be reached ("
    )
    assert not huggingface_hub.constants.is_offline_mode()
