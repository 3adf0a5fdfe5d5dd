"""Templates are told apart: the plain ones are filled in here, all others in a child with limits."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from mmlubench import prompts
from mmlubench.errors import PromptError
from mmlubench.prompts import confined, load_recipe, recipe_names
from mmlubench.prompts.examples import values_of
from mmlubench.prompts.recipe import TEMPLATES
from mmlubench.prompts.template import compiled, fill
from mmlubench.schema import Question

QUESTION = Question("q/1", "q", "sums", "stem", "How many?", ("one", "two", "three"), "B")


@pytest.fixture(autouse=True)
def no_child_left() -> Iterator[None]:
    yield
    if confined._child is not None:
        confined._drop(confined._child)


def is_confined(template: str) -> bool:
    return isinstance(compiled(template), confined.Confined)


def filled(template: str, **more: Any) -> str:
    return fill(template, {**values_of(QUESTION, []), **more}, "mine.yaml")


PACKAGED = [
    (name, key, template)
    for name in recipe_names()
    for key in TEMPLATES
    if (template := getattr(load_recipe(name), key)) is not None
] + [
    (path.stem, "template", yaml.safe_load(path.read_text())["template"])
    for path in sorted((Path(prompts.__file__).parent / "agents").glob("*.yaml"))
]


@pytest.mark.parametrize("template", [one[-1] for one in PACKAGED], ids=[f"{a}-{b}" for a, b, _ in PACKAGED])
def test_no_packaged_prompt_pays_for_a_child(template: str) -> None:
    assert not is_confined(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ question }}{% for letter, text in choices if letter != 'C' %}{{ letter }}: {{ text | upper }}{% endfor %}",
        "{{ question.strip() }}\n{{ options }}\n{{ letters | join(', ') }}",
        "{% for shot in shots %}{{ shot.question }}{% for l, t in shot.choices %}{{ l }}{{ t }}{% endfor %}{% endfor %}"
        "{{ question }}",
        "{% set about = subject | title %}{% if about %}On {{ about ~ ': ' }}{% else %}{% endif %}{{ question }}",
        "{% for one in choices[:2] %}{{ loop.index }}{{ one[1] | indent(4) }}{% else %}none{% endfor %}{{ question }}",
    ],
)
def test_usual_templates_are_plain(template: str) -> None:
    assert not is_confined(template)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(question) }}", "<How many?>"),
        ("{{ '%s!' % question }}{{ '-' * 3 }}", "How many?!---"),
        (
            "{% set n = namespace(t='') %}{% for l in letters %}{% set n.t = n.t ~ l %}{% endfor %}{{ n.t }}",
            "ABC",
        ),
        ("{% for i in range(3) %}{{ options[i] }} {% endfor %}", "one two three "),
        (
            "{% for w in question.split() %}{% for c in w %}{{ c }}.{% endfor %}{% endfor %}",
            "H.o.w.m.a.n.y.?.",
        ),
        ("{{ choices | map(attribute=1) | join('/') }}", "one/two/three"),
        ("{{ question | urlize }}", "How many?"),
    ],
)
def test_other_templates_give_what_jinja_gives(template: str, expected: str) -> None:
    assert is_confined(template)
    assert filled(template) == expected


def test_worked_examples_and_replies_reach_the_child() -> None:
    recipe = load_recipe("five_shot")
    template = "{{ '' * 1 }}" + recipe.template
    shots = [Question(f"q/{n}", "q", "sums", "stem", f"{n}?", ("x", "y"), "A") for n in range(5)]
    plain, child = (
        prompts.render(prompts.Recipe("r", "1", "d", text, shots=5), QUESTION, shots)[0].content
        for text in (recipe.template, template)
    )
    assert is_confined(template)
    assert plain == child
    others = prompts.Replies([("Agent 2", "A"), ("Agent 3", "B")])
    assert filled("{{ other_agent_responses }}{{ 1 * 1 }}", other_agent_responses=others) == f"{others}1"


QUADRUPLED = "{% set x = x ~ x ~ x ~ x %}"
BOMBS = [
    "{% set x = question %}" + QUADRUPLED * 20 + "{{ x }}",
    "{% set n = namespace(x='ab') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}{{ question }}",
    "{{ question }}{{ '%1000000000d' % 1 }}",
    "{{ question }}{{ '%1000000000d' | format(1) }}",
    "{{ question }}{{ '{:1000000000d}'.format(1) }}",
    "{% for a in range(5000) %}{% for b in 'x' * 99999 %}{% for c in b * 9999 %}{% endfor %}{% endfor %}{% endfor %}"
    "{{ question }}",
    "{% set r = range(5000) %}{% for a in r %}{% for b in r %}{% for c in r %}{% endfor %}{% endfor %}{% endfor %}"
    "{{ question }}",
    "{% macro f(n) %}{{ f(n - 1) ~ f(n - 1) if n else '' }}{% endmacro %}{{ f(40) }}{{ question }}",
    "{{ ('http://a. ' * 390000) | urlize }}{{ question }}",
    "{% set x = [1] %}" + "{% set x = [x, x, x, x] %}" * 40 + "{{ x }}{{ question }}",
    "{{ question | replace('', '0123456789') " + "| replace('', '0123456789')" * 9 + " }}",
    "{{ question" + " ~ question" * 90_000 + " }}",
    "{{ question }}{{ 'x' | center(3999999) | replace(' ', '" + "y" * 5000 + "') }}",
    "{{ question }}{{ " + "9" * 90_000 + " }}",
]


@pytest.mark.parametrize("bomb", BOMBS, ids=[bomb[:40] for bomb in BOMBS])
def test_a_template_that_takes_too_much_is_refused_in_one_sentence(
    bomb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confined, "CPU_S", 0.4)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "description": "d", "template": bomb}))
    with pytest.raises(PromptError) as caught:
        load_recipe(prompt_file=path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_what_only_one_question_sets_off_is_refused_for_that_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confined, "CPU_S", 0.4)
    # The check before the run fills in a short question; the data set is a stranger's, too.
    template = "{{ question | urlize }}{{ question | length * 1 }}"
    assert filled(template).endswith("9")
    with pytest.raises(PromptError, match="it takes more than 2 s of processor time, or 1 GB of memory"):
        filled(
            "{% for a in question %}{% for b in question %}{% endfor %}{% endfor %}", question="x" * 100_000
        )
    assert filled(template).endswith("9")  # the next question has a child again


def test_a_template_that_took_too_much_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = "{{ '%2000000000d' % 1 }}"
    for _ in range(2):
        with pytest.raises(PromptError, match="it takes more than"):
            filled(bomb)
        monkeypatch.setattr(confined, "_Child", None)  # would fail if another were started
        monkeypatch.setattr(confined, "_child", None)


def test_a_child_that_was_killed_is_replaced() -> None:
    assert filled("{{ 'a' * 3 }}") == "aaa"
    assert confined._child is not None
    os.kill(confined._child._process.pid, signal.SIGKILL)
    confined._child._process.wait()
    assert filled("{{ 'b' * 3 }}") == "bbb"  # it is not the template's fault


def test_ctrl_c_leaves_no_answer_for_the_next_question(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(pipe: object, size: int) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(confined, "_exactly", interrupted)
        with pytest.raises(KeyboardInterrupt):
            filled("{{ 'a' * 3 }}")
    assert filled("{{ 'b' * 3 }}") == "bbb"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_forked_process_asks_a_child_of_its_own() -> None:
    assert filled("{{ 'a' * 3 }}") == "aaa"
    pid = os.fork()
    if not pid:
        os._exit(0 if filled("{{ 'b' * 3 }}") == "bbb" else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert filled("{{ 'a' * 3 }}") == "aaa"


EXPRESSIONS = st.recursive(
    st.sampled_from(["question", "letters", "x", "y", "'ab'", "choices", "options", "shots"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" ~ ".join).map("({})".format),
        st.tuples(inner, inner).map(", ".join).map("[{}]".format),
        inner.map("({} | replace('', 'abcdefgh'))".format),
        inner.map("({} | join('abcd'))".format),
        inner.map("({} | string | upper)".format),
    ),
    max_leaves=12,
)
STATEMENTS = st.recursive(
    st.one_of(
        EXPRESSIONS.map("{{{{ {} }}}}".format),
        st.tuples(st.sampled_from("xy"), EXPRESSIONS).map(lambda both: "{{% set {} = {} %}}".format(*both)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=6).map("".join),
        st.tuples(st.sampled_from(["choices", "letters", "options", "x", "question"]), inner).map(
            lambda both: "{{% for y in {} %}}{}{{% endfor %}}".format(*both)
        ),
        inner.map("{{% if question %}}{}{{% else %}}{{% set x = 1 %}}{{% endif %}}".format),
    ),
    max_leaves=20,
)


@given(STATEMENTS)
def test_a_plain_template_makes_no_more_of_a_text_than_it_may(body: str) -> None:
    template = "{% set x = question %}{% set y = letters %}" + body
    if is_confined(template):
        return
    long = Question("q/1", "q", "sums", "stem", "?" * 5000, ("a", "b", "c"), "A")
    here: Any = compiled(template)
    made = []
    with suppress(TypeError, AttributeError, UndefinedError):  # such as the loop over a number
        for piece in here.root_render_func(here.new_context(values_of(long, []))):
            made.append(piece)
    # One piece of output is at most 100 times the question, in the ASCII that lists of it are printed in.
    assert max(map(len, map(str, made)), default=0) <= 100 * (5000 + 300) * 2
