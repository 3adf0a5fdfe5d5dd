"""`mmlubench init`: the files of a new project, copied from the package; a file that is there is never replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from mmlubench.commands.runs import errors_as_messages
from mmlubench.errors import UserError

_PACKAGE = Path(__file__).parents[1]
_WORKFLOW = ".github/workflows/benchmarks.yml"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
def init(folder: Path) -> None:
    """Start a project in FOLDER (default: here): benchmarks/, models.yaml and a CI workflow.

    The tests in benchmarks/ are copies of the packaged ones, to be changed or removed. A file that exists is left as
    it is.
    """
    with errors_as_messages():
        for name, is_new in write(folder):
            click.echo(f"{folder / name}" + ("" if is_new else ": it exists, and is left as it is"))
    at = "" if folder == Path() else f"cd {folder} && "
    click.echo(f"Try it: {at}pytest benchmarks -k mmlu --model mock")


def write(folder: Path) -> Iterator[tuple[str, bool]]:
    """Write each file that does not exist; yield its name and whether it was written. Raises UserError."""
    for name, source in starter_files().items():
        target = folder / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{target.parent} cannot be made ({error.strerror}); give another folder."
            ) from None
        try:
            with target.open("xb") as file:  # `x` leaves a file that exists, and a link that leads nowhere
                file.write(source.read_bytes())
        except FileExistsError:
            yield name, False
        except OSError as error:
            raise UserError(f"{target} cannot be written ({error.strerror}); give another folder.") from None
        else:
            yield name, True


def starter_files() -> Mapping[str, Path]:
    """Return the packaged file of each file of a new project."""
    folder = _PACKAGE / "benchmarks"
    tests = sorted([*folder.glob("test_*.py"), *folder.glob("*.benchmark.yaml")])
    starter = _PACKAGE / "starter"
    return {
        **{f"benchmarks/{test.name}": test for test in tests},
        "models.yaml": starter / "models.yaml",
        _WORKFLOW: starter / "workflow.yml",
    }
