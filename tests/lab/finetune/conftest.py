"""Tiny models with random weights and a split of toy questions that can be learned: the choice with "moon" is right."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra: pip install 'mmlubench[finetune]'")
pytest.importorskip("trl", reason="needs the extra: pip install 'mmlubench[finetune]'")

import torch  # noqa: E402
import transformers  # noqa: E402
from tests.lab.finetune.toys import SIGN, toy_questions, write_config, write_split  # noqa: E402
