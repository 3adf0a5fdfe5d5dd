"""A real model behind a real server: llama.cpp's own, out of the xllamacpp wheel, with a GGUF file.

    python serve_gguf.py MODEL.gguf NAME [PORT [KEY]]
    http://127.0.0.1:40123

It listens on this machine only, on a free port unless one is given, tells the address once, and ends when its standard
input does: whoever started it cannot leave it behind.
"""

from __future__ import annotations

import sys

from xllamacpp import CommonParams, Server

SLOTS = 2
TOKENS_PER_SLOT = 2048


def settings(model: str, name: str, port: str = "0", *keys: str) -> CommonParams:
    params = CommonParams()
    params.model.path, params.model_alias = model, {name}
    params.hostnames, params.port = ["127.0.0.1"], int(port)
    params.n_parallel, params.n_ctx = SLOTS, SLOTS * TOKENS_PER_SLOT
    # Two threads that wait for each other by spinning take a hundred times as long where the cores are busy.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.use_jinja = True  # the model's own chat template
    params.ui = False
    params.api_keys = list(keys)
    return params


if __name__ == "__main__":
    server = Server(settings(*sys.argv[1:]))
    print(server.listening_address, flush=True)
    sys.stdin.read()
