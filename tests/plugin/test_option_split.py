"""--split: one side of a split folder is asked, and a model that was trained on its questions is CONTAMINATED."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mmlubench.cli import main
from mmlubench.datasets.splits.trained import write_trained_ids
from mmlubench.lab.split.folder import SplitFolder
from mmlubench.schema import Question
from tests.fake_server import FakeServer, Reply

ROOT = Path(__file__).parents[2]


def divided(name: str, to: Path, *more: str) -> SplitFolder:
    how = ("--data", "sample", "--fractions", "60-20-20", "--stratify", "none")  # most subjects have two rows
    result = CliRunner().invoke(main, ["lab", "split", name, *how, "--to", str(to), *more])
    assert result.exit_code == 0, result.output
    return SplitFolder.open(to)


@pytest.fixture
def split(folder: Any) -> SplitFolder:
    """A split of the sample of MMLU."""
    return divided("mmlu", folder.path / "split")


def asked(folder: Any) -> list[str]:
    return sorted(line["id"] for line in folder.lines("results"))


def ids(questions: list[Question]) -> list[str]:
    return sorted(one.id for one in questions)


@pytest.mark.parametrize("side", ["train", "validation", "test"])
def test_exactly_one_side_is_asked(folder: Any, split: SplitFolder, side: str) -> None:
    result = folder.run("--model", "mock/A", "--data=split", "--split", side)
    assert asked(folder) == ids(split.questions(side))
    facts, entry = folder.json("manifest")["data"]["mmlu"], folder.entry()
    assert facts["source"] == f"split {side} of split"
    n = len(split.questions(side))
    assert facts["questions"] == entry["n"] == n
    told = f"split {side} of split: {n} of its 120 questions"
    assert entry["notice"] == told
    result.stdout.fnmatch_lines([f"mmlubench: mmlu: {n} questions from split {side} of split*", f"*{told}"])
    (latest,) = (folder.path / "reports").glob("*_latest.json")
    assert json.loads(latest.read_text())["notice"] == told
    assert json.loads(latest.read_text())["complete"] is False


def test_without_the_option_the_held_out_side_is_asked_and_that_is_said(
    folder: Any, split: SplitFolder
) -> None:
    folder.run("--model", "mock/A", "--data=split")
    assert asked(folder) == ids(split.questions("test"))
    assert "its held-out side, as no --split is given" in folder.entry()["notice"]


def test_it_goes_with_limit_workers_and_its_second_name(folder: Any, split: SplitFolder) -> None:
    folder.run("--model", "mock/A", "--data=split", "--mmlubench-split=test", "--limit", "5", "-n", "2")
    assert len(asked(folder)) == 5
    assert {*asked(folder)} < {*ids(split.questions("test"))}
    assert folder.entry()["drawn_from"] == len(split.questions("test"))


def test_a_run_that_was_broken_off_is_resumed_on_the_same_side(
    folder: Any, split: SplitFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.run("--model", "mock/A", "--data=split", "--split", "validation")
    first, command = asked(folder), folder.json("manifest")["command"]
    monkeypatch.chdir(folder.path)
    done = CliRunner().invoke(main, ["resume", "latest"])
    assert done.exit_code in (0, 1), done.output
    assert asked(folder) == first, shlex.join(command)


def test_a_file_of_a_split_is_its_side(folder: Any, split: SplitFolder) -> None:
    said = folder.refused("--model", "mock/A", "--data=split/test.parquet", "--split", "train")
    assert said == "--split train: split/test.parquet is the side test; give one of them."
    said = folder.refused("--model", "mock/A", "--data=split/split.json")
    assert said.startswith(
        "split/split.json: this file of a split is none of its sides; give split, or one of train"
    )
    folder.run("--model", "mock/A", "--data=split/validation.parquet")
    assert asked(folder) == ids(split.questions("validation"))
    assert folder.entry()["notice"] == "split validation of split: 24 of its 120 questions"
    folder.run("--model", "mock/A", "--data=split/test.parquet", "--split", "test")
    assert asked(folder) == ids(split.questions("test"))


def test_a_file_of_a_split_in_languages_is_one_language(folder: Any) -> None:
    folder.write("test_mmmlu.py", (ROOT / "benchmarks" / "test_mmmlu.py").read_text())
    made = divided("mmmlu", folder.path / "split", "--language", "DE_DE", "--language", "FR_FR")
    options = ("--model", "mock/A", "--data=split/FR_FR/test.parquet", "-k", "mmmlu")
    folder.run(*options)
    assert asked(folder) == ids([one for one in made.questions("test") if one.language == "FR_FR"])
    said = folder.run(*options, "--language", "de").errlines
    assert any("There is no language 'DE_DE' in the split, which is in FR_FR" in line for line in said)


def test_languages_of_a_split_are_asked_alone(folder: Any) -> None:
    folder.write("test_mmmlu.py", (ROOT / "benchmarks" / "test_mmmlu.py").read_text())
    made = divided("mmmlu", folder.path / "split", "--language", "DE_DE", "--language", "FR_FR")
    folder.run("--model", "mock/A", "--data=split", "-k", "mmmlu", "--language", "de")
    assert asked(folder) == ids([one for one in made.questions("test") if one.language == "DE_DE"])
    said = folder.run("--model", "mock/A", "--data=split", "-k", "mmmlu", "--language", "ES_LA").errlines
    assert any("There is no language 'ES_LA' in the split, which is in DE_DE, FR_FR" in line for line in said)


def test_a_benchmark_of_ones_own_takes_its_split_in_place_of_its_file(folder: Any) -> None:
    rows = "\n".join(f"Is {n} even?,yes,no,{'AB'[n % 2]}" for n in range(20))
    folder.write("own.csv", f"q,A,B,answer\n{rows}\n")
    yaml = "name: own\nfile: own.csv\ncolumns: {question: q, choices: [A, B], answer: answer}\n"
    folder.write("own.benchmark.yaml", yaml)
    made = divided(str(folder.path / "own.benchmark.yaml"), folder.path / "split")
    folder.run("own.benchmark.yaml", "--model", "mock/A", "--data=split", "--split", "test")
    assert asked(folder) == ids(made.questions("test"))
    assert len(asked(folder)) == 4


def test_what_is_no_split_is_refused_in_a_sentence(folder: Any, split: SplitFolder) -> None:
    (folder.path / "empty").mkdir()
    said = folder.refused("--model", "mock/A", "--split", "test")
    assert said.startswith(
        "--split test: sample is no split; give --data a folder that `mmlubench lab split`"
    )
    assert "empty is no split" in folder.refused("--model", "mock/A", "--split", "test", "--data=empty")
    said = folder.refused("--model", "mock/A", "--split", "dev", "--data=split")
    assert said == "--split dev: it must be one of train, validation, test."
    folder.write("test_mmmlu.py", (ROOT / "benchmarks" / "test_mmmlu.py").read_text())
    said = folder.refused("test_mmmlu.py", "--model", "mock/A", "--data=split", "--split", "test")
    assert said == "mmmlu: split holds a split of mmlu: ask it with -k mmlu."
    folder.own_benchmark()
    said = folder.refused("test_capitals.py", "--model", "mock/A", "--data=split", "--split", "test")
    assert "--split test: its questions are its test's own; leave it out." in said


# -- contamination ---------------------------------------------------------------------------------------------------


@pytest.fixture
def tuned(folder: Any, split: SplitFolder) -> Path:
    """The folder of a fine-tuned model that has learned the train side."""
    made = folder.path / "outputs" / "tuned"
    made.mkdir(parents=True)
    told = write_trained_ids(made, "mmlu", split.questions("train"), split.questions("validation"))
    (made / "finetune.json").write_text(json.dumps({"trained_on": told}))
    return made


def _latest(folder: Any) -> list[str]:
    return ["--run-dir", str(folder.path / "reports"), "--run", "latest"]


@pytest.fixture
def ask(folder: Any) -> Iterator[Callable[..., Any]]:
    """Ask a vLLM whose model `m` has its weights from a folder."""
    reply = {"choices": [{"message": {"role": "assistant", "content": "ANSWER: A"}, "finish_reason": "stop"}]}
    with FakeServer(always=lambda _: Reply(body={**reply, "id": "1", "model": "m", "usage": {}})) as server:

        def run(root: Path, *options: str, adapter: str = "") -> Any:
            models = [{"id": "m", "owned_by": "vllm", "root": "/models/m" if adapter else str(root)}]
            models += (
                [{"id": adapter, "owned_by": "vllm", "root": str(root), "parent": "m"}] if adapter else []
            )
            server.tells = {
                "/models": Reply(body={"data": models}),
                "/version": Reply(body={"version": "0.32.0"}),
            }
            return folder.run("--model", f"vllm/m@{server.url}", "--data=split", *options)

        yield run


def test_what_was_learned_is_counted_and_has_no_headline_number(
    folder: Any, split: SplitFolder, tuned: Path, ask: Callable[..., Any]
) -> None:
    n = len(split.questions("train"))
    result = ask(tuned, "--split", "train", "--min-accuracy", "0.01")
    said = f"CONTAMINATED: {n} of {n} questions were trained on"
    result.stdout.fnmatch_lines(
        [f"mmlubench: mmlu, vllm-m: {said}*", "CONTAMINATED mmlu · vllm-m *no headline number: CONTAMINATED*"]
    )
    entry = folder.entry()
    assert entry["contaminated"] == n
    assert entry["headline"] is False
    assert entry["why_no_headline"].startswith(said)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert said in (folder.run_folder() / "report.html").read_text()


def test_the_held_out_side_is_clean(
    folder: Any, split: SplitFolder, tuned: Path, ask: Callable[..., Any]
) -> None:
    result = ask(tuned, "--split", "test", "--min-accuracy", "0.01")
    assert folder.entry()["contaminated"] == 0
    assert folder.entry()["headline"] is True
    assert result.ret == pytest.ExitCode.OK
    n = len(split.questions("test"))
    result.stdout.fnmatch_lines(
        [
            f"mmlubench: {tuned} was trained on 72 items of mmlu",
            f"mmlubench: mmlu, vllm-m: it was trained on none of these {n} questions",
        ]
    )
    assert "CONTAMINATED" not in result.stdout.str()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
def test_an_accuracy_on_what_was_learned_can_be_had_and_says_what_it_is(
    folder: Any, split: SplitFolder, tuned: Path, ask: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    n = len(split.questions("train"))
    result = ask(tuned, "--split", "train", "--accept-contaminated", "--min-accuracy", "0.01", *workers)
    entry = folder.entry()
    assert (entry["headline"], entry["contaminated"], result.ret) == (True, n, pytest.ExitCode.OK)
    assert entry["warnings"][0].startswith(f"CONTAMINATED: {n} of {n} questions were trained on")
    result.stdout.fnmatch_lines(["CONTAMINATED mmlu · vllm-m *: accuracy *", "warning: CONTAMINATED: *"])


def test_an_adapter_at_a_server_and_a_checkpoint_are_known_by_their_folders(
    folder: Any, tuned: Path, ask: Callable[..., Any]
) -> None:
    (tuned / "checkpoint-20").mkdir()
    # Weights that have the ids beside them, too, as those of a whole model, tell of one training and not of two.
    for name in ("finetune.json", "trained_ids.txt"):
        (tuned / "checkpoint-20" / name).write_bytes((tuned / name).read_bytes())
    result = ask(tuned / "checkpoint-20", "--split", "train", "--adapter", "letters", adapter="letters")
    assert folder.entry()["contaminated"] == folder.entry()["n"]
    assert result.stdout.str().count("was trained on 72 items of mmlu") == 1


def test_the_base_of_an_adapter_has_learned_nothing(
    folder: Any, tuned: Path, ask: Callable[..., Any]
) -> None:
    options = ("--split", "train", "--adapter", "letters", "--with-base", "--adapter-path", str(tuned))
    result = ask(tuned, *options, "--no-preflight", adapter="letters")
    result.stdout.fnmatch_lines(["CONTAMINATED (vllm-m-letters): 72 of 72 questions were trained on."])
    found = {one["model"]: one["contaminated"] for one in folder.json("summary")["results"]}
    assert found == {"vllm-m": 0, "vllm-m-letters": 72}
    explored = CliRunner().invoke(
        main,
        ["lab", "explore", "mmlu", "--data", str(folder.path / "split" / "train.parquet"), *_latest(folder)],
    )
    assert "CONTAMINATED (vllm-m-letters): 72 of 72 questions were trained on." in explored.output


def test_the_translation_of_what_was_learned_is_known(folder: Any, ask: Callable[..., Any]) -> None:
    # MMMLU is the test split of MMLU, and one language of it the same as another.
    question = SplitFolder.open(divided("mmlu", folder.path / "split").path).questions("test")[0]
    tuned = folder.path / "tuned"
    tuned.mkdir()
    learned = Question(
        question.id.replace("mmlu/", "mmmlu/FR_FR/"),
        "mmmlu",
        question.subject,
        "c",
        "?",
        ("x", "y"),
        "A",
        "FR_FR",
    )
    told = write_trained_ids(tuned, "mmmlu", [learned])
    (tuned / "finetune.json").write_text(json.dumps({"trained_on": told}))
    ask(tuned)
    assert folder.entry()["contaminated"] == 1
    assert "CONTAMINATED: 1 of " in folder.entry()["why_no_headline"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["plain", "n2"])
def test_what_was_learned_in_another_data_set_is_known_by_its_text_and_right_answer(
    folder: Any, split: SplitFolder, ask: Callable[..., Any], workers: tuple[str, ...]
) -> None:
    # As MMLU-Pro has questions of MMLU, with more choices in another order.
    first, second, third, *_ = split.questions("test")
    tuned = folder.path / "tuned"
    tuned.mkdir()

    def pro(row: int, one: Question, text: str, right: str) -> Question:
        choices = ("none of these", right, *(c for c in one.choices if c != right), "all of these")
        return Question(f"mmlu_pro/q/{row}", "mmlu_pro", "q", "c", text, choices, "B")

    right, other = (one.choices["ABCD".index(one.answer)] for one in (first, second))
    learned = [pro(1, first, f"  {first.text.upper()}", right), pro(2, second, second.text, f"not {other}")]
    told = write_trained_ids(tuned, "mmlu_pro", learned, [pro(3, third, third.text, third.choices[0])])
    (tuned / "finetune.json").write_text(json.dumps({"trained_on": told}))
    result = ask(tuned, *workers)
    entry, n = folder.entry(), len(split.questions("test"))
    assert entry["contaminated"] == 1
    said = f"CONTAMINATED: 1 of {n} questions was trained on, with equal text and right answer in another data set: "
    assert entry["why_no_headline"].startswith(f"{said}give --accept-contaminated")
    assert folder.json("manifest")["data"]["mmlu"]["learned_elsewhere"] == {"vllm-m": [first.id]}
    if not workers:
        result.stdout.fnmatch_lines([f"mmlubench: mmlu, vllm-m: {said}*"])


def test_a_folder_that_has_only_ids_is_read_as_before(
    folder: Any, split: SplitFolder, tuned: Path, ask: Callable[..., Any]
) -> None:
    lines = (tuned / "trained_ids.txt").read_text().splitlines()
    (tuned / "trained_ids.txt").write_text("".join(line.rpartition("\t")[0] + "\n" for line in lines))
    ask(tuned, "--split", "train")
    assert folder.entry()["contaminated"] == len(split.questions("train"))


def test_ids_that_do_not_fit_their_card_are_told_and_nothing_is_guessed(
    folder: Any, tuned: Path, ask: Callable[..., Any]
) -> None:
    (tuned / "trained_ids.txt").write_text("mmlu/anatomy/0000\ttrain\t\n")
    result = ask(tuned, "--split", "train")
    result.stdout.fnmatch_lines(["mmlubench: whether a model was trained on these questions is not known: *"])
    assert folder.entry()["contaminated"] == 0
