"""The mock provider: canned or made-up replies, so that a whole run needs no network and no money."""

from __future__ import annotations

import asyncio
import re
from math import log
from time import perf_counter
from zlib import crc32

from mmlubench.errors import ModelError, Rejected
from mmlubench.models import finish_reasons
from mmlubench.models.http.logprobs import LogProbs
from mmlubench.models.mock_replies import Canned, load
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import ALPHABET, Completion, Request, Usage
from mmlubench.tokens import tokens_of_size


class Mock:
    """A Model that answers from the file `responses` by the request's id, and by `rule` for ids missing there."""

    def __init__(self, spec: ModelSpec, *, key: str | None = None, pool: int = 64) -> None:
        """Load the replies; `key` and `pool` are ignored. Raises ModelError for an invalid file or rule."""
        self._spec = spec
        self._canned = load(spec.responses) if spec.responses else {}
        # `mock/hash` and `mock/B` name a rule in place of a model.
        self._rule = spec.rule or (None if spec.responses else spec.model_id)
        if self._rule is not None and self._rule not in ("hash", "echo", *ALPHABET):
            raise ModelError(
                f"{spec.label}: {self._rule!r} is no rule of the mock; give hash, echo or a letter from A to Z, "
                "or make an entry with `responses: FILE` in models.yaml."
            )

    async def generate(self, request: Request) -> Completion:
        """Answer one request.

        Raises Rejected for an id that is not in the file, if there is no rule, and for a reply that is no answer.
        """
        started = perf_counter()
        if self._spec.latency_s:
            await asyncio.sleep(self._spec.latency_s)
        canned = self._from_file(request) or self._by_rule(request)
        reason = finish_reasons.known(canned.finish_reason)
        if finish_reasons.is_failure(reason):
            raise Rejected(
                f"{self._spec.label}: the reply for {request.id!r} has the finish reason {reason!r}: its server failed",
                sent=request.params.asked(),
            )
        return Completion(
            text=canned.text,
            finish_reason=reason,
            usage=canned.usage or _estimate(request, canned.text),
            model=self._spec.model_id,
            latency_s=perf_counter() - started,
            sent=request.params.asked(),
            reasoning=canned.reasoning,
            metadata=canned.metadata if canned.usage else {**canned.metadata, "usage": "estimated"},
            logprobs=self._logprobs(request, canned) if request.params.logprobs else (),
        )

    async def aclose(self) -> None:
        """Do nothing: a mock has no connections."""

    def _from_file(self, request: Request) -> Canned | None:
        known = self._canned.get(request.id)
        return known and known.at(request.epoch, request.turn)

    def _by_rule(self, request: Request) -> Canned:
        if self._rule is None:
            raise Rejected(
                f"{self._spec.label}: {self._spec.responses} has no {_which(request)} {request.id!r}; "
                "add one, or give the entry a `rule` such as hash.",
                sent=request.params.asked(),
            )
        last = request.messages[-1].content if request.messages else request.prompt
        if self._rule == "echo":
            return Canned(last)
        return Canned(f"ANSWER: {_letter(last) if self._rule == 'hash' else self._rule}")

    def _logprobs(self, request: Request, canned: Canned) -> LogProbs:
        if canned.logprobs and request.continuation:
            raise Rejected(
                f"{self._spec.label}: recorded for {request.id!r} are the likeliest first tokens of a reply, and "
                "logprob:echo needs the probability of a given text; play it back with --scoring logprob.",
                sent=request.params.asked(),
            )
        return canned.logprobs or _made_up(request, canned.text)


def _which(request: Request) -> str:
    """Describe the missing reply for an error message, counting from 1."""
    if not (request.epoch or request.turn):
        return "reply for"
    epoch = f" in epoch {request.epoch + 1}" if request.epoch else ""
    return f"reply for request {request.turn + 1}{epoch} of"


def _letter(text: str) -> str:
    """Return one of four letters, always the same for a text; it is right about a quarter of the time."""
    return ALPHABET[crc32(text.encode("utf-8", "surrogatepass")) & 3]


def _estimate(request: Request, reply: str) -> Usage:
    """Estimate both sides by their length; the completion's metadata says that it is an estimate."""
    return Usage(int(tokens_of_size(request.chars)), int(tokens_of_size(len(reply))))


def _made_up(request: Request, reply: str) -> LogProbs:
    """Make up log-probabilities of ten letters: 0.7 for the last letter of the reply, the rest shared by the others."""
    letters = re.findall(r"\b[A-Z]\b", reply) or ["A"]
    chances = {**dict.fromkeys(ALPHABET[:10], 0.3 / 9), letters[-1]: 0.7}
    if request.continuation:
        return ((request.continuation, log(chances.get(request.continuation.strip(), 0.3 / 9))),)
    ordered = sorted(chances.items(), key=lambda chance: -chance[1])
    return tuple((f" {letter}", log(chance)) for letter, chance in ordered)
