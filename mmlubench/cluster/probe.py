"""Whether each machine of a cluster can do the work: the same mmlubench and Python, and the project's folder or not."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmlubench import __version__
from mmlubench.cluster.connecting import Connection, Node
from mmlubench.cluster.project import mark_of
from mmlubench.errors import UserError

#: Seconds in which a machine has to answer: Ray starts a worker for the first task there, which loads Python and Ray.
_ANSWERS_IN_S = 90.0


def probe(connection: Connection, nodes: Sequence[Node], project: Path) -> bool:
    """Return whether all machines have the project's own folder. Raises UserError for one that cannot do the work."""
    ray, here = connection.ray, mark_of(project)
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    look = ray.remote(num_cpus=0, max_retries=0)(_look())
    asked = {
        node: look.options(scheduling_strategy=strategy(node.id, soft=False)).remote(str(project))
        for node in nodes
    }
    _, late = ray.wait([*asked.values()], num_returns=len(asked), timeout=_ANSWERS_IN_S)
    names = [node.name for node, ref in asked.items() if ref in late]
    if names:
        raise UserError(
            f"--cluster ray: {', '.join(names)} did not answer within {_ANSWERS_IN_S:.0f} s; look at `ray status`, and "
            "take that machine out of the cluster."
        )
    found = {node: _answer(ray, node, ref) for node, ref in asked.items()}
    for node, facts in found.items():
        _check(node, facts)
    return all(facts["mark"] == here and here is not None for facts in found.values())


def _answer(ray: Any, node: Node, ref: Any) -> Mapping[str, Any]:
    try:
        return ray.get(ref)  # type: ignore[no-any-return]  # Ray is untyped here
    except ray.exceptions.RayError as error:
        said = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
        raise UserError(
            f"--cluster ray: the machine {node.name} cannot do the work ({type(error).__name__}: {said.strip()[:200]})."
        ) from None


def _check(node: Node, facts: Mapping[str, Any]) -> None:
    here = {"mmlubench": __version__, "Python": platform.python_version()}
    if facts["mmlubench"] is None:
        raise UserError(
            f"--cluster ray: Python on the machine {node.name} ({facts['executable']}) cannot import mmlubench "
            f"({facts['problem']}): run `pip install 'mmlubench[ray]=={__version__}'` there, with the Python that "
            "starts Ray."
        )
    differs = [
        f"{name} {facts[name]} and here {ours}"
        for name, ours in here.items()
        if _part(name, facts[name]) != _part(name, ours)
    ]
    if differs:
        raise UserError(
            f"--cluster ray: the machine {node.name} has {', '.join(differs)}: install the same version there."
        )


def _part(name: str, version: str) -> list[str]:
    """Return what has to be the same of a version: of Python's, the first two numbers."""
    return version.split(".")[:2] if name == "Python" else [version]


def _look() -> Callable[[str], dict[str, Any]]:
    """Return what is executed on a machine: a function within a function travels as code, and needs no mmlubench."""

    def look(project: str) -> dict[str, Any]:
        # On the other machine: nothing of this module is there.
        import platform
        import sys

        facts = {"Python": platform.python_version(), "executable": sys.executable, "mark": None}
        try:
            # as above, and it may be missing
            import mmlubench
            from mmlubench.cluster.project import mark_of
        except Exception as problem:
            return {**facts, "mmlubench": None, "problem": f"{type(problem).__name__}: {problem}"}
        # as above
        from pathlib import Path

        return {**facts, "mmlubench": mmlubench.__version__, "mark": mark_of(Path(project))}

    return look
