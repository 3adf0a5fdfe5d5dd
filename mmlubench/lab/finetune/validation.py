"""The look at the validation side: asked and scored as `pytest benchmarks --scoring logprob` does afterwards."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, NamedTuple

from mmlubench.lab.finetune.stages import Plan
from mmlubench.models.local.in_process import InProcess
from mmlubench.models.local.loading import Loaded
from mmlubench.models.local.options import LocalOptions
from mmlubench.models.names.presets import preset_for
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Answer, Params, Question
from mmlubench.solvers.base import gather_all
from mmlubench.solvers.logprob import Logprob


class Look(NamedTuple):
    """What a look saw."""

    right: int
    """The number of questions whose likeliest letter is the right one."""
    asked: int
    letter_mass: float
    """The mean probability of all letters together."""
    answered: dict[str, int]
    """How often each letter was the likeliest."""


class Validation:
    """Asks the validation side of a plan, the choices in their own order."""

    def __init__(self, plan: Plan, model: Any) -> None:
        """`model` is the one in training, with its adapter."""
        import torch
        import transformers

        features = preset_for("transformers", None).features
        device = torch.device(plan.device.name)
        loaded = Loaded(
            plan.source, torch, transformers, model, plan.tokenizer, device, plan.config.kind == "seq2seq"
        )
        options = LocalOptions(batch_size=plan.config.batch_size)
        spec = ModelSpec(
            label=plan.config.name,
            client="transformers",
            model_id=plan.source,
            local=options,
            features=features,
        )
        self._plan, self._model, self._spec, self._loaded = plan, model, spec, loaded
        self._top = features.top_logprobs

    def look(self) -> Look:
        """Ask all questions, without a trace in the training: no random number is drawn."""
        was_training = self._model.training
        self._model.eval()
        try:
            answers = asyncio.run(self._answers())
        finally:
            self._model.train(was_training)
        pairs = zip(answers, self._plan.validation, strict=True)
        right = sum(answer.letter == question.answer for answer, question in pairs)
        mass = sum(answer.letter_mass or 0.0 for answer in answers) / len(answers)
        answered = Counter(answer.letter for answer in answers if answer.letter)
        return Look(right, len(answers), round(mass, 4), dict(sorted(answered.items())))

    async def _answers(self) -> list[Answer]:
        model = InProcess(self._spec, loaded=self._loaded)
        solver = Logprob(model, self._plan.recipe, Params(), scoring=self._plan.scoring, top=self._top)

        async def ask(question: Question) -> Answer:
            return await solver(question)

        try:
            return list(await gather_all([ask(question) for question in self._plan.validation]))
        finally:
            await model.aclose()
