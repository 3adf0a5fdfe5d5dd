"""Every option, declared once: the command line is made from this table, all else sees a frozen `Settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import inf
from types import MappingProxyType
from typing import Any, NamedTuple

from mmlubench.errors import UserError

#: The values of `schema.Scoring`, which is not imported here: every pytest run would pay for it.
SCORINGS = ("text", "logprob", "logprob:completions", "logprob:echo", "logprob:chat")


class Option(NamedTuple):
    """One command-line option; `extra` goes to argparse as it is."""

    flag: str
    help: str
    extra: Mapping[str, Any] = MappingProxyType({})

    @property
    def name(self) -> str:
        """The field of `Settings` it fills."""
        return self.flag.lstrip("-").replace("-", "_")


_TEXT: dict[str, Any] = {"metavar": "NAME"}
_MANY: dict[str, Any] = {"action": "append", "default": [], "metavar": "NAME"}
_COUNT: dict[str, Any] = {"type": int, "metavar": "N"}
_NUMBER: dict[str, Any] = {"type": float, "metavar": "X"}
_PATH: dict[str, Any] = {"metavar": "PATH"}
_SWITCH: dict[str, Any] = {"action": "store_true", "default": False}

OPTIONS = (
    # who answers
    Option("--model", "model to ask: a name of models.yaml or provider/model-id[@URL]; repeatable", _MANY),
    Option("--adapter", "LoRA adapter to ask for, as the server names it", _TEXT),
    Option(
        "--models-file", "models.yaml to use (default: ./models.yaml, ./config/models.yaml, packaged)", _PATH
    ),
    Option("--list-models", "print the models that can be named, and exit", _SWITCH),
    Option(
        "--no-fallback", "a missing API key is an error even where a model names a mock fallback", _SWITCH
    ),
    # what is asked
    Option(
        "--data",
        "hub, sample, or a folder or .tar with the data set (default: hub; sample for a mock)",
        _PATH,
    ),
    Option(
        "--allow-partial-data", "accept local data that lacks subjects or rows of the full data set", _SWITCH
    ),
    Option("--subject", "ask only this subject; repeatable", _MANY),
    Option("--category", "ask only this category, such as stem, humanities or math; repeatable", _MANY),
    Option("--language", "ask only this language of mmmlu, such as DE_DE; repeatable (default: all)", _MANY),
    Option(
        "--redux",
        "ok: of mmlu only what MMLU-Redux found right; corrected: and what it corrected, with the right key",
        {"choices": ("ok", "corrected")},
    ),
    Option("--dedup", "leave out questions that repeat an earlier one", _SWITCH),
    Option("--max-question-tokens", "leave out questions of N tokens or more, choices included", _COUNT),
    Option("--tokenizer", "what counts them: a tokenizer.json, its folder, or a name on the hub", _TEXT),
    Option("--limit", "ask N questions, drawn evenly from all subjects, the same for every model", _COUNT),
    Option("--seed", "seed of the draw (default: 0)", {**_COUNT, "default": 0}),
    Option(
        "--experiment",
        "YAML of the experiment whose dialogues are asked (default: the packaged example)",
        {"metavar": "FILE"},
    ),
    # how it is asked
    Option(
        "--recipe",
        "zero_shot (default), five_shot, cot; or a published one: hendrycks, lm_eval, llama3, simple_evals, "
        "inspect_zero_shot, inspect_five_shot, mmlu_pro, mmlu_pro_zero_shot",
        _TEXT,
    ),
    Option("--shots", "number of worked examples before the question", _COUNT),
    Option("--prompt", "your own prompt: a YAML file with name, description, template", {"metavar": "FILE"}),
    Option("--system", "system prompt", {"metavar": "TEXT"}),
    Option(
        "--scoring",
        "text (default), or logprob: the likeliest letter, by completions, echo or chat, as in logprob:chat",
        {"choices": SCORINGS},
    ),
    Option("--constrained", "let the server allow no reply but a letter of the question", _SWITCH),
    Option(
        "--solver",
        "single, self_consistency, debate, debate_judge, critic, or one of a plugin's (default: single)",
        {**_TEXT, "default": "single"},
    ),
    Option("--agents", "how many agents debate (default: 3)", {**_COUNT, "default": 3}),
    Option("--rounds", "how often each of them speaks (default: 2)", {**_COUNT, "default": 2}),
    Option("--agent-model", "model of an agent, in turn (default: the model under test); repeatable", _MANY),
    Option(
        "--initial-prompt", "your own first prompt for agents: a YAML as for --prompt", {"metavar": "FILE"}
    ),
    Option("--collaborative-prompt", "your own prompt for all further rounds", {"metavar": "FILE"}),
    Option("--epochs", "ask every question N times (default: 1)", {**_COUNT, "default": 1}),
    Option(
        "--epochs-reducer",
        "what the epochs of a question are worth together: mean, majority, pass@k (default: mean)",
        {**_TEXT, "default": "mean"},
    ),
    Option(
        "--shuffle-choices",
        "put the choices in another order, the key with them; of several epochs the first keeps its order",
        _SWITCH,
    ),
    Option(
        "--extraction",
        "how letters are read: default (never guesses), or a protocol's own: tiger, simple_evals, inspect",
        _TEXT,
    ),
    Option("--temperature", "sampling temperature (default: 0.0)", _NUMBER),
    Option("--max-tokens", "most tokens a reply may have (default: the recipe's)", _COUNT),
    Option(
        "--request-timeout", "seconds one request may take in all (default: 600)", {**_NUMBER, "metavar": "S"}
    ),
    Option("--concurrency", "requests in flight (default: 64)", {**_COUNT, "default": 64}),
    # what it may cost
    Option(
        "--estimate", "print requests, tokens, price and time of what is selected, and ask nothing", _SWITCH
    ),
    Option(
        "--max-cost",
        "stop asking before more than USD is spent; what was bought is kept",
        {**_NUMBER, "metavar": "USD"},
    ),
    # what is asked again
    Option("--store", "file that keeps every answer (default: store.sqlite in the run dir)", _PATH),
    Option("--no-store", "neither use nor keep answers of other runs", _SWITCH),
    Option("--refresh", "ask anew what the store has, and keep the new answers", _SWITCH),
    Option(
        "--refresh-since",
        "the same, but what was stored since then counts (Unix seconds); `mmlubench resume` says it",
        {**_NUMBER, "metavar": "T"},
    ),
    # what becomes of it
    Option(
        "--run-dir",
        "folder under which run folders are written (default: reports)",
        {"metavar": "DIR", "default": "reports"},
    ),
    Option(
        "--max-error-rate",
        "share of errors above which there is no headline number (default: 0.01)",
        {**_NUMBER, "default": 0.01},
    ),
    Option(
        "--max-unparsed-rate",
        "share of replies without a letter above which there is no headline number (default: 0.02)",
        {**_NUMBER, "default": 0.02},
    ),
    Option("--min-accuracy", "exit with 1 if accuracy is below X (0 to 1), with 0 otherwise", _NUMBER),
)

#: The least value of whole numbers and temperatures.
_AT_LEAST = {
    **dict.fromkeys(("limit", "max_question_tokens", "max_tokens", "concurrency"), 1),
    **dict.fromkeys(("agents", "rounds", "epochs"), 1),
    **dict.fromkeys(("shots", "temperature", "refresh_since"), 0),
}


@dataclass(frozen=True)
class Settings:
    """What the user asked for, checked. Fields carry the names of the options."""

    model: tuple[str, ...] = ()
    adapter: str | None = None
    models_file: str | None = None
    list_models: bool = False
    no_fallback: bool = False
    data: str | None = None
    allow_partial_data: bool = False
    subject: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    redux: str | None = None
    dedup: bool = False
    max_question_tokens: int | None = None
    tokenizer: str | None = None
    limit: int | None = None
    seed: int = 0
    experiment: str | None = None
    recipe: str | None = None
    shots: int | None = None
    prompt: str | None = None
    system: str | None = None
    scoring: str | None = None
    constrained: bool = False
    solver: str = "single"
    agents: int = 3
    rounds: int = 2
    agent_model: tuple[str, ...] = ()
    initial_prompt: str | None = None
    collaborative_prompt: str | None = None
    epochs: int = 1
    epochs_reducer: str = "mean"
    shuffle_choices: bool = False
    extraction: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    request_timeout: float | None = None
    concurrency: int = 64
    estimate: bool = False
    max_cost: float | None = None
    store: str | None = None
    no_store: bool = False
    refresh: bool = False
    refresh_since: float | None = None
    run_dir: str = "reports"
    max_error_rate: float = 0.01
    max_unparsed_rate: float = 0.02
    min_accuracy: float | None = None

    @classmethod
    def read(cls, namespace: object) -> Settings:
        """From parsed options (argparse's names). Raises UserError for a value that makes no sense."""
        values = {f.name: getattr(namespace, f.name) for f in fields(cls)}
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        settings = cls(**{**values, **lists})
        settings._check()
        return settings

    def _check(self) -> None:
        for name, least in _AT_LEAST.items():
            value = getattr(self, name)
            if value is not None and not least <= value < inf:  # written so that nan fails too
                raise UserError(
                    f"{_flag(name)} {value}: it must be at least {least}; leave it out for the default."
                )
        for name in ("request_timeout", "max_cost"):
            value = getattr(self, name)
            if value is not None and not 0 < value < inf:
                raise UserError(
                    f"{_flag(name)} {value}: it must be more than 0; leave it out for the default."
                )
        if (self.max_question_tokens is None) != (self.tokenizer is None):
            raise UserError(
                "--max-question-tokens N and --tokenizer NAME go together: give both, or neither of them."
            )
        for name in ("min_accuracy", "max_error_rate", "max_unparsed_rate"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise UserError(f"{_flag(name)} {value}: give a share from 0 to 1, such as 0.65.")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
