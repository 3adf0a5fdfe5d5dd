"""Advice for a run without a headline accuracy: how it goes on, and how letters can be scored."""

from __future__ import annotations

import shlex

from mmlubench.models import ModelSpec
from mmlubench.prompts import Recipe
from mmlubench.run.run import Run
from mmlubench.schema import Scoring
from mmlubench.settings import Settings

#: What goes on after MixedReplies, where the same command would end in the same way.
CHOOSE = (
    "run the same command again with --refresh, which asks everything, or with --accept-mixed, which counts the "
    "replies of both together"
)


def resume_command(run: Run) -> str:
    """Return the command that goes on with the newest run of the folder of runs."""
    where = run.settings.run_dir
    elsewhere = [] if where == Settings.run_dir else ["--run-dir", where]
    return shlex.join(["mmlubench", "resume", "latest", *elsewhere])


def again(run: Run, *, has_folder: bool = True) -> str:
    """Return how the failed cases of a run are asked again, as half a sentence.

    `has_folder` says whether the run's folder is there: a run without one cannot be resumed.
    """
    settings = run.settings
    if settings.no_store:
        return "run the same command again, which asks every case again, as --no-store keeps no reply"
    if settings.refresh and settings.refresh_since is None:
        # --refresh passes over all replies of before its start: those of this run as well, in the next one.
        if not has_folder or run.shard is not None:
            since = f"--refresh-since={run.share.started:.3f}"
            return (
                f"run the same command with {since} in place of --refresh, which asks only the failed cases"
            )
        return f"go on with `{resume_command(run)}`: the same command would, with --refresh, ask every case again"
    return "run the same command again, which asks only the failed cases"


def other_ways(recipe: Recipe, way: Scoring, spec: ModelSpec) -> str:
    """Return what to try where the letters hold little probability, as half a sentence.

    `way` is how they were scored with this recipe and model.
    """
    ways = []
    if not recipe.raw and way is not Scoring.CHAT and Scoring.CHAT in spec.scorings:
        ways.append(f"--scoring {Scoring.CHAT}, as the recipe {recipe.name} is for chats")
    if not recipe.raw and spec.features.raw_prompts:
        ways.append("--recipe hendrycks, whose prompt ends before the letter")
    if recipe.raw and not recipe.shots:
        ways.append("--shots 5, as worked examples show that a letter is wanted")
    if way is Scoring.CHAT and recipe.name != "five_shot":
        ways.append("--recipe five_shot, whose examples show the letter alone")
    return "take " + ", or ".join([*ways, f"--scoring {Scoring.TEXT}, which reads the replies"])
