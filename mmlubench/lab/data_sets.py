"""Any data set by what a user calls it: a known name, or the path or name of a YAML benchmark of one's own."""

from __future__ import annotations

from pathlib import Path

from mmlubench import datasets
from mmlubench.datasets import DataSet, Spec
from mmlubench.datasets.from_yaml import description
from mmlubench.datasets.sources import parts
from mmlubench.errors import UserError, close_to

_SUFFIXES = (".yaml", ".yml")
_END = ".benchmark.yaml"
#: Where the YAML of a name is looked for, as a run would find it.
_FOLDERS = ("", "benchmarks")
_PART = ": what is shown is of this part, which a run or a split takes only with --allow-partial-data"


def find(name: str) -> Spec:
    """Return the data set of that name, or that a YAML describes.

    Raises UserError for a name that is not known, and says which are; DataError for a YAML that cannot be used.
    """
    path = Path(name).expanduser()
    if path.suffix in _SUFFIXES:
        if not path.is_file():
            raise UserError(f"{name}: there is no such file; give the path of a YAML benchmark, or a name.")
        return description.read(path)
    if name in datasets.NAMES:  # also where `mmlubench init` has copied its file
        return datasets.find(name)
    own = {
        file.name.removesuffix(_END): file for folder in _FOLDERS for file in Path(folder).glob(f"*{_END}")
    }
    if name in own:
        return description.read(own[name])
    try:
        return datasets.find(name)
    except UserError as error:
        if not own:
            raise
        known = [*dict.fromkeys((*datasets.NAMES, *own))]
        raise UserError(
            f"There is no data set {name!r}; known: {', '.join(known)}{close_to(name, known) or '.'}"
        ) from error


def cautions(notice: str) -> list[str]:
    """Return what a data set says of itself, a sentence for each part of its `notice`."""
    told = [part.strip() for part in notice.split(";")]
    return [sentence(part + (_PART if part.startswith("partial data") else "")) for part in told if part]


def sentence(text: str) -> str:
    """Return half a sentence as a whole one."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def check_languages(spec: Spec, languages: tuple[str, ...]) -> tuple[str, ...]:
    """Return the locales that `datasets.load` is to read, all if none is named; none of a data set with one part.

    The languages of a YAML are known only from its rows: see `of_languages`. Raises UserError for an unknown one.
    """
    if not spec.languages:
        if languages and not spec.source:
            raise UserError(
                f"{spec.name}: its questions are in one language only; leave --language {languages[0]} out."
            )
        return ()
    return parts.wanted(spec, languages) if languages else ()


def of_languages(data: DataSet, languages: tuple[str, ...]) -> list[int]:
    """Return the places of the questions in these languages; a YAML may have several. Raises UserError."""
    there = dict.fromkeys(question.language for question in data.questions)
    named = {name.lower().replace("-", "_"): name for name in there}
    wanted = set()
    for language in languages:
        name = language.strip().lower().replace("-", "_")
        if name not in named or not name:
            known = ", ".join(filter(None, there)) or "one language that has no name"
            raise UserError(f"There is no language {language!r} in {data.name}; it is in {known}.")
        wanted.add(named[name])
    return [place for place, question in enumerate(data.questions) if question.language in wanted]
