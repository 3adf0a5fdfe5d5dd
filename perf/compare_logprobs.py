"""Are letters by log-probability right? Compares a server's, got through mmlubench, with a direct computation.

Three steps, as the second one needs torch and transformers, which mmlubench does not:

    python perf/compare_logprobs.py prompts --data DIR [--recipe hendrycks] [--shots 0] [--limit 200] --out prompts.json
    VENV/bin/python perf/compare_logprobs.py compute prompts.json MODEL_DIR --out reference.json
    python perf/compare_logprobs.py ask prompts.json reference.json --model vllm/NAME@http://localhost:8000/v1 \\
        [--scoring logprob:completions]

MODEL_DIR holds the very weights that the server has, as transformers reads them. A disagreement counts as a near tie
where the direct computation sees less than 0.1 between its letter and the server's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

NEAR = 0.1
IN_FLIGHT = 4
WAYS = ("logprob:completions", "logprob:echo", "logprob:chat")
Json = dict[str, Any]


def prompts(args: argparse.Namespace) -> None:
    """Write the questions and, ready made, what is put to the model."""
    from mmlubench import datasets
    from mmlubench.datasets.select import select
    from mmlubench.prompts import load_recipe, render
    from mmlubench.prompts.render import raw_prompt

    data = datasets.load("mmlu", args.data)
    recipe = load_recipe(args.recipe, None, args.shots)
    items = []
    for question in select(data.questions, limit=args.limit):
        messages = render(recipe, question, data.examples.get(question.subject, ()))
        turns = [{"role": m.role, "content": m.content} for m in messages]
        fields = {"id": question.id, "letters": question.letters, "answer": question.answer}
        items.append({**fields, "prompt": raw_prompt(messages), "messages": turns})
    wanted = {"data": args.data, "recipe": args.recipe, "shots": args.shots, "limit": args.limit}
    args.out.write_text(json.dumps({"wanted": wanted, "items": items}))
    print(
        f"{args.out}: {len(items)} prompts, the longest of {max(len(i['prompt']) for i in items)} characters"
    )


def compute(args: argparse.Namespace) -> None:
    """Write the log-probability of each letter, computed by transformers in float32, for each of the three ways."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    reference = Reference(args.folder)
    items = json.loads(args.prompts.read_text())["items"]
    scores = {}
    for done, item in enumerate(items, start=1):
        scores[item["id"]] = dict(zip(WAYS, reference.scores(item), strict=True))
        if done % 20 == 0:
            print(f"{done} of {len(items)}", flush=True)
    args.out.write_text(json.dumps(scores))


class Reference:
    """A model in this very process: no server, no protocol, and nothing of mmlubench."""

    def __init__(self, folder: Path) -> None:
        transformers, self.torch = import_module("transformers"), import_module("torch")
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=self.torch.float32
        ).eval()
        self.tokens: dict[str, list[int]] = {}
        for number in range(len(self.tokenizer)):
            self.tokens.setdefault(self.tokenizer.decode([number]).strip(), []).append(number)

    def scores(self, item: Json) -> tuple[dict[str, float], ...]:
        """Scores of the letters after the raw prompt, of whole continuations, and at the start of a chat's reply."""
        prompt = self.tokenizer(item["prompt"]).input_ids
        template = self.tokenizer.apply_chat_template
        chat = template(item["messages"], add_generation_prompt=True, tokenize=True, return_dict=False)
        after_prompt, after_chat = self.after(prompt), self.after(chat)
        whole = {
            letter: self.tokenizer(item["prompt"] + " " + letter).input_ids for letter in item["letters"]
        }
        return (
            self.next_token(after_prompt, item["letters"]),
            {letter: self.continued(prompt, after_prompt, ids) for letter, ids in whole.items()},
            self.next_token(after_chat, item["letters"]),
        )

    def next_token(self, last: Any, letters: str) -> dict[str, float]:
        """Log of the summed probabilities of all tokens that are the letter but for white space."""
        return {letter: float(self.torch.logsumexp(last[self.tokens[letter]], 0)) for letter in letters}

    def continued(self, prompt: list[int], after_prompt: Any, ids: list[int]) -> float:
        """Sum of the log-probabilities of the tokens that `ids` have beyond the prompt's."""
        assert ids[: len(prompt)] == prompt, "the letter changes the tokens before it"
        total = float(after_prompt[ids[len(prompt)]])
        return total + sum(float(self.after(ids[:at])[ids[at]]) for at in range(len(prompt) + 1, len(ids)))

    def after(self, ids: list[int]) -> Any:
        """Log-probabilities of every token for the place after these."""
        with self.torch.no_grad():
            logits = self.model(self.torch.tensor([ids]), logits_to_keep=1).logits
        return self.torch.log_softmax(logits[0, -1], -1)


def ask(args: argparse.Namespace) -> None:
    """Ask the server through mmlubench's own solver, and compare."""
    given = json.loads(args.prompts.read_text())
    reference = json.loads(args.reference.read_text())
    started = time.perf_counter()
    answers = asyncio.run(_answers(given, args.model, args.scoring))
    seconds = time.perf_counter() - started
    print(f"{args.model} {args.scoring} {given['wanted']}: {seconds:.0f} s")
    for line in compared(
        given["items"], answers, {name: ways[args.scoring] for name, ways in reference.items()}
    ):
        print(line)


async def _answers(given: Json, name: str, scoring: str) -> list[Any]:
    from mmlubench import datasets, models
    from mmlubench.datasets.select import select
    from mmlubench.prompts import load_recipe
    from mmlubench.schema import Params, Question, Scoring
    from mmlubench.solvers.logprob import Logprob

    wanted = given["wanted"]
    data = datasets.load("mmlu", wanted["data"])
    spec = models.resolve(name, models_file=None, adapter=None, no_fallback=True, env=os.environ)
    model = models.open_model(spec, pool=IN_FLIGHT, env=os.environ)
    recipe = load_recipe(wanted["recipe"], None, wanted["shots"])
    way, top = Scoring(scoring), spec.features.top_logprobs
    solver = Logprob(model, recipe, Params(), data.examples, scoring=way, top=top)
    room = asyncio.Semaphore(IN_FLIGHT)

    async def one(question: Question) -> Any:
        async with room:
            return await solver(question)

    try:
        return await asyncio.gather(*map(one, select(data.questions, limit=wanted["limit"])))
    finally:
        await model.aclose()


def compared(
    items: Sequence[Json], answers: Sequence[Any], reference: dict[str, dict[str, float]]
) -> list[str]:
    """Lines that tell how often both chose the same letter, and by how much where they did not."""
    gaps, missing, right, far = [], 0, 0, 0.0
    for item, answer in zip(items, answers, strict=True):
        own = reference[item["id"]]
        best = max(own, key=lambda letter: own[letter])
        right += answer.letter == item["answer"]
        missing += "not among" in answer.explanation or answer.letter is None
        if answer.letter != best:
            gaps.append((own[best] - own.get(answer.letter, -100.0), item["id"], best, answer.letter))
        total = sum(map(_exp, own.values()))
        known = answer.probabilities or {}
        far = max([far, *(abs(known[letter] - _exp(own[letter]) / total) for letter in known)])
    near = [gap for gap in gaps if gap[0] < NEAR]
    return [
        f"same letter {len(items) - len(gaps)} of {len(items)}; near ties (< {NEAR:g}) {len(near)}; "
        f"other disagreements {len(gaps) - len(near)}; with a letter missing {missing}; right {right}; "
        f"probabilities differ by {far:.3f} at most",
        *(
            f"  {name}: {best} here, {other} there, {gap:.3f} apart"
            for gap, name, best, other in sorted(gaps)
        ),
    ]


def _exp(value: float) -> float:
    return float(2.718281828459045**value)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(required=True)

    def step(run: Callable[[argparse.Namespace], None], *files: str) -> argparse.ArgumentParser:
        own = steps.add_parser(run.__name__, help=run.__doc__)
        own.set_defaults(run=run)
        for name in files:
            own.add_argument(name, type=Path)
        return own

    first = step(prompts)
    first.add_argument("--data", required=True)
    first.add_argument("--recipe", default="hendrycks")
    first.add_argument("--shots", type=int, default=0)
    first.add_argument("--limit", type=int, default=200)
    first.add_argument("--out", type=Path, required=True)
    step(compute, "prompts", "folder").add_argument("--out", type=Path, required=True)
    last = step(ask, "prompts", "reference")
    last.add_argument("--model", required=True)
    last.add_argument("--scoring", choices=WAYS, default=WAYS[0])
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
