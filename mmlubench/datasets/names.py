"""Which data sets there are, by name."""

from __future__ import annotations

from mmlubench.datasets.base import Spec
from mmlubench.registry import Registry

#: Our own data sets: name to `module:Spec`.
NAMES = {
    "mmlu": "mmlubench.datasets.sets.mmlu:MMLU",
    "mmlu_pro": "mmlubench.datasets.sets.mmlu_pro:MMLU_PRO",
    "mmmlu": "mmlubench.datasets.sets.mmmlu:MMMLU",
    "commonsense_qa": "mmlubench.datasets.sets.commonsense_qa:COMMONSENSE_QA",
}

#: Our data sets without code: each is a file `mmlubench/benchmarks/NAME.benchmark.yaml`.
PACKAGED = (
    "arabicmmlu",
    "arc_challenge",
    "arc_easy",
    "belebele",
    "ceval",
    "cmmlu",
    "global_mmlu",
    "global_mmlu_lite",
    "gpqa_diamond",
    "hellaswag",
    "include",
    "kmmlu",
    "medmcqa",
    "mmlu_cf",
    "mmlu_prox",
    "openbookqa",
    "supergpqa",
    "truthfulqa_mc1",
)
NAMES |= {name: f"mmlubench.datasets.sets.packaged:{name}" for name in PACKAGED}

#: What is not asked itself but says something of a data set; it can be fetched like one.
SUPPLEMENTS = {
    "mmlu_redux": "mmlubench.datasets.sets.redux:ANNOTATIONS",
}


def _as_spec(thing: object) -> Spec | None:
    return thing if isinstance(thing, Spec) else None


def _registry(ours: dict[str, str]) -> Registry[Spec]:
    return Registry("dataset", ours, _as_spec, must_be="a mmlubench.Spec", what="data set")


_ASKED = _registry(NAMES)
_FETCHED = _registry({**NAMES, **SUPPLEMENTS})


def find(name: str, *, supplements: bool = False) -> Spec:
    """Return the `Spec` of a data set, or also of what supplements one.

    Raises UserError for an unknown name, and names the known ones.
    """
    return (_FETCHED if supplements else _ASKED).find(name)
