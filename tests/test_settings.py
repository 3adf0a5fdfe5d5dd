from __future__ import annotations

import argparse
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmlubench.errors import UserError
from mmlubench.models.http.transport import USUAL_TIMEOUTS, Timeouts
from mmlubench.options import Option
from mmlubench.schema import Scoring
from mmlubench.settings import OPTIONS, Settings
from mmlubench.stats.thresholds import Thresholds

PARSER = argparse.ArgumentParser()
for _option in OPTIONS:
    PARSER.add_argument(_option.flag, _option.long_flag, **_option.arguments())


def parse(*arguments: str) -> argparse.Namespace:
    """A command line, parsed as pytest parses it, with both names of every option."""
    return PARSER.parse_args(arguments)


def read(*arguments: str) -> Settings:
    return Settings.read(parse(*arguments))


def test_without_options_every_setting_has_the_default_of_its_field() -> None:
    assert read() == Settings()
    assert set(vars(parse()).values()) == {None}  # argparse knows no default, so that none stands twice


def test_the_help_of_every_option_names_its_default_once() -> None:
    for option in OPTIONS:
        told = option.default_text
        if not isinstance(option.default, (bool, tuple, type(None))):
            assert not told  # there is one to be told already
            told = f"{option.default:g}" if option.kind is float else str(option.default)
        assert option.help_text == (f"{option.help} (default: {told})" if told else option.help)
        assert "default:" not in option.help


def test_the_help_of_every_option_can_be_printed() -> None:
    # argparse reads `%` in a help text as a format: a stray one breaks `pytest --help` for everybody.
    assert "--min-accuracy" in PARSER.format_help()


def test_the_help_names_every_value_where_only_some_are_allowed() -> None:
    for option in OPTIONS:
        for choice in option.choices() if option.choices else ():
            assert choice in option.help + option.metavar


def test_what_is_given_is_what_is_read() -> None:
    settings = read(
        *("--model", "claude", "--model", "openai/gpt-4o", "--subject", "anatomy", "--limit", "100"),
        *("--seed", "-3", "--temperature", "0.7", "--shots", "0", "--concurrency", "1"),
        *("--min-accuracy", "0.65", "--no-fallback", "--run-dir", "out", "--data", "sample"),
    )
    assert settings == Settings(
        model=("claude", "openai/gpt-4o"),
        subject=("anatomy",),
        limit=100,
        seed=-3,
        temperature=0.7,
        shots=0,
        concurrency=1,
        min_accuracy=0.65,
        no_fallback=True,
        run_dir="out",
        data="sample",
    )


WORDS = st.text(min_size=1).filter(lambda text: not text.startswith("-"))
PAIR = ("max_question_tokens", "tokenizer")
#: Options that mean nothing without another one, and the values that they may have.
WITH: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "gate_confidence": ("min_accuracy", st.floats(0.5, 0.999)),
    "max_regression": ("baseline", st.floats(0.001, 0.999)),
    "decide_early": ("min_accuracy", st.just(True)),
}
#: Options that mean nothing together with another one.
NOT_BY_BATCH = ("no_store", "until", "decide_early")
WITHOUT = {"until": "decide_early", "epochs": "decide_early"}


def values(option: Option) -> st.SearchStrategy[Any]:
    """The values that an option may have."""
    if option.name == "until":
        return st.floats(0.001, 0.499)
    if option.name in WITH:
        return WITH[option.name][1]
    if option.repeatable:
        one = st.sampled_from(option.choices()) if option.choices else WORDS
        return st.lists(one, min_size=1).map(tuple)
    if option.choices:
        return st.sampled_from(option.choices())
    if option.kind is int:
        return st.integers(min_value=None if option.least < -1e9 else int(option.least))
    if option.kind is float:
        low = max(option.least, option.above, -1e9)
        most = min(option.most, 1e9)
        return st.floats(low, most, exclude_min=option.above >= low, allow_nan=False)
    return WORDS if option.metavar else st.just(True)


#: All but --tasks, which sets other options; see tests/plugin/test_option_tasks.py.
FREE = {option.name: values(option) for option in OPTIONS if option.name != "tasks"}


@given(st.fixed_dictionaries({}, optional=FREE), st.randoms())
def test_every_allowed_value_is_read_back_as_it_was_written(wanted: dict[str, Any], random: Any) -> None:
    if len(wanted.keys() & set(PAIR)) == 1:
        wanted = {name: value for name, value in wanted.items() if name not in PAIR}
    if wanted.keys() & {"batch", "batch_requests"}:
        wanted = {name: value for name, value in wanted.items() if name not in NOT_BY_BATCH}
    wanted = {name: value for name, value in wanted.items() if name not in WITH or WITH[name][0] in wanted}
    wanted = {name: value for name, value in wanted.items() if WITHOUT.get(name) not in wanted}
    arguments = []
    for option in OPTIONS:
        flag = random.choice((option.flag, option.long_flag))
        if option.name in wanted and not option.metavar:
            arguments.append(flag)
        elif option.name in wanted:
            value = wanted[option.name]
            arguments += [f"{flag}={one}" for one in (value if option.repeatable else (value,))]
    assert read(*arguments) == Settings(**wanted)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--gate-confidence", "0.95"),
            "--gate-confidence goes with --min-accuracy X: give both, or leave it out.",
        ),
        (
            ("--min-accuracy", "0.6", "--gate-confidence", "1"),
            "--gate-confidence 1: give a share from 0.5 to below 1, such as 0.95.",
        ),
        (
            ("--max-regression", "0.01"),
            "--max-regression compares question by question: give --baseline latest or --baseline RUN with it.",
        ),
        (
            ("--max-regression", "0.01", "--baseline", "published"),
            "--max-regression compares question by question: give --baseline latest or --baseline RUN with it.",
        ),
        (
            ("--max-regression", "0", "--baseline", "latest"),
            "--max-regression 0: give a share between 0 and 1, such as 0.01; that nothing at all was lost cannot be "
            "shown.",
        ),
    ],
)
def test_a_gate_without_what_it_needs_is_refused(arguments: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(UserError) as refused:
        read(*arguments)
    assert str(refused.value) == sentence


def test_one_run_does_not_inherit_the_lists_of_another() -> None:
    # argparse appends to the default list itself unless it copies it.
    assert read("--model", "claude").model == ("claude",)
    assert read().model == ()


def test_settings_cannot_change_during_a_run() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().limit = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("flag", "value", "rule"),
    [
        ("--limit", "0", "at least 1"),
        ("--limit", "-5", "at least 1"),
        ("--limit", "1.5", "a whole number"),
        ("--seed", "", "a whole number"),
        ("--concurrency", "0", "at least 1"),
        ("--max-tokens", "0", "at least 1"),
        ("--shots", "-1", "at least 0"),
        ("--temperature", "-0.1", "at least 0"),
        ("--temperature", "nan", "at least 0"),  # no comparison holds for it, and JSON has no word for it
        ("--temperature", "inf", "at least 0"),
        ("--temperature", "hot", "a number"),
        ("--refresh-since", "nan", "at least 0"),
        ("--max-cost", "0", "more than 0"),
        ("--max-cost", "inf", "more than 0"),
        ("--request-timeout", "nan", "more than 0"),
        ("--min-accuracy", "good", "a number"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_in_one_sentence(flag: str, value: str, rule: str) -> None:
    with pytest.raises(UserError) as caught:
        read(f"{flag}={value}")
    assert str(caught.value) == f"{flag} {value}: it must be {rule}; leave it out for the default."


@pytest.mark.parametrize(
    ("flag", "allowed"),
    [
        ("--redux", "ok, corrected"),
        ("--scoring", ", ".join(map(str, Scoring))),
    ],
)
def test_a_name_that_is_none_of_those_allowed_is_refused_with_them(flag: str, allowed: str) -> None:
    with pytest.raises(UserError) as caught:
        read(flag, "x")
    assert str(caught.value) == f"{flag} x: it must be one of {allowed}."


@pytest.mark.parametrize("flag", ["--data", "--run-dir", "--recipe", "--prompt", "--scoring", "--store"])
def test_an_empty_text_is_refused_as_a_variable_of_the_shell_that_is_not_set(flag: str) -> None:
    # `--data "$DATA"` would else ask the sample, or the hub, in place of the folder that was meant.
    with pytest.raises(UserError) as caught:
        read(f"{flag}=")
    assert str(caught.value) == f"{flag} is empty: give a value, or leave it out for the default."


@pytest.mark.parametrize("half", [("--max-question-tokens", "5"), ("--tokenizer", "t.json")])
def test_a_limit_of_tokens_without_a_tokenizer_is_refused(half: tuple[str, str]) -> None:
    with pytest.raises(UserError, match="go together"):
        read(*half)


@pytest.mark.parametrize(
    "flag", ["--limit=1", "--concurrency=1", "--max-tokens=1", "--shots=0", "--temperature=0"]
)
def test_the_least_allowed_is_allowed(flag: str) -> None:
    assert read(flag) != Settings()


@pytest.mark.parametrize("share", ["-0.01", "1.01", "65", "nan"])
def test_an_accuracy_to_reach_that_is_no_share_is_refused(share: str) -> None:
    # 65 instead of 0.65 would make every run fail, and nobody would know why.
    with pytest.raises(UserError, match=r"give a share from 0 to 1, such as 0\.65"):
        read(f"--min-accuracy={share}")


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_ends_of_the_scale_are_shares_too(share: float) -> None:
    assert read(f"--min-accuracy={share}").min_accuracy == share


def test_the_store_is_in_the_folder_of_runs_unless_it_is_named() -> None:
    assert Settings().store_path == Path("reports/store.sqlite")
    assert Settings(run_dir="out").store_path == Path("out/store.sqlite")
    assert Settings(run_dir="out", store="kept.db").store_path == Path("kept.db")


def test_the_rest_of_the_house_has_no_defaults_of_its_own() -> None:
    assert Thresholds() == Thresholds(Settings.max_error_rate, Settings.max_unparsed_rate)
    assert Timeouts.within(Settings().request_timeout) == USUAL_TIMEOUTS
    assert all(option.default == getattr(Settings, option.name) for option in OPTIONS)
    assert [option.name for option in OPTIONS] == [field.name for field in fields(Settings)]
