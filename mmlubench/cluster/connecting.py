"""The way to a Ray cluster: every reason why there is none is one sentence, and none of them is waited for."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from types import ModuleType
from typing import Any, NamedTuple

from mmlubench import extras
from mmlubench.errors import UserError

#: Seconds in which a port must answer, and in which Ray must have connected: it took 20 s to tell of a wrong token.
_PORT_S, _CONNECT_S = 5.0, 60.0
_WORDS = {"address": None, "log_to_driver": False, "logging_level": "ERROR", "configure_logging": False}
#: What is tried in a process of its own, as Ray waits for minutes where something else listens, and cannot be stopped.
_TRY = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR", configure_logging=False)
ray.shutdown()
"""
#: Ray's own words for a cluster of other versions.
_MISMATCH = re.compile(
    r"Version mismatch.*?Ray: (\S+)\s+Python: (\S+).*?Ray: (\S+)\s+Python: (\S+)", re.DOTALL
)


class Node(NamedTuple):
    """One machine of a cluster."""

    id: str
    name: str
    cpus: float


class Connection:
    """An open connection to a cluster; one at a time in a process."""

    def __init__(self, ray: ModuleType, address: str) -> None:
        self.ray: Any = ray
        self.address = address

    @classmethod
    def open(cls, address: str) -> Connection:
        """Connect to the cluster at an address: auto, HOST:PORT or ray://HOST:PORT. Raises UserError."""
        _check_port(address)
        ray = extras.load("ray", extra="ray", wanted_by="--cluster ray")
        _check_connection(address)
        try:
            ray.init(**{**_WORDS, "address": address})
        except Exception as error:  # of many kinds
            raise UserError(_why(address, f"{type(error).__name__}: {error}")) from None
        return cls(ray, ray.get_runtime_context().gcs_address if address == "auto" else address)

    def nodes(self) -> list[Node]:
        """Return the machines that are there and have a CPU to give."""
        return [
            Node(one["NodeID"], one["NodeManagerHostname"], float(one["Resources"]["CPU"]))
            for one in self.ray.nodes()
            if one["Alive"] and one["Resources"].get("CPU")
        ]

    @property
    def has_head(self) -> bool:
        """Whether an actor can be placed on the machine without which there is no cluster."""
        return "node:__internal_head__" in self.ray.cluster_resources()

    def close(self) -> None:
        """Disconnect: what runs for this connection ends."""
        self.ray.shutdown()


def _check_port(address: str) -> None:
    """Raise UserError if nothing listens at an address of a host and a port."""
    if address == "auto":
        return
    option = "--ray-client-server-port" if address.startswith("ray://") else "--port"
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise UserError(
            f"--cluster-address {address}: give auto, HOST:PORT as `ray start --head` prints it (6379 by default), or "
            "ray://HOST:PORT (10001 by default)."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PORT_S).close()
    except OSError as error:
        raise UserError(
            f"--cluster-address {address}: no Ray cluster can be reached there ({error.strerror or error}); start one "
            f"with `ray start --head {option}={port}`, or give its address."
        ) from None


def _check_connection(address: str) -> None:
    """Raise UserError if Ray does not connect."""
    words = [sys.executable, "-c", _TRY, address]
    try:
        tried = subprocess.run(words, capture_output=True, text=True, timeout=_CONNECT_S, check=False)
    except subprocess.TimeoutExpired:
        raise UserError(
            f"--cluster-address {address}: what listens there did not answer as a Ray cluster within "
            f"{_CONNECT_S:.0f} s; give the address that `ray start --head` printed."
        ) from None
    if tried.returncode:
        raise UserError(_why(address, tried.stderr))


def _why(address: str, said: str) -> str:
    """Return a sentence for what Ray said when it did not connect."""
    place = f"--cluster-address {address}"
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it says nothing")
    if re.search("InvalidAuthToken|Unauthenticated|AuthenticationError", said):
        token = os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token"
        mode = os.environ.get("RAY_AUTH_MODE") or "not set"
        return (
            f"{place}: the cluster refused the authentication token (RAY_AUTH_MODE is {mode} here): set RAY_AUTH_MODE "
            "alike, to token or disabled, for the head, for every node and here, and with token let RAY_AUTH_TOKEN or "
            f"{token} hold the same token everywhere."
        )
    if found := _MISMATCH.search(said):
        there, there_python, here, here_python = found.groups()
        return (
            f"{place}: the cluster has Ray {there} with Python {there_python}, and here are Ray {here} and Python "
            f"{here_python}: install the same versions."
        )
    if "ray[client]" in said:
        return f"{place}: ray:// needs Ray's client; run `pip install 'mmlubench[ray]'`."
    if address == "auto" and re.search("Could not find any running Ray instance|No address", said):
        return (
            "--cluster ray: no Ray cluster runs on this computer; start one with `ray start --head`, or give "
            "--cluster-address HOST:PORT."
        )
    return f"{place}: Ray cannot connect ({last[:300]}); start a cluster with `ray start --head`, or give its address."
