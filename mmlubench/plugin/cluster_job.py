"""The jobs of a run on a cluster: the user's command line as that of a shard, on a machine of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mmlubench.errors import UserError
from mmlubench.models.names.keys import find_key
from mmlubench.run.limits import VARIABLE
from mmlubench.run.run import Run
from mmlubench.run.sharding import FOLDER, Shard
from mmlubench.settings import Settings

if TYPE_CHECKING:
    from mmlubench.cluster.job import Job


def check_options(config: pytest.Config, settings: Settings) -> None:
    """Raise UserError for options that a run on a cluster cannot heed."""
    option = config.option
    refused = {
        "-n starts workers on this machine; --shards N does on a cluster what they do": (
            config.getoption("dist", "no") != "no"
        ),
        "--num-shards, --shard-id and --shard ask one part of a run; a cluster asks them all, --shards N of them": (
            (settings.num_shards, settings.shard_id, settings.shard) != (None, None, None)
        ),
        "--batch waits for a provider's batches, which one machine can do": (
            settings.batch or settings.batch_requests is not None
        ),
        "--no-store keeps no reply, and a machine that dies would lose what is paid for": settings.no_store,
        "--until looks at the answers of the whole run, and no shard has them": settings.until is not None,
        "--decide-early looks at the answers of the whole run, and no shard has them": settings.decide_early,
        "-x and --maxfail stop one shard, and not the others": bool(option.maxfail),
        "--lf, --ff and --sw read pytest's cache, which no other machine has": any(
            getattr(option, name, False) for name in ("lf", "failedfirst", "stepwise")
        ),
        "--pdb needs the terminal of the process that asks": bool(option.usepdb),
        "--junitxml is written by one process, and each shard is another; --export ctrf lists the cases": bool(
            option.xmlpath
        ),
    }
    for why, is_given in refused.items():
        if is_given:
            raise UserError(f"{why}: leave it out, or --cluster.")


def project_of(config: pytest.Config) -> Path:
    """Return the top folder of the project: pytest's rootdir, or where it was started if that is no part of it."""
    started, top = Path(config.invocation_params.dir).resolve(), config.rootpath.resolve()
    return top if started.is_relative_to(top) else started


def left_behind(config: pytest.Config, settings: Settings) -> list[Path]:
    """Return what of the project no other machine needs: runs and stores."""
    here = Path(config.invocation_params.dir)
    return [here / settings.run_dir, here / settings.store_path]


def jobs_of(config: pytest.Config, run: Run, total: int, run_id: str) -> list[Job]:
    """Return a job for each shard. Raises UserError for a key that cannot be read."""
    # late: a pytest run without --cluster must not pay for it
    from mmlubench.cluster.environment import divided
    from mmlubench.cluster.job import Job
    from mmlubench.cluster.project import mark_of

    project, here = project_of(config), Path(config.invocation_params.dir).resolve()
    always, at_home = divided(os.environ)
    return [
        Job(
            run=run_id,
            number=number,
            title=Shard(number, total).title,
            words=_words(config, run.settings, Shard(number, total)),
            brings=f"{FOLDER}/{Shard(number, total).name}*",
            project=str(project),
            below=str(here.relative_to(project)),
            mark=mark_of(project),
            told_in=VARIABLE,
            always={**always, **_keys(run)},
            at_home=at_home,
        )
        for number in range(total)
    ]


def _keys(run: Run) -> dict[str, str]:
    """Return the API keys of the models of a run: a keyring or a .env file of this computer is on no other."""
    variables = {spec.api_key_env for spec in run.roster.all_specs.values() if spec.api_key_env}
    found = {name: find_key(name, os.environ) for name in sorted(variables)}
    return {name: key for name, key in found.items() if key is not None}


def _words(config: pytest.Config, settings: Settings, shard: Shard) -> tuple[str, ...]:
    """Return the arguments of a shard's pytest: the user's, and behind them ours, as the last one of a name counts."""
    # late, as above
    from mmlubench.cluster.job import HOME, RESULTS, STORE

    given = [_moved(str(word), str(project_of(config))) for word in config.invocation_params.args]
    since = settings.refresh_since
    end = given.index("--") if "--" in given else len(given)
    ours = [
        *(
            "--mmlubench-cluster=none",
            f"--mmlubench-num-shards={shard.total}",
            f"--mmlubench-shard-id={shard.number}",
        ),
        *(f"--mmlubench-run-dir={HOME}/{RESULTS}", f"--mmlubench-store={HOME}/{STORE}"),
        *([] if since is None else [f"--mmlubench-refresh-since={since:.3f}"]),
        *("-p", "no:cacheprovider"),
    ]
    return (*given[:end], *ours, *given[end:])


def _moved(word: str, project: str) -> str:
    """Return a word in which a path into the project leads into that of the machine."""
    # late, as above
    from mmlubench.cluster.job import PROJECT

    name, is_option, value = word.partition("=")
    if is_option and name.startswith("-"):
        return f"{name}={_moved(value, project)}"
    return (
        PROJECT + word.removeprefix(project) if word == project or word.startswith(project + os.sep) else word
    )
