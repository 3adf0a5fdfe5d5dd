"""The served model: whether the model that a server names is the one that was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mmlubench.figures import several

#: The date or number of a snapshot: 2024-08-06, 08-2024, 05-20, 20241022, 0613, 001. One or two digits are a version:
#: claude-4-5 is not claude-4.
_SNAPSHOT = re.compile(r"[-@](\d{4}-\d\d-\d\d|\d\d-\d{4}|\d\d-\d\d|\d{3,8})")
#: Suffixes that say how a model is routed or stored, not which model it is.
_ASIDE = re.compile(r"(:(free|nitro|floor|latest)|-latest|\.gguf)$")
_SHOWN = 3


def is_same_model(asked: str, served: str) -> bool:
    """Whether a server's name for a model can mean the model that was asked for.

    Case does not matter, nor does a vendor or folder in front (`openai/gpt-4o` and `gpt-4o`), nor a suffix such as
    `:free`, `:latest` or `.gguf`. The server's name may be more precise, with the date or number of a snapshot:
    `gpt-4o-2024-08-06` is `gpt-4o`. It may not be less precise, nor may it name another version.
    """
    asked, served = _plain(asked), _plain(served)
    short, long = sorted((asked.split("/"), served.split("/")), key=len)
    if long[-len(short) : -1] != short[:-1]:
        return False
    name, own = asked.rpartition("/")[2], served.rpartition("/")[2]
    return own == name or (own.startswith(name) and bool(_SNAPSHOT.fullmatch(own[len(name) :])))


def served_warnings(served: Mapping[str, int], asked: str | None) -> Iterator[str]:
    """Yield a sentence if another model answered, and one if several models did.

    `served` counts the cases by the name that the server gave; cases without a name are ignored. `asked` is the name in
    the requests, None if it is not known.
    """
    named = {name: count for name, count in served.items() if name}
    others = {name: count for name, count in named.items() if asked and not is_same_model(asked, name)}
    if others:
        yield (
            f"{asked} was asked for, but the server says that {_list(others)} answered: "
            "make sure that this is the model you mean"
        )
    if len({_plain(name) for name in named}) > 1:
        yield (
            f"the served model changed during the run, {_list(named)}: "
            "the accuracy is that of a mixture; name an exact version, or run again with one server"
        )


def mixed_fingerprints(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence if cases differ in the `system_fingerprint` of their replies; `counts` counts them by it."""
    if len(counts) > 1:
        yield (
            f"the replies have different values of system_fingerprint, {_list(counts)}: the server's software, its "
            "settings or its weights changed, and the accuracy may be that of a mixture"
        )


def provider_warnings(served: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence if several providers behind a router answered.

    `served` counts the cases by the provider that the router named; cases without a name are ignored.
    """
    named = {name: count for name, count in served.items() if name}
    if len(named) > 1:
        yield (
            f"the provider behind the router changed during the run, {_list(named)}: they may run the model at another "
            "precision; name one in models.yaml, extra_body: {provider: {only: [NAME], require_parameters: true}}"
        )


def _list(named: Mapping[str, int]) -> str:
    """Write names with their counts, the most frequent first."""
    ordered = sorted(named.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{name} ({several(count, 'case')})" for name, count in ordered[:_SHOWN]]
    if rest := ordered[_SHOWN:]:
        parts.append(f"{len(rest):,} others ({several(sum(count for _, count in rest), 'case')})")
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]


def _plain(name: str) -> str:
    return _ASIDE.sub("", name.casefold().replace("\\", "/").strip("/"))
