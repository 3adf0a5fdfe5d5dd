"""The environment variables that go along with a job, as an argument: Ray shows those of a runtime_env."""

from __future__ import annotations

from collections.abc import Mapping

#: Variables that belong to one computer, one login or one terminal; a machine with the same project folder gets them
#: too, unless they are in `_NEVER`.
_OF_A_MACHINE = frozenset(
    [
        *(
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "SHELL",
            "MAIL",
            "TMPDIR",
            "TMP",
            "TEMP",
            "HOSTNAME",
            "HOSTTYPE",
        ),
        *("VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD", "MANPATH", "EDITOR", "PAGER", "LS_COLORS"),
    ]
)
_BEGIN_OF_A_MACHINE = (
    "PYTHON",
    "CONDA",
    "XDG_",
    "CUDA_",
    "NVIDIA_VISIBLE",
    "ROCR_",
    "HIP_",
    "OMP_",
    "SLURM_",
)
#: Variables that are wrong in any other process.
_NEVER = frozenset(
    ["PWD", "OLDPWD", "SHLVL", "_", "PYTEST_CURRENT_TEST", "PYTEST_VERSION", "DISPLAY", "COLUMNS"]
)
_BEGIN_NEVER = ("RAY_", "PYTEST_XDIST", "SSH_", "BASH_FUNC_", "XDG_SESSION", "DBUS_", "TERM")


def divided(env: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables that go along everywhere, and those that do so to machines with the same project folder."""
    going = {
        name: value
        for name, value in env.items()
        if name not in _NEVER and not name.startswith(_BEGIN_NEVER) and "\0" not in value
    }
    bound = {
        name: value
        for name, value in going.items()
        if name in _OF_A_MACHINE or name.startswith(_BEGIN_OF_A_MACHINE)
    }
    return {name: value for name, value in going.items() if name not in bound}, bound
