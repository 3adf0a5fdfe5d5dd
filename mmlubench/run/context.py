"""The context window: which questions would need more tokens than a model can hold, told before anything is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mmlubench.figures import several
from mmlubench.models import ModelSpec
from mmlubench.models.serving.server import Server
from mmlubench.run.planned import planned_requests
from mmlubench.run.run import Run
from mmlubench.schema import Question, Request
from mmlubench.tokens import most_tokens_like_gpt2, tokens_like_gpt2

#: The reply that is assumed where a later prompt holds it, as in a debate.
_SHORT = "A"


class Beyond(NamedTuple):
    """The questions whose prompt and longest reply are together longer than a context window, by estimate."""

    questions: int
    of: int
    """The number of questions in all."""
    tokens: int
    """The tokens of the longest prompt with its longest reply."""
    reply: int
    """The most tokens of a reply; 0 if nothing limits it."""


class Window(NamedTuple):
    """The context window of a model."""

    tokens: int
    """The most tokens of prompt and reply together."""
    source: str
    """Who says so, worded to follow the number; empty for the entry."""


def context_notices(run: Run, asked: Mapping[str, Sequence[Question]]) -> list[str]:
    """Return a sentence for each model whose context window is too small for some questions.

    `asked` are the questions by the label of the model under test.
    """
    notices = []
    shots = run.strategy.recipe.shots if run.strategy.kind.uses_recipe else 0
    for label, questions in asked.items():
        found = {s.label: window_of(s, run.roster.servers.get(s.label)) for s in run.roster.asked(label)}
        windows = {who: window for who, window in found.items() if window is not None}
        sizes = {who: window.tokens for who, window in windows.items()}
        for who, beyond in beyond_windows(run, label, questions, sizes).items():
            notices.append(f"mmlubench: {sentence(who, windows[who], beyond, shots)}")
    return notices


def window_of(spec: ModelSpec, server: Server | None) -> Window | None:
    """Return the context window of a model: the smaller one of what its entry and its server say; None if none does."""
    told, given = server.window(spec.model_id) if server is not None else None, spec.context_window
    if told is not None and (
        given is None or told <= given
    ):  # the same where the spec is as the server was seen
        return Window(told, " as its server says")
    return Window(given, "") if given is not None else None


def beyond_windows(
    run: Run, label: str, questions: Sequence[Question], windows: Mapping[str, int]
) -> dict[str, Beyond]:
    """Find the questions to the model `label` that do not fit into the context windows of the models that are asked.

    `windows` gives the sizes in tokens by the label of the model, as an entry or a server states them: a model without
    one is passed over, and so is one that holds everything. The tokens of a prompt are an estimate, without those of
    the chat template; replies that become part of later prompts are taken to be short.
    """
    if not windows:
        return {}
    specs = {spec.label: spec for spec in run.roster.asked(label)}
    suspects = _perhaps_too_long(run, label, questions, windows)
    needs: dict[str, dict[str, tuple[int, int]]] = {}
    for who, request in planned_requests(run, label, suspects, _SHORT):
        reply = _reply(request, specs[who])
        need = (sum(map(tokens_like_gpt2, _texts(request))) + reply, reply)
        if who in windows and need[0] > windows[who]:
            of_model = needs.setdefault(who, {})
            of_model[request.id] = max(need, of_model.get(request.id, need))
    return {who: Beyond(len(found), len(questions), *max(found.values())) for who, found in needs.items()}


def _perhaps_too_long(
    run: Run, label: str, questions: Sequence[Question], windows: Mapping[str, int]
) -> Iterator[Question]:
    """Return the questions of every subject whose longest prompt may not fit, so that the others need no prompt."""
    specs = {spec.label: spec for spec in run.roster.asked(label)}
    longest: dict[tuple[str, str, str], tuple[int, int]] = {}
    for place, question in enumerate(questions):
        longest[_subject(question)] = max((_size(question), place), longest.get(_subject(question), (-1, 0)))
    tried = [questions[place] for _, place in longest.values()]
    too_long = {
        request.id
        for who, request in planned_requests(run, label, tried, _SHORT)
        if who in windows
        and most_tokens_like_gpt2(_bytes(request)) + _reply(request, specs[who]) > windows[who]
    }
    suspects = {_subject(question) for question in tried if question.id in too_long}
    return (question for question in (questions if suspects else ()) if _subject(question) in suspects)


def _reply(request: Request, spec: ModelSpec) -> int:
    """Return the most tokens of a reply; 0 if nothing limits it."""
    asked = request.params.max_tokens or 0
    return min(asked, spec.max_output_tokens) if asked and spec.max_output_tokens else asked


def _texts(request: Request) -> Iterable[str]:
    return (request.prompt + request.continuation, *(message.content for message in request.messages))


def _bytes(request: Request) -> int:
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in _texts(request))


def _size(question: Question) -> int:
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in (question.text, *question.choices))


def _subject(question: Question) -> tuple[str, str, str]:
    return question.benchmark, question.language, question.subject


def sentence(who: str, window: Window, beyond: Beyond, shots: int) -> str:
    """Say of which questions a model of this window cannot hold the prompt and the reply, and what to do."""
    reply = f" with {several(beyond.reply, 'token')} of reply" if beyond.reply else ""
    ways = [
        *(["lower --max-tokens"] if beyond.reply > 1 else ()),
        *(["take fewer worked examples with --shots"] if shots else ()),
    ]
    return (
        f"{beyond.questions:,} of {several(beyond.of, 'question')} may not fit into the context window of {who}, "
        f"{several(window.tokens, 'token')}{window.source}: the longest prompt{reply} takes about {beyond.tokens:,} "
        f"(an estimate); {' or '.join(ways) or 'give the model a larger window'}."
    )
