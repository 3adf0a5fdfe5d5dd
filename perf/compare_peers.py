"""Are prompts, letters and readings those of lm-eval and inspect_evals? Compares them question by question.

First a run of ours, with every reply in its folder (vLLM without --enable-lora, whose echo is safe):

    pytest benchmarks -k mmlu --data DIR --model vllm/NAME@http://localhost:8000/v1 --limit 100 --no-store \\
        --recipe lm_eval --scoring logprob:echo [--shots 0]      # or --recipe hendrycks
    pytest benchmarks -k mmlu --data DIR --model vllm/NAME@http://localhost:8000/v1 --limit 100 --no-store \\
        --recipe inspect_zero_shot --extraction inspect          # or --recipe inspect_five_shot

Then the peer, in an environment of its own, which this script does not make:

    python -m venv LM; LM/bin/pip install 'lm-eval[api]==0.4.13' transformers     # not [hf]: it brings CUDA
    python perf/compare_peers.py lm_eval RUN_FOLDER --data DIR --peer LM/bin/python --tokenizer MODEL_FOLDER

    python -m venv IN; IN/bin/pip install inspect_ai==0.3.285 inspect_evals==0.26.0 openai
    python perf/compare_peers.py inspect RUN_FOLDER --data DIR --peer IN/bin/python

lm-eval asks the run's server the same questions with its own tasks. Inspect asks nothing: its functions make the
prompts and read the run's replies, and those of tests/grading/golden_*.jsonl. DIR holds mmlu/test.parquet and
mmlu/dev.parquet. With --stock, `hendrycks` is compared with lm-eval's own description, which has one blank less.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from peers import against_inspect, against_lm_eval, ours


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    peers = parser.add_subparsers(dest="name", required=True)
    for name in ("lm_eval", "inspect"):
        peer = peers.add_parser(name)
        peer.add_argument("run", type=Path)
        peer.add_argument("--data", type=Path, required=True)
        peer.add_argument("--peer", required=True, help="the python of the peer's environment")
        peer.add_argument("--first", type=int, help="compare only the first N questions of the run")
        if name == "lm_eval":
            peer.add_argument("--tokenizer", required=True, help="the folder of the model's tokenizer")
            peer.add_argument("--stock", action="store_true", help="change nothing in lm-eval's description")
            peer.add_argument("--max-length", type=int, default=4096)
            peer.add_argument("--at-once", type=int, default=4)
    args = parser.parse_args()
    run = ours.read(args.run, args.data)
    run = run._replace(asked=run.asked[: args.first])
    print(f"{run.recipe}, {run.shots} shots, {run.model} at {run.url}")
    if args.name == "lm_eval":
        pairs = against_lm_eval.ask(
            run,
            args.peer,
            args.tokenizer,
            stock=args.stock,
            max_length=args.max_length,
            at_once=args.at_once,
        )
        print(*against_lm_eval.table(pairs), sep="\n")
    else:
        print(*against_inspect.table(run, args.peer), sep="\n")


if __name__ == "__main__":
    main()
