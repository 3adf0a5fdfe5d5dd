"""`python -m mmlubench`: the command `mmlubench`, where its script is not on the PATH."""

from __future__ import annotations

from mmlubench.cli import main

if __name__ == "__main__":
    main(prog_name="mmlubench")
