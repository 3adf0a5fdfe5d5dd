"""Exports read by the programs that they are for, which `make test-exports` installs in an environment of their own."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("inspect_ai") is None:  # not the environment of `make test-exports`
    collect_ignore_glob = ["*"]
