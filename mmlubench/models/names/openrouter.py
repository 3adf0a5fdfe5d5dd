"""Names of models as people say them, such as `gpt-4o`, and the ids of OpenRouter that they mean, `openai/gpt-4o`."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from mmlubench.errors import ModelError
from mmlubench.models.names.presets import PRESETS
from mmlubench.resources import fixture
from mmlubench.yaml_file import load

#: The seconds that OpenRouter's list of models may take.
_LIST_S = 3.0
#: The date at the end of Anthropic's own names; OpenRouter has one version of each under the name without it.
_DATE = re.compile(r"-\d{8}$")


def openrouter_id(name: str, given: str) -> str:
    """Return OpenRouter's id for a name without a maker, by the packaged file, else by OpenRouter's list.

    `given` is the option and its value, for messages. Raises ModelError, with close names, for a name that neither has
    and for one that several makers have.
    """
    packaged = _packaged()
    names = {**_by_name(packaged["ids"]), **{_plain(n): [i] for n, i in packaged["also"].items()}}
    if found := _look_up(name, names):
        return _only(found, given)
    listed = _listed(PRESETS["openrouter"].base_url or "")
    if found := _look_up(name, _by_name(listed)):
        return _only(found, given)
    raise ModelError(_unknown(name, given, listed or packaged["ids"], is_listed=bool(listed)))


def _look_up(name: str, names: dict[str, list[str]]) -> list[str]:
    return names.get(_plain(name)) or names.get(_plain(_DATE.sub("", name)), [])


def _only(ids: list[str], given: str) -> str:
    if len(ids) > 1:
        raise ModelError(
            f"{given}: OpenRouter has several of that name; write openrouter/{' or openrouter/'.join(ids)}."
        )
    return ids[0]


def _unknown(name: str, given: str, ids: Iterable[str], *, is_listed: bool) -> str:
    names = _by_name(ids)
    close = [names[n][0] for n in difflib.get_close_matches(_plain(name), names, n=3)]
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    where = (
        "OpenRouter lists no model of that name"
        if is_listed
        else (
            f"it is not among the names that this version knows (of {_packaged()['as_of']}), and OpenRouter's list "
            "cannot be reached"
        )
    )
    return f"{given}: {where}; {hint}A full id is written openrouter/MAKER/MODEL."


def _by_name(ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the ids by what stands behind the maker; variants such as `:free` are named in full."""
    names: dict[str, list[str]] = {}
    for each in ids:
        if each.count("/") == 1 and ":" not in each:
            names.setdefault(_plain(each.rpartition("/")[2]), []).append(each)
    return names


def _plain(name: str) -> str:
    """Return a name without case and signs: OpenRouter writes claude-3.5-haiku, Anthropic claude-3-5-haiku."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())


@lru_cache(maxsize=1)
def _packaged() -> dict[str, Any]:
    values: dict[str, Any] = load(fixture("openrouter.yaml"), ModelError)
    return values


@lru_cache(maxsize=4)
def _listed(base_url: str) -> tuple[str, ...]:
    """Return the ids of OpenRouter's list, which needs no key; none if it cannot be had in `_LIST_S`."""
    # late: they import asyncio's sockets and a parser of HTTP, and pytest loads this module in every run
    from mmlubench.models.http.direct import plain_transport
    from mmlubench.models.http.served import look
    from mmlubench.models.http.transport import Timeouts

    async def ask() -> tuple[str, ...]:
        transport = plain_transport(base_url, key=None, pool=1, timeouts=Timeouts.within(_LIST_S))
        try:
            return (await look(transport, "/models", base_url)).models or ()
        finally:
            await transport.aclose()

    return asyncio.run(ask())
