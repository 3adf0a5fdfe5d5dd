"""--max-question-tokens: what is counted, and what is said when it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmlubench.datasets.length import counted, shorter_than
from mmlubench.errors import UserError
from mmlubench.schema import Question


def question(text: str, *choices: str, language: str = "") -> Question:
    return Question(f"b/s/{text}", "b", "s", "s", text, choices or ("x", "y"), "A", language)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer whose tokens are words, and that would cut texts to 4 tokens and add one, did one let it."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "[BEGIN]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[BEGIN] $A", special_tokens=[("[BEGIN]", 1)])
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=64)
    folder = tmp_path_factory.mktemp("words")
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def test_question_and_choices_are_counted_and_nothing_else() -> None:
    assert counted(question("What is it?", "One", "Two")) == "What is it?\nOne\nTwo"


def test_a_question_of_as_many_tokens_is_left_out_and_one_of_fewer_stays(words: Path) -> None:
    # Neither the token that this tokenizer puts in front nor its cut at 4 may be seen.
    five, six = question("one two three"), question("one two three four")
    kept, counts = shorter_than([five, six], 6, str(words))
    assert kept == [five]
    assert counts == {"": (1, 2)}


def test_file_and_folder_are_the_same(words: Path) -> None:
    some = [question("one two three")]
    assert shorter_than(some, 6, str(words)) == shorter_than(some, 6, str(words / "tokenizer.json"))


def test_languages_are_counted_apart(words: Path) -> None:
    # As one text has more tokens in one language than in another, each loses questions of its own.
    some = [
        question("one", language="DE_DE"),
        question("one two", language="DE_DE"),
        question("a", language="FR_FR"),
    ]
    assert shorter_than(some, 4, str(words))[1] == {"DE_DE": (1, 2), "FR_FR": (1, 1)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
@given(st.lists(st.integers(1, 12), max_size=40), st.integers(1, 15))
def test_order_and_number_hold_for_any_lengths(words: Path, lengths: list[int], limit: int) -> None:
    some = [question(" ".join(["w"] * length)) for length in lengths]
    kept, counts = shorter_than(some, limit, str(words))
    assert kept == [one for one, length in zip(some, lengths, strict=True) if length + 2 < limit]
    assert counts == ({"": (len(kept), len(some))} if some else {})


def test_a_missing_package_tells_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        UserError, match=r"cannot be imported .*; run `pip install 'mmlubench\[tokenizers\]'`\."
    ):
        shorter_than([question("?")], 5, "any")


def test_a_path_without_a_tokenizer_is_one_sentence(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "other.json", tmp_path / "nowhere"):
        with pytest.raises(
            UserError, match=r"--tokenizer .*: no tokenizer\.json was found; give such a file"
        ):
            shorter_than([question("?")], 5, str(path))


def test_a_broken_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"--tokenizer .*: it cannot be loaded \(.*\)\.") as caught:
        shorter_than([question("?")], 5, str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_name_goes_to_the_hub_and_a_failure_there_is_one_sentence(tmp_path: Path) -> None:
    # In a process of its own, as the library reads where the hub is when it is imported. Nobody answers there.
    code = "from mmlubench.datasets.length import shorter_than; shorter_than([], 5, 'owner/model')"
    env = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "mmlubench.errors.UserError: --tokenizer owner/model: http://127.0.0.1:9 cannot be reached ("
    )
