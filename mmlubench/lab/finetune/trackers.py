"""Trackers: Weights & Biases and Trackio, on this machine alone unless their user has a key there.

transformers writes to them in training; here is prepared where they write, under which name, and what they send.
"""

from __future__ import annotations

import netrc
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from mmlubench import extras
from mmlubench.errors import UserError
from mmlubench.lab.finetune.base_model import EXTRA
from mmlubench.lab.finetune.stages import Plan
from mmlubench.safe_names import safe_name

Tracker = Literal["wandb", "trackio", "none"]
PROJECT = "mmlubench"
_SAAS = "https://api.wandb.ai"
#: Seconds to wait for a first reply of wandb's server; wandb itself would try for a minute and a half.
_PROBE_S = 5.0
#: What wandb is told, unless its user says otherwise: no remarks, no copy of this program or of what it prints, and
#: no reports about wandb itself.
_QUIET = {
    "WANDB_SILENT": "true",
    "WANDB_CONSOLE": "off",
    "WANDB_DISABLE_CODE": "true",
    "WANDB_DISABLE_GIT": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_X_DISABLE_STATS": "true",
    "WANDB_X_SAVE_REQUIREMENTS": "false",
    "WANDB_LOG_MODEL": "false",
    "WANDB_WATCH": "false",
}


def prepare(plan: Plan, tracker: Tracker, say: Callable[[str], Any] = print) -> list[str]:
    """Prepare a tracker, and return what transformers' `report_to` takes; nothing for `none`.

    The environment of this process is set, as that is where both trackers read their settings. Raises UserError where
    the package of the tracker is missing.
    """
    if tracker == "none":
        return []
    # Before the import, at which trackio reads the environment.
    if tracker == "trackio":
        os.environ.update(_trackio(plan, os.environ))
    package = extras.load(tracker, extra=EXTRA, wanted_by=f"--report-to {tracker}")
    if tracker == "wandb":
        server = os.environ.get("WANDB_BASE_URL") or str(package.Settings().base_url)
        os.environ.update(_wandb(plan, os.environ, server))
        if os.environ["WANDB_MODE"] == "online" and (why := away(server)):
            os.environ["WANDB_MODE"] = "offline"
            say(f"WARNING: wandb: {server} cannot be reached ({why}), so that nothing is sent now")
    say(_where(plan, tracker))
    return [tracker]


def away(server: str) -> str:
    """Return why a server cannot be reached; empty if it replies, whatever it says."""
    import httpx2

    try:
        httpx2.head(server, timeout=_PROBE_S)
    except Exception as error:  # of the connection, a certificate or an address that is none
        return str(error).strip() or type(error).__name__
    return ""


def _wandb(plan: Plan, known: Mapping[str, str], server: str) -> dict[str, str]:
    """Return what is set for wandb: what its user has set stays, but for the folder and the run."""
    mode = known.get("WANDB_MODE") or ("online" if has_key(known, server) else "offline")
    defaults = {**_QUIET, "WANDB_PROJECT": PROJECT, "WANDB_MODE": mode}
    # One run for a training, also if it goes on after an interruption.
    ours = {
        "WANDB_DIR": str(plan.folder.absolute()),
        "WANDB_RUN_ID": safe_name(plan.config.name),
        "WANDB_RESUME": "allow",
    }
    return {**{name: value for name, value in defaults.items() if not known.get(name)}, **ours}


def _trackio(plan: Plan, known: Mapping[str, str]) -> dict[str, str]:
    """Return what is set for trackio: its folder, unless its user names a server or a Space."""
    return {"TRACKIO_DIR": str(trackio_folder(plan))} if not remote(known) else {}


def trackio_folder(plan: Plan) -> Path:
    """Return the folder of trackio's data base."""
    return plan.folder.absolute() / "trackio"


def remote(known: Mapping[str, str]) -> str:
    """Return the Space or server to which trackio sends, as its user has set it; empty if it writes here."""
    return known.get("TRACKIO_SPACE_ID") or known.get("TRACKIO_SERVER_URL") or ""


def has_key(known: Mapping[str, str], server: str = _SAAS) -> bool:
    """Whether wandb finds a key for a server: in the environment, or where `wandb login` puts it."""
    if known.get("WANDB_API_KEY"):
        return True
    host = urlsplit(known.get("WANDB_BASE_URL") or server).netloc
    home = Path(known.get("HOME") or Path.home())
    places = [Path(known["NETRC"])] if known.get("NETRC") else [home / ".netrc", home / "_netrc"]
    for place in places:
        try:
            if netrc.netrc(str(place)).authenticators(host):
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False


def _where(plan: Plan, tracker: Tracker) -> str:
    if tracker == "trackio":
        if place := remote(os.environ):
            return f"trackio: sent to {place}, as the environment says, project {project(plan, tracker)}"
        show = f"TRACKIO_DIR={shlex.quote(str(trackio_folder(plan)))} trackio show --project {project(plan, tracker)}"
        return f"trackio: written to {trackio_folder(plan)}, nothing is sent; look at it by `{show}`"
    mode = os.environ["WANDB_MODE"]
    folder = plan.folder / "wandb"
    if mode == "offline":
        sync = f"wandb sync {shlex.quote(str(folder))}/offline-run-*"
        return f"wandb: written to {folder}, nothing is sent; send it by `{sync}`"
    return f"wandb: {mode}, project {os.environ['WANDB_PROJECT']}, run {os.environ['WANDB_RUN_ID']}"


def project(plan: Plan, tracker: Tracker) -> str:
    """Return the name under which a tracker files the run. Trackio's is set by the trainer's arguments."""
    return os.environ.get("WANDB_PROJECT") or PROJECT if tracker == "wandb" else PROJECT


def finish(tracker: Tracker) -> None:
    """End the run, so that its files are whole; trackio's is ended by transformers. Raises UserError."""
    if tracker != "wandb":
        return
    wandb: Any = extras.load("wandb", extra=EXTRA, wanted_by="--report-to wandb", error=UserError)
    if wandb.run is not None:
        wandb.finish()
