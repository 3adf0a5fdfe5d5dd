"""The warnings of a run: reasons to doubt its figures, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mmlubench.figures import several
from mmlubench.schema import Outcome
from mmlubench.stats.chance_level import guessing
from mmlubench.stats.one_letter import one_letter
from mmlubench.stats.served_model import provider_warnings, served_warnings
from mmlubench.stats.tally import Tally

#: The share of refusals among the replies, 0 to 1, from which on they are warned of.
_MANY_REFUSED = 0.05


def warnings(
    total: Tally,
    choices: Mapping[int, int],
    letters: Mapping[tuple[str | None, str], int],
    served: Mapping[str, int],
    headline: bool,
    asked_model: str | None,
    dropped: Mapping[str, int],
    providers: Mapping[str, int] = MappingProxyType({}),
) -> Iterator[str]:
    """Yield sentences without a full stop, the most serious first.

    `choices` counts the answered questions by their number of choices, `letters` by the
    letter that was answered and by the right one, `served` the cases by the model that a server
    named, `providers` those by the provider that a router named, `dropped` the requests by the parameters that were
    asked for but not sent. Without a `headline` accuracy there is no warning about the accuracy.
    """
    yield from filter(None, [_refused(total)])
    chance = guessing(choices)
    # Without choices, as in dialogues, there is nothing to guess.
    if headline and chance and chance.share and total.accuracy is not None:
        yield from filter(None, [chance.warning(total.accuracy)])
    if always := one_letter(letters):
        yield f"the model {always}"
    yield from served_warnings(served, asked_model)
    yield from provider_warnings(providers)
    yield from filter(None, [_dropped(dropped)])


def _refused(total: Tally) -> str | None:
    refused, of = total.outcomes[Outcome.REFUSED], total.answered
    if not refused or refused < _MANY_REFUSED * of:
        return None
    return (
        f"{refused:,} of {several(of, 'reply', 'replies')} {'is a refusal' if refused == 1 else 'are refusals'}, which "
        "count as wrong: the accuracy also tells what the model, or a filter before it, declines; see responses.jsonl"
    )


def _dropped(dropped: Mapping[str, int]) -> str | None:
    names = [f"{name} ({several(count, 'request')})" for name, count in sorted(dropped.items()) if count]
    if not names:
        return None
    return f"asked for but not sent: {', '.join(names)}; the model does not take it and used its own default"
