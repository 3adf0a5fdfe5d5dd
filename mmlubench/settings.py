"""The settings of a run: each option is declared once, and the command line and its help are made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmlubench.errors import UserError
from mmlubench.options import number, options_of, share, switch, text, texts, whole
from mmlubench.tasks import task_of

#: The file, in the folder of `--run-dir`, that keeps the replies of all runs.
STORE_NAME = "store.sqlite"
#: The formats of `--export` and of `mmlubench export`.
EXPORTS = ("inspect", "lm-eval", "every-eval-ever", "hub", "ctrf", "github", "wandb", "parquet", "csv")


def _scorings() -> Sequence[str]:
    from mmlubench.schema import Scoring  # late: it would cost every pytest run 7 ms

    return tuple(str(scoring) for scoring in Scoring)


@dataclass(frozen=True)
class Settings:
    """The validated values of all options. A field has the name of its option, and its metadata describe the option."""

    # which model answers
    model: tuple[str, ...] = texts(
        "model to ask: a name in models.yaml, or PROVIDER/MODEL-ID, with @URL behind it for another server"
    )
    adapter: tuple[str, ...] = texts(
        "LoRA adapter to ask for, by the name it has on the server, or a folder for a model in process; base is the "
        "model without any"
    )
    with_base: bool = switch("ask the model without its adapter as well, to compare the two")
    adapter_path: str | None = text(
        "folder of the --adapter as its server sees it: it is loaded there if it is not yet, and checked if it can be "
        "read here",
        "DIR",
        default_text="adapter_path of the entry",
    )
    models_file: str | None = text(
        "the models.yaml to use",
        "PATH",
        default_text="./models.yaml, else ./config/models.yaml, else the packaged one",
    )
    list_models: bool = switch("print the models that --model can name, and exit")
    no_fallback: bool = switch(
        "refuse to run when an API key is missing, even if models.yaml names a mock model as fallback"
    )
    # which questions are asked
    data: str | None = text(
        "source of the data set: hub (Hugging Face), sample (a few embedded questions), or the path of a "
        "folder, a .tar file or a single file (parquet, CSV, TSV, JSON, JSON lines)",
        "PATH",
        default_text="hub; sample for a mock model",
    )
    allow_partial_data: bool = switch("accept a local data set that lacks subjects or rows of the full one")
    split: str | None = text(
        "side to ask of the split that --data names, a folder of `mmlubench lab split`: train, validation or test",
        "SIDE",
        default_text="test, the side held out",
        choices=lambda: ("train", "validation", "test"),
    )
    subject: tuple[str, ...] = texts("ask only questions of this subject, such as anatomy")
    category: tuple[str, ...] = texts("ask only questions of this category, such as stem, humanities or math")
    language: tuple[str, ...] = texts(
        "ask only in this language of mmmlu, such as DE_DE", default_text="all languages"
    )
    redux: str | None = text(
        "ask only questions of mmlu that MMLU-Redux reviewed: ok are those it found free of errors; corrected "
        "are these and those whose answer key it corrected, with the corrected key",
        "ok|corrected",
        choices=lambda: ("ok", "corrected"),
    )
    dedup: bool = switch("leave out questions that repeat an earlier question")
    max_question_tokens: int | None = whole(
        "leave out questions of N tokens or more, choices included; needs --tokenizer", least=1
    )
    tokenizer: str | None = text(
        "tokenizer for --max-question-tokens: a tokenizer.json, the folder that holds it, or a repository of "
        "the Hugging Face hub"
    )
    limit: int | None = whole(
        "ask only N questions, drawn evenly from all subjects; every model is asked the same ones",
        least=1,
        default_text="all",
    )
    num_shards: int | None = whole(
        "cut the selected questions into N shards for N machines or jobs, and ask those of one; `mmlubench merge` puts "
        "the run together. --max-cost, rpm and tpm are of all shards, --concurrency is of each",
        least=1,
        default_text="no shards",
    )
    shard_id: int | None = whole("which of --num-shards is asked, from 0", least=0)
    shard: str | None = text(
        "auto: take --shard-id, and --num-shards where it is told, from the variables of SLURM, Kubernetes, GitLab, "
        "CircleCI, Buildkite, AWS Batch, Cloud Run, torchrun or MPI",
        "auto",
        default_text="no shards",
        choices=lambda: ("auto",),
    )
    seed: int = whole("random seed of --limit, --shuffle-choices, --until and --decide-early", default=0)
    experiment: str | None = text(
        "YAML file of the experiment whose dialogues are asked", "FILE", default_text="the packaged example"
    )
    # how a question is asked
    recipe: str | None = text(
        "how a question is put, by a recipe of ours or that of a published protocol",
        default_text="zero_shot",
        part="recipe",
    )
    tasks: tuple[str, ...] = texts(
        "task of inspect_evals, such as inspect_evals/mmlu_5_shot or mmlu_5_shot: its questions, recipe and extraction",
        default_text="none",
    )
    shots: int | None = whole(
        "few-shot: number of worked examples before the question", least=0, default_text="the recipe's"
    )
    prompt: str | None = text(
        "prompt of your own in place of a recipe: a YAML file with name, description and template", "FILE"
    )
    system: str | None = text("system prompt", "TEXT", default_text="the recipe's")
    scoring: str | None = text(
        "how the letter is found: text reads it from the reply; logprob takes the letter of the highest "
        "log-probability, in whichever of three ways the server can do: logprob:completions, logprob:echo, "
        "logprob:chat",
        default_text="the recipe's, for most of them text",
        choices=_scorings,
    )
    constrained: bool = switch("constrained decoding: the server can generate only a letter of the question")
    solver: str = text("how a question is solved", default="single", part="solver")
    agents: int = whole("number of agents in debate and self_consistency", default=3, least=1)
    rounds: int = whole("number of rounds of a solver with several agents", default=2, least=1)
    agent_model: tuple[str, ...] = texts(
        "model of an agent, given to the agents in turn", default_text="the model under test"
    )
    initial_prompt: str | None = text(
        "prompt of your own for the first round of the agents: a YAML file as for --prompt", "FILE"
    )
    collaborative_prompt: str | None = text(
        "prompt of your own for the later rounds of the agents: a YAML file as for --prompt", "FILE"
    )
    epochs: int = whole("ask every question N times", default=1, least=1)
    epochs_reducer: str = text(
        "how the epochs of a question become one score: mean, majority, or pass@k such as pass@2",
        default="mean",
    )
    shuffle_choices: bool = switch(
        "shuffle the choices of every question, and its answer key with them; of several epochs the first "
        "keeps the order of the data set"
    )
    extraction: str | None = text(
        "rules that read the letter from a reply; those called default never guess",
        default_text="the recipe's",
        part="extraction",
    )
    temperature: float | None = number(
        "sampling temperature", least=0, default_text="that of the model or the recipe, else 0.0; agents 0.7"
    )
    max_tokens: int | None = whole(
        "most tokens a reply may have",
        least=1,
        default_text="that of the model or the recipe, 16384 for a reasoning model unless a protocol says less",
    )
    request_timeout: float = number("seconds that one request may take in all", "S", default=600.0, above=0)
    give_up_after: float | None = number(
        "seconds that a server may refuse or fail every request before the run ends; cases already answered are kept",
        "S",
        above=0,
        default_text="300, but 8 for a server that was never reached",
    )
    wait_for_server: float | None = number(
        "seconds to wait for a server that is not up, or loads its model: at the start, and in the middle of a run",
        "S",
        above=0,
        default_text="none at the start; --give-up-after once it has answered",
    )
    no_preflight: bool = switch(
        "do not look before the first question whether servers, keys, models and adapters are there; a look costs "
        "nothing, and the store still looks for weights that have changed"
    )
    concurrency: int = whole("number of requests in flight at the same time", default=64, least=1)
    # what a run may cost
    estimate: bool = switch("print requests, tokens, price and time of the selected questions; ask nothing")
    max_cost: float | None = number(
        "stop before more than this many US dollars are spent; replies already paid for are kept",
        "USD",
        above=0,
    )
    # which replies are used again
    store: str | None = text(
        "SQLite file that keeps every reply, so that no request is paid for twice",
        "PATH",
        default_text=f"{STORE_NAME} in the folder of --run-dir",
    )
    no_store: bool = switch("neither use the replies of earlier runs nor keep those of this run")
    refresh: bool = switch("send requests again whose replies the store has, and keep the new replies")
    refresh_since: float | None = number(
        "the same as --refresh, but use replies stored at or after T, Unix time in seconds; this is how "
        "`mmlubench resume` goes on with a run that was started with --refresh",
        "T",
        least=0,
    )
    accept_mixed: bool = switch(
        "count replies of the store and of a server of your own together although they name another model or "
        "system_fingerprint"
    )
    accept_contaminated: bool = switch(
        "report the accuracy of a model that was trained on some of the questions, as its folder tells"
    )
    # what batch APIs answer
    batch: bool = switch(
        "ask through the provider's batch API, at about half the price: send, wait, collect, and run with what came"
    )
    batch_rest: str = text(
        "what becomes of requests that no batch has answered: error, or ask them one by one at the usual price",
        "error|ask",
        default="error",
        choices=lambda: ("error", "ask"),
    )
    batch_timeout: float = number(
        "seconds to wait for batches; the same command goes on with those under way",
        "S",
        default=90_000.0,
        above=0,
    )
    batch_submit: str | None = text(
        "with --batch: send and end, in place of waiting (api), or write the requests into this file for vLLM's "
        "run_batch; `mmlubench batch` uses it",
        "api|FILE",
        default_text="none",
    )
    batch_requests: str | None = text(
        "ask nothing, and write the requests that the store cannot answer into this folder; this is how --batch finds "
        "out what to send",
        "DIR",
        default_text="none",
    )
    # which machines ask
    cluster: str | None = text(
        "cut the run into shards, ask them on a cluster, and merge them: ray",
        "ray|none",
        default_text="none",
        choices=lambda: ("ray", "none"),
    )
    cluster_address: str = text(
        "where the cluster is: auto, HOST:PORT or ray://HOST:PORT", "ADDRESS", default="auto"
    )
    shards: int | None = whole("number of shards on a cluster", least=1, default_text="one a CPU, at most 16")
    # where results go, and when they count
    desc: str | None = text(
        "label of this run, in your own words, for its manifest, the end of its output and `mmlubench runs`",
        "TEXT",
        default_text="none",
    )
    run_dir: str = text("folder in which every run makes its own folder", "DIR", default="reports")
    log_compression: str | None = text(
        "compress requests.jsonl and responses.jsonl, which then end in .jsonl.zst: zstd",
        default_text="none",
        choices=lambda: ("zstd",),
    )
    report_page: str | None = text(
        "prompts and replies on the page report.html of the run: all; wrong, those of cases that are not right; "
        "figures, none of them; none writes no page",
        "all|wrong|figures|none",
        default_text="all, of more than 50,000 cases wrong",
        choices=lambda: ("all", "wrong", "figures", "none"),
    )
    export: tuple[str, ...] = texts(
        "write the run in a format of other tools, too, into exports/ in its folder: " + ", ".join(EXPORTS),
        "FORMAT",
        default_text="none",
        choices=lambda: EXPORTS,
    )
    max_error_rate: float = share(
        "report no accuracy if a larger share of the cases than X ends in errors", default=0.01
    )
    max_unparsed_rate: float = share(
        "report no accuracy if a larger share of the replies than X has no letter", default=0.02
    )
    min_letter_mass: float = share(
        "report no accuracy scored by log-probability if the letters hold less of the probability than X on average",
        default=0.1,
    )
    min_accuracy: float | None = share("exit with status 1 if the accuracy is below X (0 to 1), else with 0")
    gate_confidence: float | None = share(
        "with --min-accuracy: pass only if the accuracy is above it with this confidence, such as 0.95; fail or "
        "stay undecided, which is status 1 too, otherwise"
    )
    decide_early: bool = switch(
        "with --min-accuracy: ask the questions in random order, and stop as soon as it is certain, with the "
        "confidence of --gate-confidence or else 0.95, on which side of the gate the accuracy in all of them lies"
    )
    until: float | None = share(
        "ask the questions in random order, and stop when the 95-percent interval of the accuracy in all of them is "
        "at most X wide to each side, such as 0.01"
    )
    baseline: str | None = text(
        "compare this run at its end, question by question, with an earlier one: latest, or a run folder or id, with "
        ":MODEL behind it for one of several models; published shows published scores",
        "RUN",
        default_text="none",
    )
    max_regression: float | None = share(
        "exit with status 0 if it is ruled out (paired, with confidence 0.95) that the accuracy is worse than that of "
        "--baseline by more than X, else with 1"
    )

    @classmethod
    def read(cls, namespace: object) -> Settings:
        """Read the settings from a parsed command line. Raises UserError for a value that is not allowed."""
        settings = cls(**{o.name: o.read(getattr(namespace, o.destination)) for o in OPTIONS})
        if (settings.max_question_tokens is None) != (settings.tokenizer is None):
            raise UserError(
                "--max-question-tokens N and --tokenizer NAME go together: give both, or neither of them."
            )
        settings.check_gates()
        settings._check_batch()
        return settings._with_task()

    def _with_task(self) -> Settings:
        """Return the settings with recipe and extraction of --tasks. Raises UserError for what contradicts it."""
        task = task_of(self.tasks)
        if task is None:
            return self
        if self.prompt or self.recipe not in (None, task.recipe):
            raise UserError(
                f"--tasks {self.tasks[0]} has the recipe {task.recipe}: leave out --recipe and --prompt, or --tasks."
            )
        return replace(self, recipe=task.recipe, extraction=self.extraction or task.extraction)

    def check_gates(self) -> None:
        """Raise UserError for gates that lack what they compare with."""
        confidence = self.gate_confidence
        if confidence is not None and self.min_accuracy is None:
            raise UserError("--gate-confidence goes with --min-accuracy X: give both, or leave it out.")
        if confidence is not None and not 0.5 <= confidence < 1:
            raise UserError(
                f"--gate-confidence {confidence:g}: give a share from 0.5 to below 1, such as 0.95."
            )
        self._check_stops()
        if self.max_regression is None:
            return
        if self.baseline in (None, "published"):
            raise UserError(
                "--max-regression compares question by question: give --baseline latest or --baseline RUN with it."
            )
        if not 0 < self.max_regression < 1:
            raise UserError(
                f"--max-regression {self.max_regression:g}: give a share between 0 and 1, such as 0.01; that "
                "nothing at all was lost cannot be shown."
            )

    @property
    def writes_batch_file(self) -> bool:
        """Whether requests are written into a file, in place of being sent."""
        return self.batch_submit not in (None, "api")

    def _check_batch(self) -> None:
        """Raise UserError for options that cannot be heeded where batches answer."""
        if not (self.batch or self.batch_requests):
            return
        if self.no_store:
            raise UserError("--batch fills the store, and --no-store has none: leave one of them out.")
        if self.until is not None or self.decide_early:
            raise UserError("--batch asks all questions at once: --until and --decide-early stop nothing.")

    def _check_stops(self) -> None:
        """Raise UserError for options that say when enough was asked, and cannot be heeded."""
        if self.until is not None and not 0 < self.until < 0.5:
            raise UserError(f"--until {self.until:g}: give half a width between 0 and 0.5, such as 0.01.")
        if not self.decide_early:
            return
        if self.min_accuracy is None:
            raise UserError("--decide-early decides the gate of --min-accuracy X: give both, or none.")
        if self.until is not None:
            raise UserError("--decide-early and --until both say when enough was asked: give one of them.")
        if self.epochs > 1:
            raise UserError(
                f"--decide-early counts right and wrong answers, and --epochs {self.epochs} makes scores of them: "
                "leave one of them out, or give --until X."
            )

    @property
    def is_carried(self) -> bool:
        """Whether a cluster asks, and not this process."""
        return self.cluster not in (None, "none")

    @property
    def store_path(self) -> Path:
        """The file that stores the replies of all runs, unless `no_store`."""
        return Path(self.store) if self.store else Path(self.run_dir) / STORE_NAME


OPTIONS = options_of(Settings)
