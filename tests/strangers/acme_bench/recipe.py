"""The path of the packaged recipe."""

from pathlib import Path

TERSE = Path(__file__).parent / "terse.yaml"
