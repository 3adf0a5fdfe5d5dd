"""The Hugging Face hub: whether it replies, and whether a model is in its cache; never a long wait."""

from __future__ import annotations

import os
from collections.abc import Callable

from mmlubench.errors import ModelError

PROBE_S = 5.0  # seconds to wait for a first reply of the hub

#: Makes an error from a problem, and adds what to do about it.
Failed = Callable[[str], Exception]


def probe(failed: Failed) -> None:
    """Raise the error `failed` makes if the hub does not reply soon: its client alone would try for 23 s."""
    import huggingface_hub as client

    endpoint = client.constants.ENDPOINT
    if client.constants.HF_HUB_OFFLINE:
        raise failed("HF_HUB_OFFLINE is set and the data are not in the cache")
    try:
        # Through the client's own session, so that the same proxies and certificates are used.
        client.get_session().head(endpoint, timeout=PROBE_S)
    except Exception as error:  # the errors of that session differ from version to version
        why = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise failed(f"{endpoint} cannot be reached ({why})") from error


def reach(name: str, revision: str | None, where: str) -> None:
    """Make sure that a model can be loaded by its id on the hub without tries that go on for half a minute.

    Where the hub does not reply and the model is in the cache, this process asks the hub no more: transformers, peft
    and TRL would do so for each file. Raises ModelError, which begins with `where`, for a model that is in neither.
    """
    import huggingface_hub as client

    try:
        probe(ModelError)
    except ModelError as error:
        if not _is_cached(name, revision):
            why = str(error).removesuffix(" and the data are not in the cache")
            raise ModelError(
                f"{where}: there is no such folder, it is not in the cache of the hub, and {why}; give a folder with a "
                "config.json, or load it once where the hub can be reached (HF_HOME names the cache, HTTPS_PROXY a "
                "proxy, HF_ENDPOINT a mirror)."
            ) from None
        client.constants.HF_HUB_OFFLINE = True
        os.environ["HF_HUB_OFFLINE"] = "1"  # which peft reads


def _is_cached(name: str, revision: str | None) -> bool:
    import huggingface_hub as client

    try:
        return isinstance(client.try_to_load_from_cache(name, "config.json", revision=revision), str)
    except (ValueError, OSError):  # no name of the hub; a cache that cannot be read
        return False
