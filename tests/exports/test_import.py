"""`mmlubench import`: what other harnesses wrote becomes a run that is compared with ours, question by question."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

import pytest
from click.testing import CliRunner

from mmlubench import datasets, zstd
from mmlubench.cli import main
from mmlubench.errors import UserError
from mmlubench.reports.exports.export import export
from mmlubench.run.archive import RunArchive
from mmlubench.run.importing.import_run import Imported, import_run
from mmlubench.run.importing.sample import benchmark_of
from mmlubench.schema import Outcome, Question

Build = Callable[..., RunArchive]


@pytest.fixture
def questions() -> list[Question]:
    """A few questions of the embedded sample, of several subjects."""
    return [*datasets.load("mmlu", "sample").questions][:9]


def inspect_log(path: Path, samples: list[dict[str, Any]], **about: Any) -> Path:
    """What inspect writes as JSON for its task mmlu_0_shot."""
    spec = {
        "task": "inspect_evals/mmlu_0_shot",
        "model": "openai/gpt-4o",
        "created": "2025-01-02T03:04:05+00:00",
    }
    log = {"version": 2, "status": "success", "eval": {**spec, "dataset": {}, "config": {}, **about}}
    path.write_text(json.dumps({**log, "samples": samples}))
    return path


def inspect_sample(question: Question, letter: str | None, **more: Any) -> dict[str, Any]:
    is_right = letter == question.answer
    return {
        "id": f"mmlu_{hash(question.text):x}",
        "epoch": 1,
        "input": question.text,
        "choices": list(question.choices),
        "target": question.answer,
        "metadata": {"subject": question.subject},
        "messages": [{"role": "user", "content": f"Answer: {question.text}"}],
        "output": {
            "model": "gpt-4o-2024",
            "choices": [{"message": {"role": "assistant", "content": "ANSWER"}}],
        },
        "scores": {"choice": {"value": "C" if is_right else "I", "answer": letter}},
        **more,
    }


def lm_eval_files(folder: Path, questions: list[Question], letters: list[str]) -> Path:
    """What lm-eval writes for the multiple-choice tasks of MMLU; returns the file of results."""
    moment = "2025-01-02T03-04-05.678901"
    folder.mkdir()
    rows: dict[str, int] = {}
    for question, letter in zip(questions, letters, strict=True):
        row = rows.setdefault(question.subject, 0)
        rows[question.subject] += 1
        scores = [[str(-0.5 if one == letter else -3.0), str(one == letter)] for one in question.letters]
        doc = {"question": question.text, "subject": question.subject, "choices": list(question.choices)}
        sample = {
            "doc_id": row,
            "doc": {**doc, "answer": question.letters.index(question.answer)},
            "target": str(question.letters.index(question.answer)),
            "arguments": {"gen_args_0": {"arg_0": f"{question.text}\nAnswer:", "arg_1": " A"}},
            "resps": [[one] for one in scores],
            "filtered_resps": scores,
            "filter": "none",
            "metrics": ["acc"],
            "acc": float(letter == question.answer),
        }
        with (folder / f"samples_mmlu_{question.subject}_{moment}.jsonl").open("a") as file:
            file.write(json.dumps(sample) + "\n")
    results = folder / f"results_{moment}.json"
    about = {"model_name": "meta-llama/Llama-3.1-8B", "date": 1735787045.6, "lm_eval_version": "0.4.8"}
    config = {"config": {"model": "vllm", "gen_kwargs": None}, "n-shot": {"mmlu_anatomy": 5}}
    results.write_text(json.dumps({**about, **config}))
    return results


def entries_of(made: Imported) -> dict[str, Any]:
    return {entry.id: entry for entry in RunArchive(made.path).entries()}


def test_a_log_of_inspect_is_found_by_the_text_of_its_questions(
    questions: list[Question], tmp_path: Path
) -> None:
    letters = [questions[0].answer, None, *[one.answer for one in questions[2:]]]
    samples = [inspect_sample(*pair) for pair in zip(questions, letters, strict=True)]
    samples[1]["scores"]["choice"]["reason"] = "refusal"
    made = import_run(inspect_log(tmp_path / "a.json", samples[::-1]), tmp_path / "runs", data="sample")
    found = entries_of(made)
    assert {one.id for one in questions} == set(found)
    assert found[questions[1].id].outcome is Outcome.REFUSED
    assert all(found[one.id].outcome is Outcome.CORRECT for one in (questions[0], *questions[2:]))
    assert all(found[one.id].category == one.category for one in questions)
    assert made.ways == {"text": 9}
    manifest = RunArchive(made.path).manifest
    assert manifest.facts["imported"]["task"] == "inspect_evals/mmlu_0_shot"
    assert list(manifest.facts["imported"]["files"]) == [str(tmp_path / "a.json")]
    assert manifest.models["openai/gpt-4o"]["client"] == "imported"
    assert manifest.recipe["shots"] == 0
    assert manifest.created == "2025-01-02T03:04:05+00:00"
    replies = list(RunArchive(made.path).responses())
    assert {reply["completion"] for reply in replies} == {"ANSWER"}


def test_a_log_that_is_compressed_as_inspect_does_is_read(questions: list[Question], tmp_path: Path) -> None:
    log = json.loads(inspect_log(tmp_path / "a.json", []).read_text())
    members = {
        "header.json": log,
        **{f"samples/{n}_epoch_1.json": inspect_sample(one, one.answer) for n, one in enumerate(questions)},
    }
    with ZipFile(tmp_path / "a.eval", "w") as file:
        for name, content in members.items():
            plain = json.dumps(content).encode()
            info = ZipInfo(name)
            file.writestr(info, zstd.frame(plain))
            info.compress_type, info.file_size = (
                93,
                len(plain),
            )  # what the directory says that is written last
    made = import_run(tmp_path / "a.eval", tmp_path / "runs", data="sample")
    assert made.summary.total.correct == len(questions)


def test_a_question_behind_worked_examples_is_found_by_its_choices(
    questions: list[Question], tmp_path: Path
) -> None:
    asked = f"Here are examples.\n{questions[5].text}\nANSWER: A\n\n{questions[0].text}"
    log = inspect_log(tmp_path / "a.json", [inspect_sample(questions[0], "A", input=asked)])
    assert set(entries_of(import_run(log, tmp_path / "runs", data="sample"))) == {questions[0].id}


def test_a_question_that_is_none_of_ours_is_kept_and_said(questions: list[Question], tmp_path: Path) -> None:
    samples = [inspect_sample(questions[0], "A"), inspect_sample(questions[1], "A", input="Another one?")]
    samples[1]["choices"] = ["1", "2"]
    log = inspect_log(tmp_path / "a.json", samples)
    done = CliRunner().invoke(
        main, ["import", str(log), "--run-dir", str(tmp_path / "r"), "--data", "sample"]
    )
    assert "found: 1 question by text, 1 question not found" in done.output
    (summary,) = RunArchive(next((tmp_path / "r").iterdir())).summary
    assert "1 question not found among ours" in summary.notice


def test_a_question_that_only_its_text_could_find_says_what_to_give(
    questions: list[Question], tmp_path: Path
) -> None:
    log = inspect_log(tmp_path / "a.json", [inspect_sample(questions[0], "A")])
    done = CliRunner().invoke(main, ["import", str(log), "--run-dir", str(tmp_path / "r")])
    assert "1 question not found; with --data they are looked for by their text" in done.output


def test_samples_of_lm_eval_are_found_by_subject_and_row_and_keep_their_probabilities(
    questions: list[Question], tmp_path: Path
) -> None:
    letters = [one.answer for one in questions[:-1]] + ["A" if questions[-1].answer != "A" else "B"]
    results = lm_eval_files(tmp_path / "lm", questions, letters)
    for path in (results, tmp_path / "lm"):
        made = import_run(path, tmp_path / "runs")
        found = entries_of(made)
        assert {one.id for one in questions} == set(found)
        assert made.ways == {"subject and row": 9}
        assert [found[one.id].prediction for one in questions] == letters
        assert made.summary.accuracy == pytest.approx(8 / 9)
        first = found[questions[0].id]
        assert math.fsum(first.probabilities.values()) == pytest.approx(1)
        assert first.probabilities[letters[0]] == max(first.probabilities.values())
        manifest = RunArchive(made.path).manifest
        assert list(manifest.models) == ["meta-llama/Llama-3.1-8B"]
        assert (manifest.recipe["shots"], manifest.created[:10]) == (5, "2025-01-02")


def test_a_row_of_other_data_is_found_by_its_text(questions: list[Question], tmp_path: Path) -> None:
    two = [one for one in questions if one.subject == questions[0].subject][:2]
    results = lm_eval_files(tmp_path / "lm", two[::-1], ["A", "B"])
    made = import_run(results, tmp_path / "runs", data="sample")
    found = entries_of(made)
    assert (found[two[1].id].prediction, found[two[0].id].prediction) == ("A", "B")
    assert made.ways == {"text": 2}


@pytest.mark.parametrize("name", ["inspect", "lm-eval"])
def test_what_we_exported_comes_back_as_it_was(run: RunArchive, name: str, tmp_path: Path) -> None:
    made = import_run(export(run, name)[-1], tmp_path / "runs")
    found = entries_of(made)
    left_out = {Outcome.SKIPPED, *([Outcome.ERROR] if name == "lm-eval" else [])}
    before = {entry.id: entry for entry in run.entries() if entry.outcome not in left_out}
    assert set(found) == set(before)
    for key, entry in before.items():
        assert (found[key].prediction, found[key].points) == (entry.prediction, entry.points)
    assert made.summary.accuracy == run.summary[0].accuracy


def test_an_imported_run_is_compared_with_ours(run: RunArchive, tmp_path: Path) -> None:
    made = import_run(export(run, "inspect")[0], tmp_path / "runs")
    done = CliRunner().invoke(main, ["compare", str(run.path), str(made.path), "--json"])
    assert done.exit_code == 0, done.output
    (compared,) = json.loads(done.output)["comparisons"]
    assert compared["n"] == 12
    assert compared["difference"] == 0


def test_epochs_come_back_as_letters(questions: list[Question], tmp_path: Path) -> None:
    right = questions[0].answer
    wrong = "A" if right != "A" else "B"
    samples: list[Any] = [
        inspect_sample(questions[0], letter, epoch=n) for n, letter in enumerate([right, wrong, right], 1)
    ]
    found = entries_of(import_run(inspect_log(tmp_path / "a.json", samples), tmp_path / "r", data="sample"))
    entry = found[questions[0].id]
    assert (entry.letters, entry.score) == ((right, wrong, right), pytest.approx(2 / 3))
    assert entry.outcome is Outcome.CORRECT


def test_a_sample_without_a_score_is_an_error_and_never_wrong(
    questions: list[Question], tmp_path: Path
) -> None:
    failed = inspect_sample(questions[0], None, scores=None, error={"message": "429", "traceback": "x"})
    killed = inspect_sample(questions[1], None, scores={})
    log = inspect_log(tmp_path / "a.json", [failed, killed])
    found = entries_of(import_run(log, tmp_path / "r", data="sample"))
    assert {entry.outcome for entry in found.values()} == {Outcome.ERROR}
    assert {entry.error for entry in found.values()} == {"429", "the log has no score"}


def test_a_log_that_did_not_end_has_no_headline(questions: list[Question], tmp_path: Path) -> None:
    log = inspect_log(tmp_path / "a.json", [inspect_sample(questions[0], "A")])
    log.write_text(log.read_text().replace('"success"', '"cancelled"'))
    made = import_run(log, tmp_path / "runs", data="sample")
    assert made.summary.why_no_headline == "the evaluation of inspect did not end"
    assert RunArchive(made.path).manifest.state == "broken off"


def test_what_strangers_may_write_is_imported_as_far_as_it_goes(
    questions: list[Question], tmp_path: Path
) -> None:
    odd = "\ud83d half \x00 \x1b[31m \u2028"
    samples: list[Any] = [
        inspect_sample(questions[0], odd, id=odd, metadata=None, messages=[odd, {"role": 7, "content": [odd]}]),
        inspect_sample(questions[1], "B", id="mmlu_pro/law/1", target=["B"], output={"choices": [{}]}, model_usage=odd),
        inspect_sample(questions[2], "B", choices=None, scores={"choice": {"value": {"a": 1}}}),
        "no object",
    ]  # fmt: skip
    log = inspect_log(tmp_path / "a.json", samples, model=odd, packages={"inspect_ai": odd})
    made = import_run(log, tmp_path / "runs", data="sample")
    found = entries_of(made)
    assert len(found) == 3
    assert not any(name.startswith("mmlu_pro") for name in found)
    assert list(RunArchive(made.path).requests())
    assert CliRunner().invoke(main, ["runs", "--run-dir", str(tmp_path / "runs")]).exit_code == 0


def test_a_mock_stays_a_mock(questions: list[Question], tmp_path: Path) -> None:
    log = inspect_log(tmp_path / "a.json", [inspect_sample(questions[0], "A")], model="mockllm/model")
    made = import_run(log, tmp_path / "runs", data="sample")
    assert made.summary.mock
    assert made.path.name.endswith("-MOCK")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.eval", "no zip", "it is no log of inspect"),
        ("x.json", "{", "is not JSON"),
        ("x.json", "[]", "is no JSON object"),
        ("x.json", "{}", "it names no task"),
        ("x.json", '{"eval": {"task": "gsm8k"}}', "say with --benchmark which of mmlu, "),
        ("x.json", '{"eval": {"task": "mmlu_0_shot"}}', "it has no sample"),
        ("results_2025.json", "{}", "there are no samples beside it"),
        ("samples_mmlu_anatomy_2025.jsonl", "no\n", "not JSON"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_sentence(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=said):
        import_run(tmp_path / name, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()
    with pytest.raises(UserError, match="cannot be read"):
        import_run(tmp_path / "missing.eval", tmp_path / "runs")


@pytest.mark.parametrize(
    ("task", "benchmark"),
    [
        ("inspect_evals/mmlu_0_shot", "mmlu"),
        ("mmlu_professional_law_generative", "mmlu"),
        ("mmlu_pro_law", "mmlu_pro"),
        ("mmlu_pro", "mmlu_pro"),
        ("mmmlu_de_de_anatomy", "mmmlu"),
        ("inspect_evals/commonsense_qa", "commonsense_qa"),
        ("mmlu_prox_de", ""),
        ("mmlu_redux_anatomy", ""),
        ("gsm8k", ""),
    ],
)
def test_the_name_of_a_task_tells_the_benchmark(task: str, benchmark: str) -> None:
    assert benchmark_of(task) == benchmark
