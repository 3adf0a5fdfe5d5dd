"""Checks of real replies, a few requests in all: text, thinking, sampling, log-probabilities, length and load."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from time import perf_counter

from mmlubench import prompts
from mmlubench.doctor.finding import Finding, Needs, Patient, failed, ok, skipped, warning
from mmlubench.doctor.here import spec_of
from mmlubench.errors import MmluBenchError, ModelError, ProviderError
from mmlubench.grading import read_answer
from mmlubench.models import choose_scoring
from mmlubench.models.base import Model
from mmlubench.prompts.render import request_of
from mmlubench.run.context import beyond_windows, sentence, window_of
from mmlubench.run.strategy import Strategy
from mmlubench.schema import Completion, Message, Params, Question, Request, Scoring
from mmlubench.stats.served_model import is_same_model

_QUESTION = Question(
    "mmlubench/doctor/1",
    "doctor",
    "doctor",
    "",
    "Which of these is a colour?",
    ("Seven", "Blue", "Oak", "Rain"),
    "B",
)
#: A request whose reply shows at temperature 0 whether sampling parameters are heeded.
_NUMBERS = Request("mmlubench/doctor/2", (Message("user", "Write ten random numbers from 1 to 999."),))
#: The steps of the load test, in requests at once.
_STEPS = (1, 2, 4, 8, 16, 32, 64, 128)
#: A step is no gain if it brings less than this much more than the one before.
_GAIN = 1.15


async def completion(patient: Patient) -> Finding:
    """Check that the model answers a question, with the run's own recipe and parameters."""
    spec, model, strategy = spec_of(patient), _model(patient), Strategy(patient.settings)
    patient.params = strategy.params(spec)
    if strategy.scoring is not Scoring.TEXT:
        return skipped("the run reads no replies: it scores letters by their log-probabilities")
    recipe = strategy.recipe if strategy.recipe.shots == 0 else replace(strategy.recipe, shots=0)
    request = request_of(_QUESTION, recipe, prompts.render(recipe, _QUESTION), patient.params)
    try:
        reply = await model.generate(request)
    except ProviderError as error:
        return failed(str(error))
    if not reply.text.strip():
        return _without_text(reply)
    answer = read_answer(_QUESTION, reply, strategy.extraction)
    if answer.letter is None:
        return warning(f"no letter is read in its reply: {answer.explanation}", "try another --recipe")
    names = {spec.asked_model, spec.model_id}  # whether an adapter is active is another check
    if reply.model and not spec.is_mock and not any(is_same_model(name, reply.model) for name in names):
        return warning(
            f"it answered {answer.letter}, but says that its model is {reply.model}, and not {spec.asked_model}",
            "make sure that this is the model you mean",
        )
    return ok(f"it answered {answer.letter} in {reply.latency_s:.2f} s (rule: {answer.rule})")


def _without_text(reply: Completion) -> Finding:
    if reply.reasoning:
        return failed(
            f"the reply has {len(reply.reasoning):,} characters of thinking and no text ({reply.finish_reason})",
            "give a larger --max-tokens, or turn thinking off with extra_body in the entry",
        )
    return failed(
        f"the reply is empty ({reply.finish_reason})", "look at the server's log, and at its chat template"
    )


async def sampling(patient: Patient) -> Finding:
    """Check that sampling parameters are heeded, not the defaults of the model's generation_config.json."""
    spec, model = spec_of(patient), _model(patient)
    if spec.capabilities.temperature is None:
        return skipped(f"{spec.label} takes no temperature")
    if spec.is_mock:
        return skipped("a mock does not sample")
    request = replace(_NUMBERS, params=Params(temperature=0.0, max_tokens=24))
    try:
        replies = [(await model.generate(request)).text for _ in range(2)]
    except ProviderError as error:
        return failed(str(error))
    if replies[0] != replies[1]:
        return warning(
            "two replies at temperature 0 differ",
            "the server may sample by its own defaults (vLLM: --generation-config vllm), or compute in batches; "
            "--epochs shows how much answers change",
        )
    return ok("two replies at temperature 0 are equal")


async def log_probabilities(patient: Patient) -> Finding:
    """Check whether the server tells log-probabilities, and in which way."""
    spec, model = spec_of(patient), _model(patient)
    wanted = Strategy(patient.settings).scoring
    try:
        way = await choose_scoring(model, spec, Scoring.LOGPROB if wanted is Scoring.TEXT else wanted)
    except ModelError as error:
        return failed(str(error)) if wanted is not Scoring.TEXT else skipped("none, and the run reads texts")
    return ok(f"it can do --scoring {way}")


async def length(patient: Patient) -> Finding:
    """Check that the longest prompts of the benchmark fit into the context of the model."""
    spec = spec_of(patient)
    window = window_of(spec, patient.server)
    if window is None:
        return skipped("the length of its context is not known: give the entry a context_window")
    if not patient.questions or patient.run is None:
        raise Needs("the data was not read")
    windows = {spec.label: window.tokens}
    # Prompts are planned by an event loop of their own, so not in this one.
    found = await asyncio.to_thread(beyond_windows, patient.run, spec.label, patient.questions, windows)
    if beyond := found.get(spec.label):
        return failed(sentence(spec.label, window, beyond, patient.run.strategy.recipe.shots))
    return ok(
        f"all prompts and their longest replies fit into {window.tokens:,} tokens{window.source}, by estimate"
    )


async def load(patient: Patient) -> Finding:
    """Find out how many requests at once the server holds."""
    if not patient.has_load_test:
        return skipped("give --load to try it")
    model, best, at = _model(patient), 0.0, 1
    params = replace(patient.params or Params(), max_tokens=8)
    for step in _STEPS:
        if step > patient.settings.concurrency:
            break
        requests = [
            replace(_NUMBERS, id=f"mmlubench/doctor/load/{step}/{n}", params=params) for n in range(2 * step)
        ]
        places, begun = asyncio.Semaphore(step), perf_counter()

        async def one(request: Request, places: asyncio.Semaphore = places) -> None:
            async with places:
                await model.generate(request)

        try:
            await asyncio.gather(*map(one, requests))
        except MmluBenchError as error:
            return warning(
                f"{step} at once failed after {at} at once gave {best:.1f}/s: {error}",
                f"give --concurrency {at}",
            )
        rate = len(requests) / (perf_counter() - begun)
        if rate < _GAIN * best:
            break
        best, at = rate, step
    return ok(f"{best:.1f} replies a second at {at} at once; more at once brought no more")


def _model(patient: Patient) -> Model:
    if patient.model is None:
        raise Needs("the server was not reached, or the key is missing")
    if patient.server is not None and patient.server.refuses_key:
        raise Needs("the key was refused")
    return patient.model
