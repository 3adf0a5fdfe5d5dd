"""Finding the shards that are to be merged: in folders here, or behind URLs that fsspec can read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from mmlubench.errors import UserError
from mmlubench.run.shard_folder import PLACES, SHARD, ShardFolder, difference, read
from mmlubench.run.sharding import Shard

#: The end of the names of folders of shards that are not finished.
_PART = ".part"


@dataclass(frozen=True)
class Shards:
    """The finished shards of one run, by their number."""

    found: dict[int, ShardFolder]

    @property
    def first(self) -> ShardFolder:
        """The one that speaks for all in what they have in common."""
        return self.found[min(self.found)]

    @property
    def total(self) -> int:
        """The number of shards of the run."""
        return self.first.shard.total

    @property
    def missing(self) -> list[Shard]:
        """The shards that were not found."""
        return [Shard(number, self.total) for number in range(self.total) if number not in self.found]


def find_shards(names: Sequence[str], scratch: Path) -> Shards:
    """Find the shards in folders or at URLs; what is not here is copied into `scratch` first.

    Raises UserError for shards of different runs, and for two of the same shard that are not equal.
    """
    by_number: dict[int, ShardFolder] = {}
    for name in names:
        for one in _shards_of(name, scratch):
            other = by_number.setdefault(one.shard.number, one)
            first = next(iter(by_number.values()))
            if differs := difference(first.identity, one.identity) or _total(first, one):
                raise UserError(
                    f"{one.path} is a shard of another run than {first.path}: they differ in {differs}; merge the "
                    "shards of one run at a time."
                )
            if other.values["results_sha256"] != one.values["results_sha256"]:
                raise UserError(
                    f"{other.path} and {one.path} are both {one.shard.title}, with different results: name the one "
                    "that counts."
                )
    return Shards(dict(sorted(by_number.items())))


def _total(one: ShardFolder, other: ShardFolder) -> str:
    here, there = one.shard.total, other.shard.total
    return "" if here == there else f"the number of shards ({here} and {there})"


def _shards_of(name: str, scratch: Path) -> list[ShardFolder]:
    folder = _copied(name, scratch) if "://" in name else Path(name)
    if not folder.is_dir():
        raise UserError(f"{name}: there is no such folder; name a folder of shards, such as reports/shards.")
    files = sorted(folder.rglob(SHARD))  # what CI hands from job to job may lie one folder deeper
    found = [read(file.parent) for file in files if not _is_part(file.parent.relative_to(folder))]
    if not found:
        raise UserError(
            f"{name}: there is no finished shard in it; one that broke off has to be started again until its folder "
            f"does not end in {_PART}."
        )
    return found


def _is_part(path: Path) -> bool:
    return any(part.endswith(_PART) for part in path.parts)


def _copied(url: str, scratch: Path) -> Path:
    """Copy the finished shards at a URL into a new folder of `scratch`. Raises UserError."""
    # late: it comes with the data sets, and takes a while to import
    from fsspec.core import url_to_fs  # type: ignore[import-untyped]

    folder = Path(mkdtemp(dir=scratch))
    try:
        system, root = url_to_fs(url)
        files = [PurePosixPath(file) for file in system.find(root)]
        shards = {file.parent for file in files if file.name == SHARD}
        for file in _wanted(files, shards):
            target = folder / str(sorted(shards).index(file.parent)) / file.name
            target.parent.mkdir(exist_ok=True)
            system.get_file(str(file), str(target))
    except Exception as error:  # each kind of storage raises errors of its own
        why = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{url}: it cannot be read ({why:.300}).") from None
    if not files:
        raise UserError(f"{url}: there is nothing at this address; name a folder of shards.")
    return folder


def _wanted(files: Iterable[PurePosixPath], shards: set[PurePosixPath]) -> list[PurePosixPath]:
    """Return the files that a merge reads."""
    names = (SHARD, PLACES, "manifest.json")
    kinds = ("results.", "requests.", "responses.", "debate_")
    return [
        file
        for file in files
        if file.parent in shards
        and not file.parent.name.endswith(_PART)
        and (file.name in names or file.name.startswith(kinds))
    ]
