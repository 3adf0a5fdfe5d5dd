"""-k: a benchmark's exact name means that benchmark and no other, and what cannot be selected is not loaded."""

from __future__ import annotations

import pytest

from mmlubench import datasets
from mmlubench.errors import UserError
from mmlubench.plugin.keyword import Keyword


@pytest.fixture
def family(folder):
    """Benchmarks whose names contain one another, as MMLU's relatives have them."""
    folder.own_benchmark("mmlu_pro", count=3)
    folder.own_benchmark("mmmlu", count=3)
    return folder


def benchmarks(cases):
    return sorted({case.partition("[")[0] for case in cases})


def test_the_exact_name_of_a_benchmark_selects_it_alone(family, collected):
    assert benchmarks(collected()) == ["test_mmlu", "test_mmlu_pro", "test_mmmlu"]
    for name, count in (("mmlu", 120), ("mmlu_pro", 3), ("mmmlu", 3)):
        cases = collected("-k", name)
        assert (benchmarks(cases), len(cases)) == ([f"test_{name}"], count)


def test_a_name_stands_for_itself_within_an_expression_too(family, collected):
    assert benchmarks(collected("-k", "mmlu and anatomy")) == ["test_mmlu"]
    assert benchmarks(collected("-k", "mmlu or mmmlu")) == ["test_mmlu", "test_mmmlu"]


def test_it_does_not_matter_which_file_comes_first(folder, collected):
    folder.own_benchmark("capitals_large")  # collected before the one that is meant is known
    folder.own_benchmark("capitals_of")
    for keyword in ("capitals_of", "capitals_of and europe"):
        assert benchmarks(collected("-k", keyword)) == ["test_capitals_of"]
    folder.own_benchmark("capitals")
    folder.path.joinpath("test_capitals.py").rename(folder.path / "test_zz.py")
    for keyword in ("capitals", "capitals and europe", "europe and capitals"):
        assert benchmarks(collected("-k", keyword)) == ["test_capitals"]


def test_any_other_word_works_as_pytests_own(family, collected):
    assert benchmarks(collected("-k", "mml")) == ["test_mmlu", "test_mmlu_pro", "test_mmmlu"]
    assert len(collected("-k", "anatomy or virology")) == 4
    assert all("anatomy" not in case for case in collected("-k", "mmlu and not anatomy"))
    assert collected("-k", "anatomy-0001") == ["test_mmlu[mock-anatomy-0001]"]
    assert collected("-k", "mock-a and test_mmlu and anatomy", "--model", "mock/A", "--model", "mock/B") == [
        "test_mmlu[mock-A-anatomy-0000]",
        "test_mmlu[mock-A-anatomy-0001]",
    ]


def test_data_that_cannot_be_selected_are_not_loaded(family):
    # If they were, `-k mmmlu` would want the hub.
    result = family.run("--collect-only", "-q", "-k", "mmmlu", "--data", "nowhere")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("mmlubench: mmlu:*")
    assert family.refused("--data", "nowhere", "-k", "mmlu").startswith("nowhere: there is no such folder")


def test_data_are_loaded_only_where_a_word_may_stand_in_a_case(family, monkeypatch):
    loaded = []
    real = datasets.load
    monkeypatch.setattr(datasets, "load", lambda name, *a, **k: loaded.append(name) or real(name, *a, **k))
    for keyword in ("test_mmmlu", "no_such_subject", "mock and no_such_subject"):
        family.run("--collect-only", "-q", "-k", keyword)
    assert loaded == []
    family.run("--collect-only", "-q", "-k", "anatomy")
    assert loaded == ["mmlu"]


def test_the_limit_counts_what_the_keyword_selects(folder, parquet_of_anatomy, collected):
    # Not: three of all questions, and of those the ones on anatomy.
    cases = collected("-k", "mmlu and anatomy", "--limit", "3", "--data", "data", "--allow-partial-data")
    assert len(cases) == 3
    assert all(case.startswith("test_mmlu[mock-anatomy-") for case in cases)


@pytest.fixture
def parquet_of_anatomy(folder):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {"question": f"{n}?", "subject": "anatomy", "choices": list("wxyz"), "answer": 0} for n in range(9)
    ]
    rows += [{**row, "subject": "virology"} for row in rows]
    (folder.path / "data").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder.path / "data" / "test.parquet")


@pytest.mark.parametrize("more", [(), ("--model", "mock/A"), ("--model", "mock/A", "-n", "1")])
def test_a_keyword_that_selects_nothing_says_so_in_one_sentence(more, folder):
    result = folder.run("-k", "nothing_like_this", *more)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    said = [line for line in result.outlines if line.startswith("no case is selected")]
    assert len(said) == 1
    assert said[0].startswith("no case is selected by -k 'nothing_like_this': ")
    if "-n" not in more:
        assert "benchmarks here are mmlu;" in said[0]
    assert not list(folder.path.glob("reports/*"))


@pytest.mark.parametrize("given", [("-k", ""), ("-k", "  "), ("-k=",), ("-k", "mmlu", "-k", "")])
def test_an_empty_keyword_is_refused_where_a_model_is_named(given, folder):
    # pytest takes it for no -k at all: every benchmark would be asked, and paid for.
    assert folder.refused("--model", "mock/A", *given) == (
        "-k is empty, which would select every benchmark: name one, as in -k mmlu, or leave -k out."
    )


def test_an_empty_keyword_is_pytests_affair_where_no_benchmark_is_wanted(pytester):
    pytester.makepyfile("def test_one(): pass")
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    assert pytester.runpytest_inprocess("-k", "").ret == 0


@pytest.mark.parametrize("expression", ["mmlu and (", "mmlu,anatomy", "and"])
def test_an_expression_that_is_none_is_pytests_to_tell(expression, folder):
    result = folder.run("--model", "mock/A", "-k", expression)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: Wrong expression passed to '-k': *"])
    result.stdout.no_fnmatch_line("no case is selected*")


def test_words_take_no_arguments(folder):
    result = folder.run("--model", "mock/A", "-k", "mmlu(a=1)")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "INTERNALERROR" not in result.stdout.str()


def test_a_run_of_other_tests_is_not_told_that_no_case_was_selected(folder):
    folder.write("test_other.py", "def test_other(): pass")
    result = folder.run("-k", "test_other")
    assert result.ret == 0
    result.stdout.no_fnmatch_line("no case is selected*")
    # … but whoever names a model wants a benchmark.
    result = folder.run("-k", "test_other", "--model", "mock/A")
    result.stdout.fnmatch_lines(["no case is selected by -k 'test_other':*"])


def test_a_folder_without_benchmarks_says_so_to_whoever_names_a_model(folder):
    folder.write("empty/test_other.py", "def test_other(): pass")
    result = folder.run("empty", "--model", "mock/A")
    result.stdout.fnmatch_lines(
        ["no benchmark was found: name a folder that has one, as in `pytest benchmarks*"]
    )


# -- the expression itself ----------------------------------------------------------------------------------------

NAMES = frozenset(["mmlu", "mmlu_pro"])


@pytest.mark.parametrize(
    ("text", "benchmark", "names", "matches"),
    [
        ("mmlu", "mmlu", ["test_mmlu"], True),
        ("mmlu", "mmlu_pro", ["test_mmlu_pro"], False),
        ("not mmlu", "mmlu_pro", ["test_mmlu_pro"], True),
        ("ANATOMY", "mmlu", ["test_mmlu", "mock-anatomy-0001"], True),
        ("mmlu and (anatomy or law)", "mmlu", ["test_mmlu", "mock-law-0001"], True),
        ("", "mmlu", [], True),
    ],
)
def test_a_case_matches_as_the_rule_says(text, benchmark, names, matches):
    assert Keyword(text, NAMES).matches(benchmark, names) is matches


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("mmlu and anatomy", True),
        ("mmlu and physics", False),  # no such subject: nothing to load
        ("mmlu and not anatomy", True),
        ("mmlu and 0017", True),  # rows are not known before loading
        ("mmlu_pro and anatomy", False),
        ("not mmlu", False),
        ("claude and anatomy", True),
        ("gpt", False),
        (" or ".join(f"w{n}" for n in range(20)), True),  # too many to try: load rather than miss any
    ],
)
def test_what_may_match_is_known_without_loading(text, may):
    assert Keyword(text, NAMES).may_match("mmlu", ["test_mmlu"], ["claude", "anatomy", "law"]) is may


def test_call_syntax_raises_what_users_are_told():
    with pytest.raises(UserError, match=r"words take no arguments"):
        Keyword("mmlu(a=1)", NAMES).matches("mmlu", ["test_mmlu"])


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--deselect", "test_mmlu.py"), "--deselect"),
        (("-m", "slow"), "-m 'slow'"),
        (("-p", "drops_all"), "other arguments or plugins"),
    ],
)
def test_a_keyword_is_not_blamed_for_cases_that_something_else_leaves_out(options, why, folder, monkeypatch):
    folder.write("drops_all.py", "def pytest_collection_modifyitems(items): items.clear()")
    monkeypatch.syspath_prepend(folder.path)
    result = folder.run("-k", "mmlu", "--model", "mock", *options)
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines([f"no case is left to ask: 120 cases selected, and {why} left them out."])
    result.stdout.no_fnmatch_line("no case is selected*")
