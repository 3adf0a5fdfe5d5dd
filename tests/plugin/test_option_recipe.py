"""--recipe, --shots, --prompt and --system: how a question is put, and that a broken way costs nothing."""

from __future__ import annotations

import pytest

from mmlubench.prompts import recipe_names

MINE = "name: mine\ndescription: terse\ntemplate: |\n  {{ question }}\n  {{ letters }}?\n"


def sent(folder, *arguments):
    """The messages of the only request."""
    assert folder.run(
        "--model", "mock/A", "--limit", "1", "--subject", "abstract_algebra", *arguments
    ).ret in (0, 1)
    (request,) = folder.lines("requests")
    return request["messages"]


def test_zero_shot_is_the_default(folder):
    assert sent(folder) == sent(folder, "--recipe", "zero_shot")
    assert folder.entry()["recipe"] == "zero_shot"


def test_five_shot_puts_five_worked_examples_of_the_subject_before_the_question(folder):
    (message,) = sent(folder, "--recipe", "five_shot")
    assert message["content"].count("\nAnswer:") == 6
    assert folder.json("manifest")["recipe"]["shots"] == 5


def test_cot_asks_to_think_and_leaves_room_for_it(folder):
    (message,) = sent(folder, "--recipe", "cot")
    assert "step by step" in message["content"]
    assert folder.lines("requests")[0]["parameters_asked"]["max_tokens"] == 2048


def test_the_number_of_examples_can_be_chosen(folder):
    (message,) = sent(folder, "--recipe", "five_shot", "--shots", "2")
    assert message["content"].count("\nAnswer:") == 3
    assert folder.json("manifest")["recipe"]["shots"] == 2


def test_a_prompt_of_ones_own_is_sent_and_recorded_with_its_hash(folder):
    folder.write("mine.yaml", MINE)
    (message,) = sent(folder, "--prompt", "mine.yaml")
    assert message["content"].endswith("\nABCD?")
    recipe = folder.json("manifest")["recipe"]
    assert (recipe["name"], recipe["source"], len(recipe["sha256"])) == ("mine", "mine.yaml", 64)
    assert folder.entry()["recipe"] == "mine"


SHOWS = "does not show every choice"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ question }}", True),
        ("{{ question }} {{ options[0] }}", True),
        ("{{ question }} {% for _, text in choices[:3] %}{{ text }} {% endfor %}", True),
        ("{{ question }} {{ options }}", False),
        (
            "{{ question }} {% for letter, text in choices %}{{ letter }}: {{ text|upper }} {% endfor %}",
            False,
        ),
    ],
)
def test_a_prompt_that_leaves_choices_out_is_told_before_the_run(folder, template, told):
    folder.write("mine.yaml", f'name: mine\ndescription: terse\ntemplate: "{template}"\n')
    result = folder.run("--model", "mock/A", "--limit", "1", "--prompt", "mine.yaml")
    assert (SHOWS in result.stdout.str()) is told
    assert SHOWS not in folder.run("--model", "mock/A", "--limit", "1", "--recipe", "cot").stdout.str()


def test_a_system_prompt_goes_before_the_question_and_into_the_hash(folder):
    plain = folder.json("manifest")["recipe"]["sha256"] if sent(folder) else ""
    system, user = sent(folder, "--system", "Be brief.")
    assert (system, user["role"]) == ({"role": "system", "content": "Be brief."}, "user")
    assert folder.json("manifest")["recipe"]["sha256"] != plain


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "mine.yaml, line 1: not valid YAML ("),
        ("name: mine\ndescription: d\n", "mine.yaml: template is missing"),
        (MINE + "tone: kind\n", "mine.yaml: unknown key 'tone'"),
        (MINE.replace("question", "qestion"), "mine.yaml: template uses the unknown variable qestion"),
        (MINE.replace("{{ letters }}", "{% if %}"), "mine.yaml: line 2 of template is not Jinja2"),
        (MINE.replace("mine", "cot"), "mine.yaml: name cot belongs to a packaged recipe"),
    ],
)
def test_a_broken_prompt_file_is_told_before_anything_is_asked(text, said, folder):
    folder.write("mine.yaml", text)
    assert folder.refused("--prompt", "mine.yaml").startswith(said)


def test_a_prompt_file_that_is_not_there_is_told(folder):
    assert folder.refused("--prompt", "no.yaml").startswith(
        "no.yaml: cannot be read (No such file or directory)"
    )


def test_an_unknown_recipe_is_told_with_those_there_are(folder):
    assert folder.refused("--recipe", "few_shot") == (
        f"There is no recipe 'few_shot'; known: {', '.join(recipe_names())}; a file of your own goes to --prompt. "
        "Did you mean 'five_shot'?"
    )


def test_recipe_and_prompt_exclude_each_other(folder):
    folder.write("mine.yaml", MINE)
    assert folder.refused("--recipe", "cot", "--prompt", "mine.yaml").endswith("give one of the two.")


def test_examples_that_the_data_do_not_have_are_missed_before_anything_is_asked(folder):
    said = folder.refused("--shots", "5")
    assert said.startswith("recipe zero_shot wants 5 worked examples, but mmlu has 1 for business_ethics:")


def test_fewer_than_no_examples_make_no_sense(folder):
    assert folder.refused("--shots", "-1").startswith("--shots -1: it must be at least 0")
