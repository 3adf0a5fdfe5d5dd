"""How a run is gone on with: the command that does it, and whether its manifest may be believed.

`mmlubench resume` starts pytest with the words and in the folder that a manifest names, and pytest executes the
`conftest.py` of that folder. The manifest of a stranger could name any, so that only runs of the project at hand go on
without a question.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

#: What marks the top folder of a project.
_TOPS = (".git", "pyproject.toml", "pytest.ini", "tox.ini", "setup.cfg", "setup.py")


def project_of(folder: Path) -> Path:
    """Return the top folder of the project that a folder is in; the folder itself if nothing marks one."""
    folder = folder.resolve()
    return next(
        (top for top in (folder, *folder.parents) if any((top / name).exists() for name in _TOPS)), folder
    )


def is_of_this_project(run_folder: Path, cwd: Path, here: Path) -> bool:
    """Whether a run folder lies in the project of the folder `here`, and `cwd`, where it was started, is of the same.

    A project within the project is another one, such as one that was unpacked in the home folder.
    """
    project = project_of(here)
    return run_folder.resolve().is_relative_to(project) and project_of(cwd) == project


def resume_command(run_folder: Path, cwd: Path) -> str:
    """Return the command that goes on with a run, as a shell in `cwd`, where the run was started, takes it."""
    words = [*_program(), "resume"]
    if not is_of_this_project(cwd / run_folder, cwd, cwd):
        words.append("--trust")
    name = str(run_folder)
    return shlex.join([*words, f"./{name}" if name.startswith("-") else name])


def _program() -> list[str]:
    """Return the words that start `mmlubench` of this Python, by its short name where a shell would find it."""
    script = Path(sys.executable).with_name("mmlubench")
    if not script.is_file():
        return [sys.executable, "-m", "mmlubench"]
    found = shutil.which("mmlubench")
    return ["mmlubench"] if found is not None and script.samefile(found) else [str(script)]
