"""The least that asking takes: N requests over a pool of workers with aiohttp alone, and the JSON of each reply read.

    python perf/raw_client.py --url http://127.0.0.1:8000/v1 --data DIR [--requests N] [--concurrency 64]

It reads the questions and sends prompts of the same size as a run does; it renders no recipe, retries, grades, logs and
stores nothing. `bench_mmlu.py` divides by what it takes.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pyarrow.parquet as pq


def prompts(data: Path, requests: int) -> list[str]:
    rows = (
        pq.read_table(data / "test.parquet", columns=["question", "choices"]).slice(0, requests).to_pylist()
    )
    return ["\n".join((row["question"], *row["choices"], "Answer with a letter.")) for row in rows]


async def ask_all(url: str, texts: list[str], concurrency: int) -> int:
    """Ask all of them; returns how many replies held a text."""
    waiting = iter(texts)
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector) as session:
        asked = [ask_in_turn(session, f"{url}/chat/completions", waiting) for _ in range(concurrency)]
        return sum(await asyncio.gather(*asked))


async def ask_in_turn(session: aiohttp.ClientSession, url: str, waiting: Iterator[str]) -> int:
    replied = 0
    for text in waiting:
        body = {"model": "fake", "messages": [{"role": "user", "content": text}], "max_tokens": 16}
        async with session.post(url, json=body) as response:
            reply = await response.json()
        replied += bool(reply["choices"][0]["message"]["content"])
    return replied


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--requests", type=int, default=14_042)
    parser.add_argument("--concurrency", type=int, default=64)
    options = parser.parse_args()
    texts = prompts(options.data, options.requests)
    replied = asyncio.run(ask_all(options.url, texts, options.concurrency))
    if replied != options.requests:
        raise SystemExit(f"{options.requests} requests, but {replied} replies")


if __name__ == "__main__":
    main()
