"""How a run goes on: advice that would ask everything again, and be paid for twice, is no advice."""

from __future__ import annotations

from dataclasses import replace

from mmlubench.run.advice import again
from mmlubench.run.run import Run
from mmlubench.run.share import Share
from mmlubench.settings import Settings

REFRESHING = Run(Settings(refresh=True), replace(Share(), started=1_000.5))


def test_a_refreshing_run_is_resumed() -> None:
    assert "go on with `mmlubench resume latest`" in again(REFRESHING)


def test_a_refreshing_run_whose_folder_is_gone_cannot_be_resumed() -> None:
    # `latest` would be another run.
    said = again(REFRESHING, has_folder=False)
    assert said == (
        "run the same command with --refresh-since=1000.500 in place of --refresh, which asks only the failed cases"
    )


def test_any_other_run_is_just_started_again() -> None:
    for has_folder in (True, False):
        said = again(Run(Settings()), has_folder=has_folder)
        assert said == "run the same command again, which asks only the failed cases"
