"""Single files of the hub, through its client: out of the cache, or downloaded, in silence and without long waits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from mmlubench.datasets import checks

PROBE_S = 5.0  # seconds to wait for a first sign of life

#: Makes an error of what is wrong, adding what to do about it.
Failed = Callable[[str], Exception]


def get(repository: str, name: str, failed: Failed, **where: Any) -> str:
    """Return the path of a file in the cache, which it is downloaded to if need be. Raises what `failed` makes."""
    client = import_module("huggingface_hub")
    with quiet():
        try:
            return str(client.hf_hub_download(repository, name, local_files_only=True, **where))
        except Exception:  # whatever it is that the cache lacks, the hub is asked next
            probe(failed)
        return str(attempt(lambda: client.hf_hub_download(repository, name, **where), failed))


def probe(failed: Failed) -> None:
    """Raise what `failed` makes if the hub gives no sign of life: its client itself would try for 23 s."""
    client = import_module("huggingface_hub")
    endpoint = client.constants.ENDPOINT
    if client.constants.HF_HUB_OFFLINE:
        raise failed("HF_HUB_OFFLINE is set and the data are not in the cache")
    try:
        # The client's own session, so that proxies and certificates are the same.
        client.get_session().head(endpoint, timeout=PROBE_S)
    except Exception as error:  # that session differs by version, and so do its errors
        raise failed(f"{endpoint} cannot be reached ({checks.first_line(error)})") from error


def attempt(call: Callable[[], Any], failed: Failed) -> Any:
    """Return what a call of a library returns. Raises what `failed` makes of its error, whatever kind that is."""
    try:
        return call()
    except Exception as error:  # of the library itself, of its HTTP client and of Arrow
        problem = f"the data could not be loaded ({type(error).__name__}: {checks.first_line(error)})"
        raise failed(problem) from error


@contextmanager
def quiet(*libraries: ModuleType) -> Iterator[None]:
    """Keep progress bars, log lines and warnings of the client and of these libraries off our screen."""
    talkers = (*libraries, import_module("huggingface_hub.utils"))
    levels = [(one.logging, one.logging.get_verbosity()) for one in talkers]
    bars = [one for one in talkers if not one.are_progress_bars_disabled()]
    try:
        for logging, _ in levels:
            logging.set_verbosity_error()
        for one in bars:
            one.disable_progress_bars()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logging, level in levels:
            logging.set_verbosity(level)
        for one in bars:
            one.enable_progress_bars()
