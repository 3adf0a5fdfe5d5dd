"""Files that come with the package: the embedded sample, mock replies, the packaged models.yaml."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def fixture(name: str) -> Path:
    """Return the path of a file under `fixtures/`: inside the installed package, or beside it in a checkout."""
    installed = _HERE / "fixtures" / name
    return installed if installed.exists() else _HERE.parent / "fixtures" / name
