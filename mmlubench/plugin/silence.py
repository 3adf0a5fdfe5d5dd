"""Silence: the lines that tell a user that a server has answered nothing for a while, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping

from mmlubench.engine.limits.breaker import PATIENCE_S
from mmlubench.engine.limits.refusals import UNREACHABLE
from mmlubench.engine.limits.waiting import SILENT_S, Wait
from mmlubench.errors import clause
from mmlubench.figures import duration
from mmlubench.settings import Settings


class Silence:
    """The models that have answered nothing for half a minute; each silence is told once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._told: set[str] = set()

    def news(self, waits: Mapping[str, Wait]) -> list[str]:
        """Return a line for each model whose silence was not told yet."""
        silent = {label: wait for label, wait in waits.items() if wait.unanswered_s >= SILENT_S}
        lines = [self._line(label, wait) for label, wait in silent.items() if label not in self._told]
        self._told = set(silent)
        return lines

    def _line(self, label: str, wait: Wait) -> str:
        begin = f"mmlubench: {label} has answered nothing for {duration(wait.unanswered_s)}"
        if not wait.why:
            longest = duration(self._settings.request_timeout)
            return f"{begin}, with {wait.requests:,} requests under way; each may take {longest} (--request-timeout)."
        settings = self._settings
        patience_s = settings.give_up_after or PATIENCE_S
        if wait.why == UNREACHABLE:
            waited = duration(settings.wait_for_server or patience_s)
            return f"{begin}: {clause(wait.message)}; it is waited for up to {waited} in all (--wait-for-server)."
        patience = duration(patience_s)
        until = f"until {patience} without an answer are over (--give-up-after)"
        return f"{begin}: {clause(wait.message)}; it is tried {until}."
