"""`mmlubench lab explore` as a user meets it: names, errors, the shapes of its output."""

from __future__ import annotations

import builtins
import json
import re
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow.parquet import write_table
from rich.cells import cell_len

from mmlubench.datasets import NAMES
from mmlubench.datasets.sets.mmlu import MMLU
from tests.lab.explore.conftest import row
from tests.lab.explore.test_figures import LANGUAGES, ROWS


@pytest.mark.parametrize("name", [*NAMES])
def test_every_data_set_is_explored_in_its_sample(figures, name):
    found = figures(name, "--data", "sample")
    assert found["answers"]["n"] == sum(found["answers"]["letters"].values()) > 0
    assert found["problem"] == ""


def test_a_yaml_is_found_by_path_by_name_and_among_the_benchmarks(planets, figures):
    file = planets(ROWS)
    by_path, by_name = figures(file), figures("planets")
    assert by_path["answers"] == by_name["answers"]
    folder = Path("benchmarks")
    folder.mkdir()
    for each in (file, Path("rows.jsonl")):
        each.rename(folder / each.name)
    assert figures("planets")["answers"] == by_name["answers"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["nothing"],
            "truthfulqa_mc1, planets.",
        ),
        (["planet"], "did you mean 'planets'?"),
        (["other.yaml"], "other.yaml: there is no such file"),
        (["planets", "--language", "ja"], "There is no language 'ja' in planets; it is in de, en, hi."),
        (["mmmlu", "--language", "XX", "--data", "sample"], "There is no language 'XX'; mmmlu is in AR_XY, "),
        (["mmlu", "--language", "DE_DE", "--data", "sample"], "mmlu: its questions are in one language only"),
        (["mmlu", "--data", "nowhere"], "nowhere: there is no such folder with mmlu; looked for "),
        (
            ["mmlu", "--data", "sample", "--tokenizer", "no.json"],
            "--tokenizer no.json: no tokenizer.json was found",
        ),
        (["mmlu", "--data", "sample", "--run", "gone"], "gone: no such run"),
        (["planets", "--html", "rows.jsonl"], "there is a file that is no page of mmlubench: name another."),
        (["planets", "--html", "no/page.html"], "--html no/page.html: there is no folder no; make it first."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(planets, lab, arguments, said):
    planets(LANGUAGES)
    ended = lab("explore", *arguments)
    assert ended.exit_code == 1
    assert ended.output.startswith("Error: ")
    assert said in ended.output
    assert len(ended.output.splitlines()) == 1


def test_without_the_package_tokenizers_the_extra_lab_is_named(lab, words, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "tokenizers":
            raise ImportError("No module named 'tokenizers'")
        return real(name, *rest, **more)

    monkeypatch.delitem(__import__("sys").modules, "tokenizers", raising=False)
    monkeypatch.setattr("mmlubench.extras.import_module", lambda name: without(name))
    ended = lab("explore", "mmlu", "--data", "sample", "--tokenizer", words)
    assert ended.exit_code == 1
    assert "pip install 'mmlubench[lab]'" in ended.output


def test_what_stands_beside_the_data_and_cannot_be_had_is_told(tmp_path, lab):
    told = " ".join(lab("explore", "mmlu", "--data", "sample").output.split())
    assert "The annotations of MMLU-Redux could not be had: " in told
    assert "The split validation is not there" in told


@pytest.mark.parametrize("width", [80, 160])
def test_the_terminal_report_fits_and_has_no_colour_where_there_is_no_terminal(planets, lab, words, width):
    planets(LANGUAGES)
    ended = lab("explore", "planets", "--tokenizer", words, COLUMNS=str(width))
    assert ended.exit_code == 0
    assert max(map(cell_len, ended.output.splitlines())) <= width
    assert "\x1b" not in ended.output
    assert "\n\n\n" not in ended.output


def test_signs_of_the_data_command_no_terminal_and_no_page(planets, lab, tmp_path):
    planets([row("1", "\x1b[2JWhat?", "a|<script>b</script>", "A", "\x1b]0;gone\x07<img src=x>")])
    ended = lab("explore", "planets", "--html", tmp_path / "page.html")
    assert ended.exit_code == 0
    assert "\x1b" not in lab("explore", "planets").output
    page = (tmp_path / "page.html").read_text()
    assert "\x1b" not in page
    assert "<img" not in page
    assert "<script" not in page


def test_the_page_is_one_file_that_loads_nothing_and_may_be_written_again(planets, lab, tmp_path):
    planets(ROWS)
    file = tmp_path / "page.html"
    for _ in range(2):
        assert lab("explore", "planets", "--html", file).exit_code == 0
    page = file.read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!#)""", page)
    assert "default-src 'none'" in page
    assert "script-src" not in page
    assert 'id="repeats"' in page


def test_json_on_the_screen_and_the_page_in_a_file_can_be_had_together(planets, lab, tmp_path):
    planets(ROWS)
    ended = lab("explore", "planets", "--json", "--html", tmp_path / "page.html")
    assert json.loads(ended.stdout)["data_set"] == "planets"
    assert "open it with a browser" in ended.stderr


def test_long_tables_are_cut_on_a_terminal_and_whole_on_a_page(planets, lab, tmp_path):
    planets([row(str(n), f"Question {n}?", "a|b", "A", f"subject_{n:02}") for n in range(30)])
    shown = lab("explore", "planets").output
    assert "10 of 30 rows" in " ".join(shown.split())
    assert "subject_29" not in shown
    lab("explore", "planets", "--html", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text().replace("<wbr>", "")
    assert "subject_29" in page
    assert "The other 20 rows" in page


def test_a_part_of_the_data_is_explored_and_said_to_be_one_everywhere(lab, tmp_path):
    counts = dict(list(MMLU.counts.items())[:40])
    rows = [
        {"question": f"{subject} {n}?", "subject": subject, "choices": ["w", "x", "y", "z"], "answer": n % 4}
        for subject, count in counts.items()
        for n in range(count)
    ]
    write_table(pa.Table.from_pylist(rows), tmp_path / "test.parquet")
    said = (
        f"Partial data: 40 of 57 subjects, {len(rows):,} of 14,042 questions: what is shown is of this part, which a "
        "run or a split takes only with --allow-partial-data."
    )
    data, file = f"--data={tmp_path}", tmp_path / "page.html"
    assert said in " ".join(lab("explore", "mmlu", data).output.split())
    assert said in json.loads(lab("explore", "mmlu", data, "--json").stdout)["warnings"]
    lab("explore", "mmlu", data, "--html", file)
    assert f'<p class="notice caution">{said}</p>' in file.read_text()
    assert said in lab("sample", "mmlu", data, "--n", "1").output.splitlines()
    assert "--allow-partial-data" in lab("split", "mmlu", data, "--to", tmp_path / "to").output


def test_a_side_of_a_split_is_explored_beside_its_other_sides(planets, lab, figures):
    rows = [row(str(n), f"Is {n} a moon?", "yes|no|some|all", "ABCD"[n % 4]) for n in range(29)]
    planets([*rows, row("29", "is 28 a  moon?", "w|x|y|z", "A"), row("30", "Is 28 a moon?", "s|t|u|v", "B")])
    lab("split", "planets", "--to", "to", "--fractions", "40-20-40")
    for data, side in (("to", "test"), ("to/train.parquet", "train")):
        found = figures("planets", "--data", data)
        rows_of = found["schema"]["rows"]
        assert sum(rows_of.values()) == 31
        assert found["answers"]["n"] == rows_of[side]
        assert {*found["repeats"]["also_in"], side} == {*rows_of}
    assert "held-out side" in lab("explore", "planets", "--data", "to").output
    assert lab("explore", "planets", "--data", "to/split.json").exit_code == 1
