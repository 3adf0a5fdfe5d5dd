"""Redaction of secrets: API keys and passwords are replaced by stars before anything is shown or stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from mmlubench.inputs import CONFIG_BYTES, check_size

_STARS = "***"
#: The length from which a value is redacted: shorter ones are placeholders such as `EMPTY`, and occur inside words.
_LEAST_CHARS = 8
#: Names of environment variables that hold secrets.
_SECRET_NAME = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD)$", re.IGNORECASE)
_keys: set[str] = set()


class Mask:
    """Replaces a fixed set of secrets by stars."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {s for secret in secrets if len(secret) >= _LEAST_CHARS for s in _spellings(secret)}
        # The longest first, since one secret may be the beginning of another.
        self._texts = sorted(spelled, key=len, reverse=True)
        self._bytes = [text.encode("utf-8", "replace") for text in self._texts]

    def text(self, value: str) -> str:
        """Return the text with stars in place of the secrets."""
        for secret in self._texts:
            if secret in value:
                value = value.replace(secret, _STARS)
        return value

    def raw(self, value: bytes) -> bytes:
        """Return the bytes with stars in place of the secrets; JSON stays valid JSON."""
        for secret in self._bytes:
            if secret in value:
                value = value.replace(secret, _STARS.encode())
        return value


def note(key: str) -> None:
    """Remember an API key that was looked up: from now on it is one of the `secrets` of this process."""
    _keys.add(key)


def noted() -> int:
    """Return the number of keys remembered so far; when it has grown, a `Mask` made before lacks the new ones."""
    return len(_keys)


def secrets(env: Mapping[str, str]) -> frozenset[str]:
    """Return all secrets: keys looked up so far, the values of `./.env`, and variables of `env` named like secrets."""
    named = (value for name, value in env.items() if _SECRET_NAME.search(name))
    return frozenset(value.strip() for value in (*_keys, *named, *_dotenv()))


def _dotenv() -> Iterator[str]:
    file = Path(".env")
    # Nothing was read from a file that cannot be read, so nothing can leak.
    with suppress(OSError, ValueError):
        if file.is_file():
            from dotenv import dotenv_values

            check_size(file, CONFIG_BYTES)
            yield from (value for value in dotenv_values(file).values() if value)


def _spellings(secret: str) -> set[str]:
    """Return the secret as it is, as it may be escaped in JSON, and as it is escaped in a URL."""
    return {secret, secret.replace("/", "\\/"), quote(secret, safe="")}
