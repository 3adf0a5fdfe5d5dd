"""Single files of the Hugging Face hub, from its client's cache or downloaded, without progress bars or long waits."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from mmlubench.datasets import checks
from mmlubench.hub import Failed, probe


def get(repository: str, name: str, failed: Failed, **where: Any) -> str:
    """Return the path of a file in the cache, downloading it if it is not there. Raises the error `failed` makes."""
    client = import_module("huggingface_hub")
    with quiet():
        try:
            return str(client.hf_hub_download(repository, name, local_files_only=True, **where))
        except Exception:  # of any kind: the hub is asked next
            probe(failed)
        return str(attempt(lambda: client.hf_hub_download(repository, name, **where), failed))


def attempt(call: Callable[[], Any], failed: Failed) -> Any:
    """Return the result of a library call. Raises the error `failed` makes in place of an error of any kind."""
    try:
        return call()
    except Exception as error:  # of the library itself, its HTTP client or Arrow
        problem = f"the data could not be loaded ({type(error).__name__}: {checks.first_line(error)})"
        raise failed(problem) from error


@contextmanager
def quiet(*libraries: ModuleType) -> Iterator[None]:
    """Suppress progress bars, log lines and warnings of the hub's client and of these libraries."""
    noisy = (*libraries, import_module("huggingface_hub.utils"))
    levels = [(one.logging, one.logging.get_verbosity()) for one in noisy]
    bars = [one for one in noisy if not one.are_progress_bars_disabled()]
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
