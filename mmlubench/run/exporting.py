"""The exports at the end of a run: those that `--export` names, and the summary of a GitHub Actions job."""

from __future__ import annotations

import os
from pathlib import Path

from mmlubench.settings import Settings

#: The variable with the file that GitHub Actions shows on the page of a job.
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


def exports(path: Path, settings: Settings) -> tuple[list[str], list[str]]:
    """Write the exports of the run in that folder; return a line for each, and a sentence for each that failed.

    One that fails affects neither the others nor the run.
    """
    written: list[str] = []
    failures: list[str] = []
    for name in dict.fromkeys(settings.export):
        try:
            # late: few runs are exported
            from mmlubench.reports.exports.export import export
            from mmlubench.run.archive import RunArchive

            files = export(RunArchive(path), name)
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            written.append(f"export {name}: {files[0]}{more}")
        except (Exception, SystemExit) as error:  # a library of a format may raise anything
            failures.append(f"the export {name} failed ({type(error).__name__}: {error})")
    try:
        append_step_summary(path)
    except (Exception, SystemExit) as error:
        failures.append(f"the summary of the job was not written ({type(error).__name__}: {error})")
    return written, failures


def append_step_summary(path: Path) -> None:
    """Append the summary of a run to that of the GitHub Actions job, if there is one, as far as there is room for it.

    Raises OSError and UserError.
    """
    target = os.environ.get(STEP_SUMMARY)
    if not target:
        return
    # late: few runs are those of a job
    from mmlubench.reports.exports.github import MOST_BYTES, markdown
    from mmlubench.run.archive import RunArchive

    file = Path(target)
    there = file.stat().st_size if file.exists() else 0
    text = markdown(RunArchive(path), MOST_BYTES - there)
    with file.open("a", encoding="utf-8", errors="replace") as summary:
        summary.write(f"\n{text}" if there and text else text)
