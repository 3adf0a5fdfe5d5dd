"""The benchmarks of the family, each on its embedded sample, and the options that only some of them know."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mmlubench.datasets import NAMES, load
from mmlubench.datasets.names import PACKAGED

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
MMMLU = ("-k", "mmmlu", "--model", "mock/B")


@pytest.fixture(autouse=True)
def _family(folder):
    for name in NAMES:
        file = f"{name}.benchmark.yaml" if name in PACKAGED else f"test_{name}.py"
        shutil.copy(BENCHMARKS / file, folder.path)


@pytest.mark.parametrize("name", NAMES)
def test_each_runs_offline_and_k_names_it_alone(folder, name):
    folder.run("-k", name, "--model", "mock/B")
    entry = folder.entry()
    assert (entry["benchmark"], entry["n"]) == (name, len(load(name, "sample").questions))
    assert 0 < entry["accuracy"] < 1


def test_letters_follow_the_number_of_options(folder):
    # A question of three options has no D: such a letter is no answer to it.
    folder.run("-k", "mmlu_pro", "--model", "mock/J")
    outcomes = {line["choices"]: line["outcome"] for line in folder.lines("results")}
    assert outcomes[3] == "unparsed"
    assert "correct" in {line["outcome"] for line in folder.lines("results") if line["choices"] == 10}


def test_accuracy_with_a_guess_is_told_apart(folder):
    folder.run("-k", "mmlu_pro", "--model", "mock/J", "--max-unparsed-rate", "1")
    entry, lines = folder.entry(), folder.lines("results")
    chance = sum(1 / line["choices"] for line in lines if line["outcome"] == "unparsed")
    right = sum(line["outcome"] == "correct" for line in lines)
    assert entry["accuracy"] == pytest.approx(right / 56)
    assert entry["accuracy_with_guess"]["expected"] == pytest.approx((right + chance) / 56)
    assert entry["accuracy_with_guess"]["seeded"] >= entry["accuracy"]


def test_the_guess_is_the_same_with_workers(folder):
    arguments = ("-k", "mmlu_pro", "--model", "mock/J", "--max-unparsed-rate", "1")
    folder.run(*arguments)
    alone = folder.entry()["accuracy_with_guess"]
    folder.run_apart(*arguments, "-n", "2")
    assert folder.entry()["accuracy_with_guess"] == alone


# -- languages -------------------------------------------------------------------------------------------------------


def test_all_languages_are_asked_where_none_is_named_and_each_has_its_figures(folder):
    folder.run(*MMMLU)
    languages = folder.entry()["languages"]
    assert len(languages) == 14
    assert {entry["n"] for entry in languages.values()} == {12}
    assert set(languages["YO_NG"]["categories"]) == {"stem", "humanities", "social_sciences", "other"}


def test_named_languages_alone_are_asked(folder, collected):
    assert len(collected(*MMMLU, "--language", "DE_DE", "--language", "FR_FR")) == 24
    assert collected(*MMMLU, "--language", "de-de") == collected(*MMMLU, "--language", "DE_DE")
    assert all("-SW_KE-" in case for case in collected("-k", "mmmlu and SW_KE"))


def test_ids_name_the_language(folder):
    folder.run(*MMMLU, "--language", "JA_JP", "--limit", "1")
    (line,) = folder.lines("results")
    assert line["id"].startswith("mmmlu/JA_JP/")
    assert line["language"] == "JA_JP"


def test_the_terminal_shows_a_line_for_each_language(folder):
    folder.run(*MMMLU).stdout.fnmatch_lines(["language *n*accuracy*", "AR_XY *12 *", "ZH_CN *12 *"])


def test_an_unknown_language_is_told_with_those_there_are(folder):
    said = folder.refused(*MMMLU, "--language", "XX_YY")
    assert "XX_YY" in said
    assert "DE_DE" in said


def test_a_benchmark_of_one_language_says_so(folder):
    said = folder.refused("-k", "mmlu", "--model", "mock/B", "--language", "DE_DE")
    assert (
        said
        == "mmlu: its questions are in one language only: ask for DE_DE in a benchmark of several, such as mmmlu, "
        "or leave --language out."
    )


# -- packaged benchmarks without code --------------------------------------------------------------------------------


def test_capitals_do_not_count_in_the_name_of_a_benchmark(folder, collected):
    assert (
        collected("-k", "MMLU_CF", "--model", "mock/B")
        == collected("-k", "mmlu_cf", "--model", "mock/B")
        != []
    )


@pytest.mark.parametrize(
    ("word", "meant"),
    [("gpqa", "gpqa_diamond or supergpqa"), ("arc", "arc_challenge or arc_easy"), ("helaswag", "hellaswag")],
)
def test_a_part_of_a_packaged_name_is_told_the_whole_one(folder, word, meant):
    said = " ".join(folder.run("-k", word, "--model", "mock/B").stdout.str().split())
    assert f"did you mean {meant}, which only its whole name selects" in said


def test_a_copy_of_another_version_is_told_how_to_get_the_new_one(folder):
    path = folder.path / "hellaswag.benchmark.yaml"
    path.write_text(path.read_text().replace("rows: 10042", "rows: 10041"))
    said = " ".join(folder.run("-k", "hellaswag", "--model", "mock/B").stdout.str().split())
    assert "a copy of ours from another version: delete it and run `mmlubench init`" in said


def test_a_category_or_subject_is_found_whatever_its_capitals(folder):
    folder.run("-k", "supergpqa", "--category", "science", "--subject", "math", "--model", "mock/B")
    assert folder.entry()["n"] == 2
    assert {line["subject"] for line in folder.lines("results")} == {"Math"}


@pytest.mark.parametrize(
    ("benchmark", "language", "asked"), [("include", "German", 4), ("belebele", "deu_Latn", 2)]
)
def test_a_language_may_be_called_as_its_data_set_calls_it(folder, benchmark, language, asked):
    folder.run("-k", benchmark, "--language", language, "--model", "mock/B")
    assert (folder.entry()["n"], [*folder.entry()["languages"]]) == (asked, ["de"])


def test_a_language_among_very_many_is_told_briefly(folder):
    said = folder.refused("-k", "belebele", "--language", "deu_latin", "--model", "mock/B")
    assert "122 languages, which `mmlubench data list --json` lists; did you mean 'deu_Latn'" in said
    assert len(said) < 300


# -- fewer questions -------------------------------------------------------------------------------------------------


def test_questions_that_repeat_an_earlier_one_can_be_left_out(folder):
    folder.own_benchmark(count=3)
    path = folder.path / "test_capitals.py"
    path.write_text(path.read_text().replace("Which is no. {n}?", "Which?"))
    folder.run("-k", "capitals", "--model", "mock/A", "--dedup")
    assert folder.entry()["n"] == 1
    assert "--dedup left 1 of 3 questions" in folder.entry()["notice"]


def test_redux_is_for_mmlu_and_needs_its_annotations(folder):
    assert "--redux ok is for mmlu only" in folder.refused(
        "-k", "mmlu_pro", "--model", "mock/B", "--redux", "ok"
    )
    assert "sample is not annotated" in folder.refused("-k", "mmlu", "--model", "mock/B", "--redux", "ok")


@pytest.mark.real_data
@pytest.mark.parametrize(("mode", "least", "most"), [("ok", 5_325, 5_330), ("corrected", 5_331, 5_437)])
def test_redux_on_the_real_questions(folder, real_data, mode, least, most):
    source = ("-k", "mmlu", "--model", "mock/B", f"--data={real_data('mmlu').parent}")
    result = folder.run(*source, "--redux", mode, "--collect-only", "-qq")
    count = int(next(line for line in result.outlines if line.startswith("test_mmlu.py:")).split(":")[1])
    assert least <= count <= most


@pytest.mark.real_data
def test_dedup_on_the_real_questions(folder, real_data):
    source = ("-k", "mmlu", "--model", "mock/B", f"--data={real_data('mmlu').parent}")
    result = folder.run(*source, "--dedup", "--collect-only", "-qq")
    result.stdout.fnmatch_lines(["test_mmlu.py: 13937"])


def test_long_questions_can_be_left_out_and_each_language_says_how_many(folder):
    tokenizers = pytest.importorskip("tokenizers", reason="needs `pip install mmlubench[tokenizers]`")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.save(str(folder.path / "tokenizer.json"))
    folder.run(*MMMLU, "--max-question-tokens", "20", "--tokenizer", "tokenizer.json")
    entry = folder.entry()
    assert 0 < entry["n"] < 168
    assert "--max-question-tokens 20 left" in entry["notice"]
    assert "DE_DE" in entry["notice"]


def test_a_limit_without_a_tokenizer_is_refused(folder):
    assert "go together" in folder.refused(*MMMLU, "--max-question-tokens", "20")


# -- how letters are read --------------------------------------------------------------------------------------------


def test_the_official_chain_reads_what_ours_leaves(folder):
    folder.own_benchmark(count=1)
    model = folder.scripted("It could be anything, so I would say A or B")
    arguments = ("-k", "capitals", "--model", model, "--max-unparsed-rate", "1")
    folder.run(*arguments)
    assert folder.outcomes() == ["unparsed"]
    folder.run(*arguments, "--extraction", "tiger")
    assert folder.outcomes() == ["wrong"]
    assert folder.json("manifest")["extraction"] == "tiger"


def test_thinking_without_a_reply_is_named_as_the_cause(folder):
    folder.own_benchmark(count=1)
    model = folder.scripted("<think>The capital is Paris, so the answer is A.</think>")
    result = folder.run("-k", "capitals", "--model", model)
    said = " ".join(result.stdout.str().split())
    assert "thinking without a reply (1)" in said
    assert "another --recipe" not in said


def test_an_unknown_extraction_is_told_with_those_there_are(folder):
    said = folder.refused("-k", "mmlu", "--model", "mock/B", "--extraction", "lion")
    assert "lion" in said
    assert "tiger" in said
