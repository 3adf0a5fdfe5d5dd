"""One hand-made row of each packaged benchmark as the hub has it: its columns, in the file that holds it there."""

# ruff: noqa: RUF001 (other scripts are the point)

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]


class Case(NamedTuple):
    """The files of a repository, and what a human reads in the row."""

    files: Mapping[str, Sequence[Row]]
    text: str
    choices: Sequence[str]
    right: str
    """The right choice itself: its letter follows from the order, which shuffled data sets change."""
    subject: str
    category: str
    language: str = ""
    letter: str = ""
    """Empty where choices are shuffled."""
    id: str = ""


_LABELLED = {"text": ["Copper", "Mercury", "Zinc"], "label": ["1", "2", "3"]}
_GPQA = {
    "Question": "Which of these metals is liquid at 20 °C?",
    "Correct Answer": "Mercury\n",
    "Incorrect Answer 1": "Copper",
    "Incorrect Answer 2": "Zinc",
    "Incorrect Answer 3": "Lead",
    "Explanation": "It melts at -39 °C.",
    "Subdomain": "Inorganic Chemistry",
    "High-level domain": "Chemistry",
    "Record ID": "recABC",
    "Canary String": "",
}
_CHINESE = {"A": "锌", "B": "汞", "C": "铜", "D": "铅"}
_HELLASWAG = {
    "ind": 24,
    "activity_label": "Roof shingle removal",
    "ctx_a": "A man is sitting on a roof.",
    "ctx_b": "he",
    "ctx": "A man is sitting on a roof. he",
    "endings": ["sings to it.", "takes off [a] shingle.", "eats it.", "swims."],
    "source_id": "activitynet~v_0",
    "split": "val",
    "split_type": "indomain",
    "label": "1",
}
_WIKIHOW = {
    "activity_label": "Home and Garden",
    "ctx_a": "[header] How to water a cactus [title] Feel the soil. [step] Put a finger into it.",
    "ctx_b": "",
    "endings": ["[substeps] Freeze it.", "Give it water. [title] Let it drain.", "Sing.", "[title]"],
    "label": "1",
    "split_type": "zeroshot",
}
_MEDMCQA = {
    "id": "e9ad821a",
    "question": "Which organ makes bile?",
    "opa": "Spleen",
    "opb": "Liver",
    "opc": "Pancreas",
    "opd": "Stomach",
    "cop": 1,
    "choice_type": "single",
    "exp": "Bile is made by liver cells.",
    "subject_name": "Physiology",
    "topic_name": None,
}
_TRUTHFUL = {"choices": ["Nothing happens", "You burst", "You fly"], "labels": [1, 0, 0]}
_GLOBAL = {
    "sample_id": "anatomy/test/7",
    "subject": "anatomy",
    "subject_category": "STEM",
    "question": "Welches Organ bildet Galle?",
    "option_a": "Die Milz",
    "option_b": "Die Leber",
    "option_c": "Der Magen",
    "option_d": "Die Niere",
    "answer": "B",
    "required_knowledge": "[]",
    "cultural_sensitivity_label": "CA",
    "is_annotated": True,
}
_PROX = {
    "question_id": 71,
    "question": "Welches Organ bildet Galle?",
    **{f"option_{n}": f"Organ {n}" for n in range(9)},
    "option_9": None,
    "answer": "I",
    "answer_index": 8,
    "cot_content": "",
    "category": "biology",
    "src": "ori_mmlu",
    "question_id_src": 3,
}
_INCLUDE = {
    "language": "German",
    "country": "Germany",
    "domain": "Driving License",
    "subject": "Driving License",
    "regional_feature": "region explicit",
    "level": "",
    "question": "Was gilt bei Rot?",
    "option_a": "Fahren",
    "option_b": "Hupen",
    "option_c": "Halten",
    "option_d": "Wenden",
    "answer": 2,
}
_BELEBELE = {
    "link": "https://en.wikibooks.org/wiki/Mills",
    "question_number": 2,
    "flores_passage": "Der Müller mahlt Korn.",
    "question": "Was mahlt er?",
    "mc_answer1": "Korn",
    "mc_answer2": "Steine",
    "mc_answer3": "Nüsse",
    "mc_answer4": "Salz",
    "correct_answer_num": "1",
    "dialect": "deu_Latn",
    "ds": "2023-05-03",
}
_ARABIC = {
    "ID": "1",
    "Source": "exam",
    "Country": "Jordan",
    "Group": "Language",
    "Subject": "Arabic Language",
    "Level": "Primary",
    "Question": "من يطحن؟",
    "Context": "الطحان يطحن القمح.",
    "Answer Key": "C",
    "Option 1": "الخباز",
    "Option 2": "الصياد",
    "Option 3": "الطحان",
    "Option 4": "",
    "Option 5": "",
}
_SUPER = {
    "uuid": "0123abcd",
    "question": "Which organ makes bile?",
    "options": [*(f"Organ {n}" for n in range(9)), "The liver"],
    "answer": "The liver",
    "answer_letter": "J",
    "discipline": "Medicine",
    "field": "Basic Medicine",
    "subfield": "Anatomy",
    "difficulty": "easy",
    "is_calculation": False,
}
_OPTIONS = {"A": "Zinc", "B": "Mercury", "C": "NA", "D": "None of the other choices"}

CASES: dict[str, Case] = {
    "arabicmmlu": Case(
        {"All/test.csv": [_ARABIC]},
        "الطحان يطحن القمح.\n\nمن يطحن؟",
        ["الخباز", "الصياد", "الطحان"],
        "الطحان",
        "Arabic Language",
        "Language",
        "AR",
        "C",
    ),
    "arc_challenge": Case(
        {
            "ARC-Challenge/test-00000-of-00001.parquet": [
                {"id": "M_1", "question": "Which is liquid?", "choices": _LABELLED, "answerKey": "2"}
            ]
        },
        "Which is liquid?",
        _LABELLED["text"],
        "Mercury",
        "arc_challenge",
        "arc_challenge",
        "",
        "B",
    ),
    "arc_easy": Case(
        {
            "ARC-Easy/test-00000-of-00001.parquet": [
                {
                    "id": "M_2",
                    "question": "Which is liquid?",
                    "choices": {"text": ["Zinc", "Lead", "Tin", "Iron", "Mercury"], "label": [*"ABCDE"]},
                    "answerKey": "E",
                }
            ]
        },
        "Which is liquid?",
        ["Zinc", "Lead", "Tin", "Iron", "Mercury"],
        "Mercury",
        "arc_easy",
        "arc_easy",
        "",
        "E",
    ),
    "belebele": Case(
        {"data/deu_Latn.jsonl": [_BELEBELE]},
        "Der Müller mahlt Korn.\n\nWas mahlt er?",
        ["Korn", "Steine", "Nüsse", "Salz"],
        "Korn",
        "belebele",
        "belebele",
        "de",
        "A",
    ),
    "ceval": Case(
        {
            "law/val-00000-of-00001.parquet": [
                {"id": 0, "question": "常温下哪种金属是____", **_CHINESE, "answer": "B", "explanation": ""}
            ]
        },
        "常温下哪种金属是____",
        [*_CHINESE.values()],
        "汞",
        "law",
        "humanities",
        "ZH_CN",
        "B",
    ),
    "cmmlu": Case(
        {
            "cmmlu_v1_0_1.zip/test/anatomy.csv": [
                {"": "0", "Question": "哪种金属是液体？", **_CHINESE, "Answer": "B"}
            ]
        },
        "哪种金属是液体？",
        [*_CHINESE.values()],
        "汞",
        "anatomy",
        "stem",
        "ZH_CN",
        "B",
    ),
    "global_mmlu": Case(
        {"de/test-00000-of-00001.parquet": [_GLOBAL]},
        "Welches Organ bildet Galle?",
        ["Die Milz", "Die Leber", "Der Magen", "Die Niere"],
        "Die Leber",
        "anatomy",
        "CA",
        "de",
        "B",
    ),
    "global_mmlu_lite": Case(
        {"de/test-00000-of-00001.parquet": [{**_GLOBAL, "cultural_sensitivity_label": "CS"}]},
        "Welches Organ bildet Galle?",
        ["Die Milz", "Die Leber", "Der Magen", "Die Niere"],
        "Die Leber",
        "anatomy",
        "CS",
        "de",
        "B",
    ),
    "gpqa_diamond": Case(
        {"gpqa_diamond.csv": [_GPQA]},
        "Which of these metals is liquid at 20 °C?",
        ["Mercury", "Copper", "Zinc", "Lead"],
        "Mercury",
        "Chemistry",
        "gpqa_diamond",
        id="gpqa_diamond/Chemistry/recABC",
    ),
    # lm_eval/tasks/hellaswag/utils.py: the label, the two halves of the context, the second with a capital letter.
    "hellaswag": Case(
        {"data/validation-00000-of-00001.parquet": [_HELLASWAG]},
        "Roof shingle removal: A man is sitting on a roof. He",
        ["sings to it.", "takes off shingle.", "eats it.", "swims."],
        "takes off shingle.",
        "hellaswag",
        "indomain",
        "",
        "B",
    ),
    "include": Case(
        {"German/test-00000-of-00001.parquet": [_INCLUDE]},
        "Was gilt bei Rot?",
        ["Fahren", "Hupen", "Halten", "Wenden"],
        "Halten",
        "Driving License",
        "Driving License",
        "de",
        "C",
    ),
    "kmmlu": Case(
        {
            "data/Math-test.csv": [
                {"question": "2+2?", "answer": 4, "A": 1, "B": 2, "C": 3, "D": 4, "Category": "Math"}
            ]
        },
        "2+2?",
        ["1", "2", "3", "4"],
        "4",
        "Math",
        "stem",
        "KO_KR",
        "D",
    ),
    "medmcqa": Case(
        {"data/validation-00000-of-00001.parquet": [_MEDMCQA]},
        "Which organ makes bile?",
        ["Spleen", "Liver", "Pancreas", "Stomach"],
        "Liver",
        "Physiology",
        "medmcqa",
        "",
        "B",
    ),
    "mmlu_cf": Case(
        {"val/Chemistry_val.parquet": [{"Question": "Which metal is liquid?", **_OPTIONS, "Answer": "B"}]},
        "Which metal is liquid?",
        [*_OPTIONS.values()],
        "Mercury",
        "Chemistry",
        "mmlu_cf",
        "",
        "B",
    ),
    "mmlu_prox": Case(
        {"de/test-00000-of-00001.parquet": [_PROX]},
        "Welches Organ bildet Galle?",
        [f"Organ {n}" for n in range(9)],
        "Organ 8",
        "biology",
        "mmlu_prox",
        "de",
        "I",
    ),
    "openbookqa": Case(
        {
            "main/test-00000-of-00001.parquet": [
                {
                    "id": "8-343",
                    "question_stem": "A mill grinds",
                    "choices": {"text": ["milk", "corn", "air", "light"], "label": [*"ABCD"]},
                    "answerKey": " B",  # lm-eval strips it, too
                }
            ]
        },
        "A mill grinds",
        ["milk", "corn", "air", "light"],
        "corn",
        "openbookqa",
        "openbookqa",
        "",
        "B",
    ),
    "supergpqa": Case(
        {"SuperGPQA-all.jsonl": [_SUPER]},
        "Which organ makes bile?",
        _SUPER["options"],  # type: ignore[arg-type]
        "The liver",
        "Basic Medicine",
        "Medicine",
        "",
        "J",
    ),
    "truthfulqa_mc1": Case(
        {
            "multiple_choice/validation-00000-of-00001.parquet": [
                {
                    "question": "What if you swallow gum?",
                    "mc1_targets": _TRUTHFUL,
                    "mc2_targets": {"choices": ["Nothing", "It passes"], "labels": [1, 1]},
                }
            ]
        },
        "What if you swallow gum?",
        _TRUTHFUL["choices"],  # type: ignore[arg-type]
        "Nothing happens",
        "truthfulqa_mc1",
        "truthfulqa_mc1",
    ),
}
WIKIHOW = _WIKIHOW


def write(files: Mapping[str, Sequence[Row]], folder: Path) -> Path:
    """Write the files of a repository into a folder, as `hf download` does, and return the folder."""
    for name, rows in files.items():
        archive, is_inside, inner = name.partition(".zip/")
        path = folder / (f"{archive}.zip" if is_inside else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if is_inside:
            with zipfile.ZipFile(path, "a") as packed:
                packed.writestr(inner, content(inner, rows))
        else:
            path.write_bytes(content(name, rows))
    return folder


def content(name: str, rows: Sequence[Row]) -> bytes:
    """The rows in the kind of file that the end of its name says."""
    if name.endswith(".parquet"):
        packed = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(list(rows)), packed)
        return packed.getvalue()
    if name.endswith(".jsonl"):
        return "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*rows[0]])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
