"""A folder that was downloaded from the hub, with the files of the repository as they lie there.

hf download facebook/belebele --repo-type dataset --local-dir DIR
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from glob import escape
from pathlib import Path

from mmlubench.datasets.base import Source, Spec
from mmlubench.datasets.sources import archive, noted, parquet, parts, tables
from mmlubench.datasets.sources.folder_in_parts import Files

#: Where repositories keep the files of a configuration's split; the end of the name says what kind of file it is.
_OF_SPLIT = (
    *("{config}/{split}", "{config}/{split}-*", "{config}/{split}/*"),
    *("data/{config}/{split}", "data/{config}/{split}-*", "data/{config}-{split}", "data/{config}_{split}"),
    *("{config}-{split}", "{config}_{split}", "{split}/{config}", "{split}/{config}_{split}"),
)
#: A file that holds all of a configuration, which is the split that is asked.
_OF_CONFIG = ("{config}", "data/{config}")
#: In a repository with one configuration.
_ALONE = ("data/{split}", "data/{split}-*", "{split}", "{split}-*")
_NAMED = ("{repository}-*", "{repository}")

Found = Mapping[str, Sequence[Path]]


def looked_for(spec: Spec) -> str:
    """Say what `read` looks for, for an error message."""
    return f"the files as `hf download {spec.repository} --repo-type dataset --local-dir DIR` puts them there"


def read(spec: Spec, root: Path, asked: Sequence[str] = (), *, partial: bool = False) -> Source | None:
    """Read the parts asked for from such a folder, or from one in it named after the data set; None for another folder.

    With `partial`, parts may be missing. Raises DataError.
    """
    if not spec.repository:
        return None
    for base in (root, root / spec.name):
        found = _split(spec, base, spec.scored)
        if not found:
            continue
        if spec.parts:
            parts.check_there(spec, base, found, asked, partial=partial)
        shown = _split(spec, base, spec.example_split) if spec.example_split else {}
        splits = {spec.scored: _files(spec, found, asked), spec.example_split: _files(spec, shown, asked)}
        revision = noted.commit(
            path for files in found.values() for path in files if path.is_relative_to(base)
        )
        name = parquet.named(spec, f"files in {base}", revision)
        return Source({split: files for split, files in splits.items() if len(files)}, name, revision)
    return None


def _files(spec: Spec, found: Found, asked: Sequence[str]) -> Files:
    return Files(spec, [(part, path) for part in asked or ("",) for path in found.get(part, ())])


def _split(spec: Spec, base: Path, split: str) -> Found:
    """Return the files of a split by part, in the first layout that has any of any part."""
    if not base.is_dir():
        return {}
    for layout in _layouts(spec, split):
        found = {
            part: files for part in spec.parts or ("",) if (files := _at(spec, base, layout, part, split))
        }
        if found:
            return found
    return {}


def _layouts(spec: Spec, split: str) -> Iterator[str]:
    if spec.files:
        yield spec.files
    yield from _OF_SPLIT
    if split == spec.scored:
        yield from _OF_CONFIG
    if not spec.parts:
        yield from _ALONE
        if split == spec.scored:
            yield from _NAMED


def _at(spec: Spec, base: Path, layout: str, part: str, split: str) -> list[Path]:
    named = {"split": split, "repository": spec.repository.rpartition("/")[2]}
    for config in dict.fromkeys((spec.configs.get(part, part or spec.config), part or spec.config)):
        if layout == spec.files:
            files = _exactly(base, layout.format(config=config, split=split))
        else:
            pattern = layout.format(config=escape(config), **named)
            files = [path for path in sorted(base.glob(f"{pattern}.*")) if path.suffix in tables.KINDS]
            files = [
                path for path in files if path.suffix == files[0].suffix
            ]  # the same rows in another kind of file
        if files:
            return files
    return []


def _exactly(base: Path, name: str) -> list[Path]:
    packed, is_inside, inner = name.partition(".zip/")
    path = base / (f"{packed}.zip" if is_inside else name)
    if not path.is_file() or (is_inside and inner not in archive.names(path)):
        return []
    return [archive.unpacked(path, inner) if is_inside else path]
