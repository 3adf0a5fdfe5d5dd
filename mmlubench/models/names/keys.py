"""API keys: where they are searched. A key is handed only to the transport that sends it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmlubench.errors import ModelError
from mmlubench.inputs import CONFIG_BYTES, check_size
from mmlubench.models.secrecy import note

#: The service name under which the system's keyring holds our keys.
SERVICE = "mmlubench"


def find_key(variable: str, env: Mapping[str, str]) -> str | None:
    """Find the key that `variable` names: in `env`, else `./.env`, else the system's keyring; None if not found.

    `.env` is read but not exported, so that other programs started from here do not see it. Raises ModelError for a
    `.env` that cannot be read and for a key that no HTTP header can carry.
    """
    key = _clean(env.get(variable)) or _clean(_from_dotenv(variable)) or _clean(_from_keyring(variable))
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise ModelError(
            f"{variable} holds spaces, line breaks or non-ASCII characters, which no key has: copy it again."
        )
    if key is not None:
        note(key)
    return key


def how_to_set(variable: str) -> str:
    """Return the ways to set a key, for error messages."""
    return (
        f"export {variable}=…, or write {variable}=… into ./.env, or run `keyring set {SERVICE} {variable}`"
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
