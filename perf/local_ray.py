"""A Ray cluster on this machine: a head and more nodes, each of them processes of our own that are always stopped.

with LocalRay(nodes=2, cpus=2) as ray:
    … ray.address, ray.env …
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

#: Bytes of the shared memory of a node; what does not fit goes to the disk.
OBJECT_STORE = 80_000_000
READY_IN_S, ENDS_IN_S = 90.0, 5.0


class LocalRay:
    """A cluster whose token nobody else has. `nodes` counts the head; the temporary folders of all are apart."""

    def __init__(self, *, nodes: int = 2, cpus: float = 2, env: Mapping[str, str] | None = None) -> None:
        # Short, as the paths of sockets may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="mray-", dir="/tmp"))
        self.port, self.client_port = _free_port(), _free_port()
        self.env = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        """What head, nodes and drivers must have in common."""
        self._env = {**os.environ, **self.env, **(env or {})}
        self._cpus = cpus
        self.nodes: list[subprocess.Popen[bytes]] = []
        """`ray start --block` of each node, the head first; each leads a process group."""
        try:
            self.add()
            for _ in range(nodes - 1):
                self.add()
        except BaseException:
            self.stop()
            raise

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def add(self) -> int:
        """Start one more node; return its number."""
        number = len(self.nodes)
        folder = self.folder / str(number)
        folder.mkdir()
        place = ["--address", self.address]
        if not number:
            place = ["--head", "--port", str(self.port), "--temp-dir", str(self.folder / "ray")]
            place.append("--include-dashboard=false")
            if find_spec("grpc"):  # otherwise Ray refuses the option
                place += ["--ray-client-server-port", str(self.client_port)]
        log = folder / "log"
        command = [
            str(Path(sys.executable).with_name("ray")),
            "start",
            *place,
            "--block",
            "--disable-usage-stats",
        ]
        command += ["--num-cpus", str(self._cpus), "--object-store-memory", str(OBJECT_STORE)]
        with log.open("wb") as output:
            self.nodes.append(
                subprocess.Popen(
                    [*command, "--node-ip-address", "127.0.0.1"],
                    env={**self._env, "TMPDIR": str(folder)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )
        end = time.monotonic() + READY_IN_S
        while b"will now block" not in log.read_bytes():
            if self.nodes[number].poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"ray start has failed:\n{log.read_text('utf-8', 'replace')}")
            time.sleep(0.1)
        return number

    def processes(self, node: int, name: str) -> list[int]:
        """The processes of a node with this in their command line, such as `raylet/raylet ` or `ray::carry_out`."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = path.joinpath("cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                if name in words and os.getsid(int(path.name)) == self.nodes[node].pid:
                    found.append(int(path.name))
        return found

    def kill_raylet(self, node: int) -> None:
        """Let a node die at once."""
        for pid in self.processes(node, "raylet/raylet "):
            os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        for node in reversed(self.nodes):
            with suppress(ProcessLookupError):
                os.killpg(node.pid, signal.SIGTERM)
        for node in reversed(self.nodes):
            with suppress(subprocess.TimeoutExpired):
                node.wait(ENDS_IN_S)
            with suppress(ProcessLookupError):
                os.killpg(node.pid, signal.SIGKILL)
            node.wait(ENDS_IN_S)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> LocalRay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
