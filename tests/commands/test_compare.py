"""`mmlubench compare`: what can be compared with what, what is said of it, and how it looks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from mmlubench.cli import main
from mmlubench.figures import MINUS
from mmlubench.run.results import read_published
from tests.made_runs import made_entries, write_run

SMALL = [10, 10]
Compare = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs")
    plain = made_entries(1, 0.5, model="m", sizes=SMALL)
    write_run(made / "01-plain", plain, desc="before")
    write_run(made / "02-after", made_entries(2, 0.5, model="m", sizes=SMALL), desc="after")
    elsewhere = [replace(entry, id=entry.id.replace("subject", "other")) for entry in plain]
    write_run(made / "03-elsewhere", elsewhere)
    write_run(made / "04-one", made_entries(1, 0.5, model="m", sizes=[1]))
    write_run(made / "05-empty", [])
    mock = made_entries(2, 0.5, model="canned", sizes=SMALL)
    write_run(made / "06-mock", mock, mock=True, recipe="five_shot", extraction="tiger")
    write_run(made / "07-pro", made_entries(2, 0.5, model="m", sizes=SMALL, benchmark="mmlu_pro"))
    many = [
        e for k in range(57) for e in made_entries(k, 0.3 + k / 150, model=f"model-{k:02}", sizes=[60, 60])
    ]
    write_run(made / "08-many", many)
    write_run(made / "09-errors", made_entries(2, 0.5, model="m", sizes=SMALL, errors=20))
    shifted = [replace(entry, answer="A") for entry in plain]
    write_run(made / "10-data", shifted, data={"revision": "other", "sha256": "c" * 64, "source": "hub"})
    llama = made_entries(2, 0.7, model="llama", sizes=SMALL)
    write_run(made / "11-llama", llama, model_id="meta-llama/Llama-3.1-8B-Instruct", recipe="llama3", shots=5)
    write_run(made / "12-epochs", made_entries(7, 0.5, model="m", sizes=SMALL, epochs=4))
    return made


@pytest.fixture
def compare(folder: Path) -> Compare:
    """What the command prints, and that it ended well."""

    def run(*arguments: str, width: int = 80, status: int = 0, **env: str) -> str:
        call = ["compare", "--run-dir", str(folder), *arguments]
        ended = CliRunner().invoke(main, call, catch_exceptions=False, env={"COLUMNS": str(width), **env})
        assert ended.exit_code == status, ended.output
        return str(ended.stdout if status == 0 else ended.stderr)

    return run


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["01-plain", "03-elsewhere"],
            "m (before) and m (03-elsewhere) have no question of mmlu in common: ask both the same questions, with the "
            "same --subject, --category, --language, --limit and --seed.",
        ),
        (
            ["01-plain", "05-empty"],
            "05-empty: the run 05-empty has no case, so that there is nothing to compare.",
        ),
        (
            ["01-plain", "07-pro"],
            "these are of different benchmarks, which cannot be compared: mmlu m (01-plain), mmlu_pro m (07-pro).",
        ),
        (["01-plain", "09-errors"], "m (09-errors) answered no question of mmlu: nothing can be compared."),
        (["01-plain"], "there is one result only, mmlu m (01-plain): name another RUN, or a --baseline."),
        (["01-plain:other", "02-after"], "01-plain:other: the run 01-plain has no model other; it has m."),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_sentence(
    arguments: list[str], sentence: str, compare: Compare
) -> None:
    assert compare(*arguments, status=1) == f"Error: {sentence}\n"


def test_one_subject_is_one_cluster(compare: Compare) -> None:
    text = " ".join(compare("04-one", "01-plain", "--cluster", "subject").split())
    assert "paired, clustered by subject); p = 1.000 by Student's t" in text


def test_a_run_that_is_named_twice_is_one(compare: Compare) -> None:
    assert "there is one result only, mmlu m (12-epochs)" in compare("latest", "12-epochs", status=1)


def test_equal_ids_of_other_data_are_not_compared(compare: Compare) -> None:
    said = compare("01-plain", "10-data", status=1)
    assert "m (before) and m (10-data) have different data of mmlu: " in said
    assert "of 20 questions with equal ids have different right answers." in said


def test_runs_of_one_model_are_told_apart_by_their_labels(compare: Compare) -> None:
    assert compare("01-plain", "02-after").startswith("mmlu · m (before) and m (after)\n")


def test_one_common_question_claims_nothing(compare: Compare) -> None:
    text = " ".join(compare("01-plain", "04-one").split())
    assert "left out: 19 questions that not all of them have." in text
    assert "power: no outcome differs, so that nothing is known" in text
    assert "not worse by more than 0.01: not shown" in text


@pytest.mark.parametrize(
    ("data", "note"),
    [
        ({"revision": "other", "sha256": "c" * 64}, "the revision of the data differs (c30699e, other)."),
        ({"revision": "c30699e", "source": "/elsewhere", "sha256": "b" * 64}, ""),  # the same content
        (
            {"revision": "c30699e", "source": "hub", "sha256": "c" * 64, "questions": 14_042},
            "the data differ (sha256",
        ),
        (
            {"revision": "c30699e", "source": "hub", "sha256": "c" * 64, "questions": 20},
            "",
        ),  # --limit read a part
    ],
)
def test_other_data_are_said(data: dict[str, Any], note: str, compare: Compare, tmp_path: Path) -> None:
    write_run(tmp_path / "new", made_entries(2, 0.5, model="n", sizes=SMALL), data=data)
    text = " ".join(compare("01-plain", str(tmp_path / "new")).split())
    assert note in text
    assert ("note: " in text) == bool(note)


def test_what_differs_between_the_runs_is_said_and_a_mock_is_called_one(compare: Compare) -> None:
    text = " ".join(compare("01-plain", "06-mock").split())
    assert "MOCK (canned): the answers are canned and say nothing about a real model." in text
    assert "recipe differs (zero_shot, five_shot): what is compared is model and setting together." in text
    assert "extraction differs (default, tiger)" in text
    assert "text of the recipe" not in text  # another recipe has another text


def test_a_folder_of_version_1_and_one_without_replies_are_read(folder: Path, compare: Compare) -> None:
    old = folder.parent / "old"
    if not old.exists():
        write_run(old, made_entries(5, 0.5, model="m", sizes=SMALL))
        manifest = json.loads((old / "manifest.json").read_text())
        for key in ("schema_version", "kind", "data", "state", "process"):
            manifest.pop(key)
        (old / "manifest.json").write_text(json.dumps(manifest))
        (old / "summary.json").unlink()
    text = " ".join(compare("01-plain", str(old)).split())
    assert f"difference (second {MINUS} first)" in text
    assert "m (old) has no headline accuracy: the run was broken off." in text
    assert "scoring differs" not in text  # nobody wrote down how it was scored


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize(
    "arguments",
    [
        ["01-plain", "02-after"],
        ["08-many"],
        ["11-llama", "--baseline", "published"],
        ["12-epochs", "01-plain"],
    ],
)
def test_it_fits_on_the_screen(arguments: list[str], width: int, compare: Compare) -> None:
    text = compare(*arguments, width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "\x1b" not in text


def test_of_57_models_the_pairs_that_are_hardest_to_tell_apart_are_shown(compare: Compare) -> None:
    (found,) = json.loads(compare("08-many", "--json"))["comparisons"]
    assert (len(found["models"]), len(found["pairs"])) == (57, 57 * 56 // 2)
    text = compare("08-many")
    assert len([line for line in text.splitlines() if f" {MINUS} model-" in line]) == 15
    accuracies = [one["accuracy"] for one in found["models"]]
    assert accuracies == sorted(accuracies, reverse=True)
    for one in found["models"]:
        best, worst = one["ranks95"]
        assert 1 <= best <= worst <= 57


def test_repeats_give_a_noise_floor(compare: Compare, folder: Path) -> None:
    (found,) = json.loads(compare("12-epochs", "01-plain", "--json"))["comparisons"]
    floor, other = found["noise_floor"].values()
    assert other is None
    letters = [json.loads(line) for line in (folder / "12-epochs" / "results.jsonl").read_text().splitlines()]
    flips = [
        one == case["answer"] and other != case["answer"]
        for case in letters
        for at, one in enumerate(case["letters"])
        for place, other in enumerate(case["letters"])
        if at != place
    ]
    assert floor == pytest.approx(2 * sum(flips) / len(flips))  # each unordered pair stands here twice
    assert "noise floor (flip rate between two answers of one model" in " ".join(
        compare("12-epochs", "01-plain").split()
    )


def test_markdown_cannot_be_broken_by_a_name(compare: Compare, folder: Path) -> None:
    name = "a|b_c*d <b>x</b>"
    odd = folder.parent / "odd"
    if not odd.exists():
        write_run(odd, made_entries(2, 0.5, model=name, sizes=SMALL))
    lines = compare("01-plain", str(odd), "--markdown").splitlines()
    assert lines[0] == r"## mmlu · m and a\|b\_c\*d \<b\>x\</b\>"
    rows = [line for line in lines if line.startswith("| ")]
    assert rows
    assert r"| a\|b\_c\*d \<b\>x\</b\> | 20 |" in "\n".join(rows)


def test_two_formats_at_once_are_refused(compare: Compare) -> None:
    assert "--json and --markdown are two formats" in compare("01-plain", "--json", "--markdown", status=2)


def test_latest_is_the_newest_other_run_with_a_headline(compare: Compare, folder: Path) -> None:
    (found,) = json.loads(compare("11-llama", "--baseline", "latest", "--json"))["comparisons"]
    assert (found["first"]["run_id"], found["second"]["run_id"]) == ("12-epochs", "11-llama")


def test_a_baseline_of_another_benchmark_is_refused(compare: Compare) -> None:
    assert compare("01-plain", "--baseline", "07-pro", status=1) == (
        "Error: --baseline 07-pro has mmlu_pro m, and none is clearly that of mmlu m: name one as RUN:MODEL.\n"
    )


def test_published_scores_stand_beside_ours_without_a_test(compare: Compare) -> None:
    (found,) = json.loads(compare("11-llama", "--baseline", "published", "--json"))["comparisons"]
    assert found["of_this_model"]
    assert found["n"] == 20
    rows = {row["score"]: row for row in found["published"]}
    assert rows[0.694]["setting_differs"] is None
    assert rows[0.694]["ours"] == pytest.approx(found["accuracy_macro"])
    assert "shots 0, ours 5" in rows[0.73]["setting_differs"]
    assert rows[0.681]["setting_differs"] == "how it was measured is not known"
    assert "it matches no published setting" in rows[0.681]["note"]
    text = " ".join(compare("11-llama", "--baseline", "published").split())
    assert "no test is made" in text
    assert "p =" not in text


def test_a_model_without_a_published_score_is_told_those_of_others(compare: Compare) -> None:
    text = compare("01-plain", "--baseline", "published")
    assert "no published score of this model is known here" in " ".join(text.split())
    assert "human experts" in text


def test_the_published_scores_have_their_setting_and_the_five_that_are_copied_most() -> None:
    rows = read_published()
    assert {row.score for row in rows if "copied most" in row.note} == {63.5, 68.1, 83.6, 88.7, 89.3}
    unmatched = {row.score for row in rows if "matches no published setting" in row.note}
    assert unmatched == {63.5, 68.1}
    for row in rows:
        assert row.benchmark in ("mmlu", "mmlu_pro", "mmmlu")
        assert 0 < row.score < 100
        assert row.averaging in ("micro", "macro", "unknown")
        assert row.source
        assert row.date
        assert all(name == name.lower() for name in row.ids)


def test_a_setting_of_a_published_score_names_a_recipe_of_ours() -> None:
    # late: it reads all recipes
    from mmlubench.prompts.library import RECIPES

    wanted: set[Any] = {row.recipe for row in read_published()} - {""}
    assert wanted <= set(RECIPES.names())


def test_three_results_stand_beside_one_another_by_language_and_subject(tmp_path: Path) -> None:
    # Before, after and a larger model, asked in runs of their own the same questions in two languages.
    names = ("base", "tuned", "large")
    languages = ("DE_DE", "FR_FR")
    for skill, name in enumerate(names):
        entries = made_entries(skill, 0.3 + skill / 5, model=name, sizes=SMALL, languages=languages)
        write_run(tmp_path / name, entries)
    call = ["compare", "--run-dir", str(tmp_path), *names]
    text = CliRunner().invoke(main, call, catch_exceptions=False, env={"COLUMNS": "100"}).stdout
    rows = [line.split() for line in text.splitlines()]
    assert ["language", "n", "large", "tuned", "base"] in rows
    found = json.loads(CliRunner().invoke(main, [*call, "--json"], catch_exceptions=False).stdout)
    (told,) = found["comparisons"]
    by_subject = told["subjects"]["subject_00"]
    assert by_subject["n"] == 20
    shown = next(row for row in rows if row[:1] == ["subject_00"])
    assert shown[1:] == [
        "20",
        *(f"{by_subject['accuracy'][name]:.3f}" for name in ("large", "tuned", "base")),
    ]
    assert {*told["languages"]} == {*languages}
