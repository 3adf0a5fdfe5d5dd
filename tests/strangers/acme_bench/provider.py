"""A client for a server with a protocol of its own: POST /ask {"say": text} gives {"said": text}."""

from __future__ import annotations

from typing import Any

from mmlubench import Completion, HttpModel, Request
from mmlubench.models.http.transport import AioTransport, Timeouts, Transport


class AcmeModel(HttpModel):
    """A model behind `/ask`."""

    path = "/ask"

    def connect(self, key: str | None, pool: int, timeouts: Timeouts) -> Transport:
        return AioTransport(self._spec.base_url or "", key=key, pool=pool, timeouts=timeouts)

    def body(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        return {**sent, "say": "\n".join(message.content for message in request.messages)}

    def completion(self, payload: dict[str, Any], sent: dict[str, Any], latency_s: float) -> Completion:
        return Completion(payload["said"], "stop", model="acme", latency_s=latency_s, sent=sent)
