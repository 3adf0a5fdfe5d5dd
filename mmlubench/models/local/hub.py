"""Models of the Hugging Face hub: taken from the cache, or asked for where the hub replies; never a long wait."""

from __future__ import annotations

import os
from importlib import import_module

from mmlubench.datasets.sources import hub_files
from mmlubench.errors import ModelError


def reach(name: str, revision: str | None, where: str) -> None:
    """Make sure that a model can be loaded by its id on the hub without tries that go on for half a minute.

    Where the hub does not reply and the model is in the cache, this process asks the hub no more: transformers, peft
    and TRL would do so for each file. Raises ModelError, which begins with `where`, for a model that is in neither.
    """
    try:
        hub_files.probe(lambda problem: ModelError(problem))
    except ModelError as error:
        if not _is_cached(name, revision):
            why = str(error).removesuffix(" and the data are not in the cache")
            raise ModelError(
                f"{where}: there is no such folder, it is not in the cache of the hub, and {why}; give a folder with a "
                "config.json, or load it once where the hub can be reached (HF_HOME names the cache, HTTPS_PROXY a "
                "proxy, HF_ENDPOINT a mirror)."
            ) from None
        import_module("huggingface_hub").constants.HF_HUB_OFFLINE = True
        os.environ["HF_HUB_OFFLINE"] = "1"  # which peft reads


def _is_cached(name: str, revision: str | None) -> bool:
    client = import_module("huggingface_hub")
    try:
        return isinstance(client.try_to_load_from_cache(name, "config.json", revision=revision), str)
    except (ValueError, OSError):  # no name of the hub; a cache that cannot be read
        return False
