"""The provider `transformers`: a causal or a sequence-to-sequence model in this very process."""

from __future__ import annotations

from mmlubench.errors import MmluBenchError, Rejected
from mmlubench.models.local.batches import Batches
from mmlubench.models.local.computing import compute
from mmlubench.models.local.job import Job, Kind
from mmlubench.models.local.loading import Loaded, load
from mmlubench.models.local.prompt import prompt_tokens
from mmlubench.models.spec import ModelSpec
from mmlubench.schema import Completion, Request, Usage

_batches: dict[int, Batches] = {}
"""The batches of each loaded model, by its identity: base and adapters wait in one line for one copy of the weights."""


class InProcess:
    """A Model that computes its replies itself. The weights are loaded when it is opened."""

    def __init__(
        self, spec: ModelSpec, *, key: str | None = None, pool: int = 64, loaded: Loaded | None = None
    ) -> None:
        """`key` and `pool` are ignored; `loaded` is a model that is in memory already, such as one in training.

        Raises ModelError for a model or an adapter that cannot be loaded.
        """
        self._spec = spec
        self._adapter = spec.adapter_path or spec.adapter
        self._options = spec.local
        self._loaded = loaded or load(spec.model_id, spec.local)
        if self._adapter is not None:
            with self._loaded.using(self._adapter):
                pass

    @property
    def _line(self) -> Batches:
        loaded = self._loaded
        return _batches.setdefault(
            id(loaded), Batches(lambda jobs: compute(loaded, jobs), self._options.batch_size)
        )

    async def generate(self, request: Request) -> Completion:
        """Answer one request. Raises Rejected for one that this model cannot take."""
        job = self._job(request)
        try:
            result, seconds = await self._line.result(job)
        except MmluBenchError:
            raise
        except Exception as error:
            reason = str(error).strip().partition("\n")[0]
            raise Rejected(
                f"{self._spec.label}: the model failed ({type(error).__name__}: {reason:.200}).",
                sent=request.params.asked(),
            ) from error
        return Completion(
            result.text,
            result.finish_reason,
            Usage(len(job.prompt) + len(job.continuation), result.output_tokens),
            self._spec.asked_model,
            seconds,
            request.params.asked(),
            logprobs=result.logprobs,
        )

    async def aclose(self) -> None:
        """Stop computing; the weights stay for the next who opens the model."""
        line = _batches.pop(id(self._loaded), None)
        if line is not None:
            await line.aclose()

    def _job(self, request: Request) -> Job:
        params = request.params
        prompt = prompt_tokens(
            self._loaded.tokenizer, request, is_seq2seq=self._loaded.is_seq2seq, label=self._spec.label
        )
        if request.continuation:
            whole = self._loaded.tokenizer(request.prompt + request.continuation).input_ids
            if self._loaded.is_seq2seq:
                after = self._loaded.tokenizer(
                    request.continuation.strip(), add_special_tokens=False
                ).input_ids
                return Job(Kind("echo", self._adapter, params), prompt, tuple(after))
            # The continuation's own tokens: those from where the two texts begin to differ.
            same = next(
                (n for n, (a, b) in enumerate(zip(prompt, whole, strict=False)) if a != b), len(prompt)
            )
            return Job(Kind("echo", self._adapter, params), tuple(whole[:same]), tuple(whole[same:]))
        does = "score" if params.logprobs and params.max_tokens == 1 else "generate"
        return Job(Kind(does, self._adapter, params), prompt)
