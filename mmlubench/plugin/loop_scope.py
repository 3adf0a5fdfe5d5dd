"""pytest-asyncio's warning that a project has not set its loop scope, which does not concern a run of benchmarks.

Fixtures that are `async` run as the user's configuration says, set or not; a folder without any configuration, where
the packaged benchmarks run, would show the warning in every process.
"""

from __future__ import annotations

import warnings

import pytest

from mmlubench.settings import OPTIONS

_MESSAGE = 'The configuration option "asyncio_default_fixture_loop_scope" is unset'


def is_asked_for(config: pytest.Config) -> bool:
    """Whether an option of mmlubench is given."""
    return any(getattr(config.option, option.destination, None) is not None for option in OPTIONS)


class LoopScope:
    """A plugin object that hides the warning in runs with an option of mmlubench, and in no other."""

    @pytest.hookimpl(
        tryfirst=True
    )  # before pytest-asyncio, and within pytest's own filters, which end with the run
    def pytest_configure(self, config: pytest.Config) -> None:
        """Hide the warning."""
        if is_asked_for(config):
            warnings.filterwarnings("ignore", _MESSAGE, pytest.PytestDeprecationWarning)
