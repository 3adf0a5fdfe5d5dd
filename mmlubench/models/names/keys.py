"""API keys: where they are searched and stored. A key is handed only to the transport that sends it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from mmlubench import extras
from mmlubench.errors import ModelError, UserError
from mmlubench.inputs import CONFIG_BYTES, check_size
from mmlubench.models.secrecy import note

#: The service name under which the system's keyring holds our keys.
SERVICE = "mmlubench"
#: The other names under which the key of a vendor is often set.
_ALSO: Mapping[str, tuple[str, ...]] = {
    "DEEPINFRA_TOKEN": ("DEEPINFRA_API_KEY",),
    "GEMINI_API_KEY": ("GOOGLE_API_KEY",),
    "HF_TOKEN": ("HUGGINGFACE_API_KEY", "HUGGING_FACE_HUB_TOKEN"),
    "NVIDIA_API_KEY": ("NVIDIA_NIM_API_KEY",),
    "TOGETHER_API_KEY": ("TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY"),
}


def find_key(variable: str, env: Mapping[str, str]) -> str | None:
    """Find the key that `variable` names: in `env`, else `./.env`, else the system's keyring; None if not found.

    `.env` is read but not exported, so that other programs started from here do not see it. Raises ModelError for a
    `.env` that cannot be read and for a key that no HTTP header can carry.
    """
    found = _find(variable, env)
    return found[1] if found else None


def place_of_key(variable: str, env: Mapping[str, str]) -> str | None:
    """Return where `find_key` finds a key, for people: the environment, ./.env or the keyring. Raises as it does."""
    found = _find(variable, env)
    return found[0] if found else None


def store_key(variable: str, ask: Callable[[], str]) -> None:
    """Store the key that `ask` returns in the system's keyring; it is asked for only if there is a keyring.

    Raises UserError for a name that no variable has, without a keyring, and for a key that no HTTP header can carry.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):  # not repeated: it may be the key itself
        raise UserError(
            "NAME must be the name of the key's variable, letters, digits and underscores such as ANTHROPIC_API_KEY; "
            "the key itself is asked for."
        )
    keyring = extras.load("keyring", extra="keyring", wanted_by=f"keys set {variable}")
    key = _clean(ask())
    if key is None:
        raise UserError(f"keys set {variable}: no key was given, and nothing is stored.")
    _check(variable, key)
    try:
        keyring.set_password(SERVICE, variable, key)
        is_stored = keyring.get_password(SERVICE, variable) == key
    except Exception as error:  # of any kind: backends raise those of their system
        raise UserError(
            f"keys set {variable}: the keyring of this system cannot be used ({type(error).__name__}); "
            f"export {variable}=…, or write it into ./.env."
        ) from None
    if not is_stored:
        raise UserError(
            f"keys set {variable}: the keyring of this system stores nothing; "
            f"export {variable}=…, or write it into ./.env."
        )


def how_to_set(variable: str) -> str:
    """Return the ways to set a key, for error messages."""
    return f"export {variable}=…, or write {variable}=… into ./.env, or run `mmlubench keys set {variable}`"


def _find(variable: str, env: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the place of a key and the key itself, from the first place that has one under any of its names."""
    places = (("the environment", env.get), ("./.env", _from_dotenv), ("the keyring", _from_keyring))
    for place, look in places:
        for name in (variable, *_ALSO.get(variable, ())):
            key = _clean(look(name))
            if key is not None:
                _check(name, key)
                note(key)
                return place, key
    return None


def _check(variable: str, key: str) -> None:
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise ModelError(
            f"{variable} holds spaces, line breaks or non-ASCII characters, which no key has: copy it again."
        )


def _clean(key: str | None) -> str | None:
    # CI systems set a variable to an empty text if it has no value.
    return (key or "").strip() or None


def _from_dotenv(variable: str) -> str | None:
    file = Path(".env")
    if not file.is_file():
        return None
    from dotenv import dotenv_values

    try:
        check_size(file, CONFIG_BYTES)
        return dotenv_values(file).get(variable)
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"./.env cannot be read ({error}): it must be a readable UTF-8 text file.") from None


def _from_keyring(variable: str) -> str | None:
    # keyring is an optional package, and a locked keyring may raise any error: each means that there is no key.
    try:
        import keyring

        return keyring.get_password(SERVICE, variable)
    except Exception:
        return None
