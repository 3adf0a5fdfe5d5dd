"""Redaction of secrets: API keys and passwords are replaced by stars before anything is shown or stored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmlubench.inputs import CONFIG_BYTES, check_size

_STARS = "***"
#: The length from which a value is redacted: shorter ones are placeholders such as `EMPTY`, and occur inside words.
_LEAST_CHARS = 8
#: Names of environment variables that hold secrets.
_SECRET_NAME = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD)$", re.IGNORECASE)
#: Names of fields that hold secrets, such as `apiKey`, `X-Api-Key` and `Authorization`; a `stop_token` is none.
_SECRET_FIELD = re.compile(
    r"(?:^|[_-]|(?<=[a-z])(?=[A-Z]))(?i:api_?key|key|secret|password|passwd|authorization|cookie|credentials?)$"
    r"|(?i:^(?:(?:access|auth|api|bearer|session|id|refresh|user)[_-]?)?token$)"
)
#: The beginnings of texts that are keys, whatever their field is called.
_KEY = re.compile(r"(?:(?:Bearer|Basic)\s+\S|sk-|hf_|gh[opusr]_|github_pat_|AKIA|AIza|xox[abpr]-|eyJ)")
#: Where a long text was shortened in the middle, as pytest does it with values.
_CUT = re.compile(r"\.{3}|…")
#: The fewest characters of a part of a secret beside such a place that are redacted.
_LEAST_PART = 4
_keys: set[str] = set()


class Mask:
    """Replaces a fixed set of secrets by stars."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spelled = {s for secret in secrets if len(secret) >= _LEAST_CHARS for s in _spellings(secret)}
        # The longest first, since one secret may be the beginning of another.
        self._texts = sorted(spelled, key=len, reverse=True)
        self._most = max(map(len, self._texts), default=0)
        self._parts = {
            text[n : n + _LEAST_PART] for text in self._texts for n in range(len(text) - _LEAST_PART + 1)
        }
        """All pieces of the secrets of the least length that is redacted."""
        self._bytes = [text.encode("utf-8", "replace") for text in self._texts]

    def text(self, value: str) -> str:
        """Return the text with stars in place of the secrets, and of the parts that are left of a shortened secret."""
        for secret in self._texts:
            if secret in value:
                value = value.replace(secret, _STARS)
        return self._without_parts(value) if "..." in value or "…" in value else value

    def _without_parts(self, value: str) -> str:
        pieces, done = [], 0
        for cut in _CUT.finditer(value):
            start, end = cut.span()
            if start >= done:
                left = self._left_of(value[max(done, start - self._most) : start])
                right = self._right_of(value[end : end + self._most])
                pieces += [
                    value[done : start - left],
                    _STARS[: 3 * bool(left)],
                    cut.group(),
                    _STARS[: 3 * bool(right)],
                ]
                done = end + right
        return "".join((*pieces, value[done:]))

    def _left_of(self, text: str) -> int:
        """Return the length of the beginning of a secret with which the text ends."""
        if text[-_LEAST_PART:] not in self._parts:  # mostly: a text may have a million dots
            return 0
        begun = (
            k for secret in self._texts for k in range(_LEAST_PART, len(secret)) if text.endswith(secret[:k])
        )
        return max(begun, default=0)

    def _right_of(self, text: str) -> int:
        """Return the length of the end of a secret with which the text begins."""
        if text[:_LEAST_PART] not in self._parts:
            return 0
        ended = (
            k
            for secret in self._texts
            for k in range(_LEAST_PART, len(secret))
            if text.startswith(secret[-k:])
        )
        return max(ended, default=0)

    def raw(self, value: bytes) -> bytes:
        """Return the bytes with stars in place of the secrets; JSON stays valid JSON."""
        for secret in self._bytes:
            if secret in value:
                value = value.replace(secret, _STARS.encode())
        return value


def note(key: str) -> None:
    """Remember an API key that was looked up: from now on it is one of the `secrets` of this process."""
    _keys.add(key)


def note_in(fields: Mapping[str, object]) -> None:
    """Remember the secrets among the fields that a user adds to requests."""
    _keys.update(secrets_in(fields))


def secrets_in(value: object, name: str = "") -> Iterator[str]:
    """Yield the texts in a value, however deep, that are secrets by the `name` of their field or by their beginning."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from secrets_in(inner, str(key))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from secrets_in(inner, name)
    elif isinstance(value, str) and (_SECRET_FIELD.search(name) or _KEY.match(value)):
        yield value
        yield value.rpartition(" ")[2]  # a server may repeat a key without the `Bearer` before it


def veiled(value: Any, name: str = "") -> Any:
    """Return a value with stars in place of each of its `secrets_in`."""
    if isinstance(value, Mapping):
        return {key: veiled(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(veiled(inner, name) for inner in value)
    return _STARS if isinstance(value, str) and any(secrets_in(value, name)) else value


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
