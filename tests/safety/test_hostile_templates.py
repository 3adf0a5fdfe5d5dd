"""A prompt file is a program by a stranger: it reaches nothing but its question, and it ends."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmlubench.errors import PromptError
from mmlubench.prompts import load_recipe, render
from mmlubench.schema import Question
from tests.hang_guard import cpu_limit

QUESTION = Question("m/s/1", "m", "s", "c", "{{ 7 * 7 }} {% raw %} why?", ("{{ 1 }}", "two"), "A")


@pytest.fixture
def recipe_of(tmp_path: Path) -> Callable[[str], Path]:
    """A prompt file with this template."""

    def write(template: str) -> Path:
        path = tmp_path / "mine.yaml"
        lines = "\n".join(f"  {line}" for line in template.splitlines())
        path.write_text(f"name: mine\ndescription: mine\ntemplate: |\n{lines}\n")
        return path

    return write


@pytest.mark.parametrize(
    "attack",
    [
        "{{ question }}{{ ''.__class__.__mro__ }}",
        "{{ question }}{{ ''['__class__']['__mro__'][1]['__subclasses__']() }}",
        "{{ question }}{{ (''|attr('__class__'))|attr('__mro__') }}",
        "{{ question }}{{ self.__init__.__globals__ }}",
        "{{ question }}{{ range.__self__ }}",
        "{{ question }}{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ question }}{{ '{0.__class__.__mro__}'.format('') }}",
        "{{ question }}{{ '{0.__class__}'.format_map({'0': ''}) }}",
        "{{ question }}{{ choices.append(1) }}",
        "{% include '/etc/passwd' %}{{ question }}",
        "{% import 'os' as os %}{{ question }}",
        "{{ question }}{{ config }}",
        "{{ question }}{{ lipsum(n=1000000) }}",
    ],
)
def test_a_template_that_reaches_for_more_than_its_question_is_one_sentence(
    attack: str, recipe_of: Callable[[str], Path]
) -> None:
    with pytest.raises(PromptError, match=r"mine\.yaml: .*it may use question, choices") as caught:
        load_recipe(prompt_file=recipe_of(attack))
    assert "\n" not in str(caught.value)
    assert "root:" not in str(caught.value)


@pytest.mark.parametrize(
    ("bomb", "said"),
    [
        ("{% for i in range(99999) %}{{ question }}{% endfor %}", "more than 10,000 numbers in all"),
        (
            "{% for i in range(999) %}{% for j in range(999) %}{% for k in range(999) %}{% endfor %}{% endfor %}"
            "{% endfor %}{{ question }}",
            "more than 10,000 numbers in all",
        ),
        ("{% for i in range(10 ** 30) %}{{ question }}{% endfor %}", "makes something larger than 4,000,000"),
        ("{{ question * 4000000 }}", "`*` makes something larger than 4,000,000"),
        ("{{ 3000 * (2000 * question) }}", "`*` makes something larger than 4,000,000"),
        ("{{ question }}{{ 9 ** 9 ** 9 }}", "`**` makes something larger than 4,000,000"),
        ("{{ question }}{{ 2 ** 1000000 }}", "`**` makes something larger than 4,000,000"),
        ("{{ question|center(1000000000) }}", "the number 1e+09 is too large"),
        ("{{ question.ljust(10000000000) }}", "the number 1e+10 is too large"),
        (
            "{% set text = 'x' * 1000000 %}{% for i in range(9000) %}{{ text }}{% endfor %}{{ question }}",
            "makes a prompt of more than 4,000,000 characters",
        ),
        (
            "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}{{ again(0) }}{{ question }}",
            "maximum recursion depth",
        ),
        ("{{ " + "(" * 20_000 + "question" + ")" * 20_000 + " }}", "nested too deeply"),
    ],
)
def test_a_template_that_would_run_for_ever_or_fill_the_memory_is_one_sentence_at_once(
    bomb: str, said: str, recipe_of: Callable[[str], Path]
) -> None:
    path = recipe_of(bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with cpu_limit(30), pytest.raises(PromptError) as caught:
        load_recipe(prompt_file=path)
    assert said in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_harmless_loops_and_sums_still_work(recipe_of: Callable[[str], Path]) -> None:
    recipe = load_recipe(
        prompt_file=recipe_of("{% for i in range(3) %}{{ i * 2 }}{% endfor %} {{ '-' * 3 }} {{ question }}")
    )
    for _ in range(5_000):  # what one prompt uses up is there again for the next
        (message,) = render(recipe, QUESTION)
    assert message.content.startswith("024 --- ")


def test_a_prompt_is_the_same_in_every_run(recipe_of: Callable[[str], Path]) -> None:
    # Else the store would never have its reply, and a run that goes on would pay for it twice.
    with pytest.raises(PromptError, match="No filter named 'random'"):
        load_recipe(prompt_file=recipe_of("{{ question }} {{ ['Think.', 'Be brief.']|random }}"))


def test_a_question_is_text_and_never_a_template(recipe_of: Callable[[str], Path]) -> None:
    # A data set is made by strangers, too.
    recipe = load_recipe(
        prompt_file=recipe_of("{{ question }}\n{% for l, c in choices %}\n{{ c }}\n{% endfor %}")
    )
    (message,) = render(recipe, QUESTION)
    assert "{{ 7 * 7 }} {% raw %} why?" in message.content
    assert "{{ 1 }}" in message.content


def test_the_template_language_is_imported_late() -> None:
    code = "import sys, mmlubench.prompts; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
