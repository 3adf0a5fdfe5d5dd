"""Where the recipe is."""

from pathlib import Path

TERSE = Path(__file__).parent / "terse.yaml"
