"""Takes keys and passwords out of text before it is kept: logs, crash texts, the doctor's bundle."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from videosketcher_app.core.secret import MASK, MIN_MASKED_CHARACTERS, redacted
from videosketcher_app.core.settings import AppSettings

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)
# Keys of services that people use with this app, and what follows a name that says "secret".
_SECRET_SHAPE = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_\-]{8,}|\bhf_[A-Za-z0-9]{8,}|\bgh[pousr]_[A-Za-z0-9]{16,}"
    r"|\bAKIA[A-Z0-9]{16}\b|\beyJ[\w\-]{10,}\.[\w\-]{10,}(?:\.[\w\-]+)?"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{8,}")
_NAMED = re.compile(
    r"(?i)([\w\-]*(?:api_?key|token|secret|password|passwd)[\w\-]*[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}]{6,}"
)
_IN_ADDRESS = re.compile(r"(://)[^/\s:@]+:[^/\s@]+@")


class SecretsFilter:
    """Masks secrets: those that live in this process, given ones, and what looks like a key.

    Args:
        secrets: further values to mask wherever they stand.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        long_enough = {value for value in secrets if len(value) >= MIN_MASKED_CHARACTERS}
        # The longest first, so that a secret that holds another one goes as a whole.
        self._values = sorted(long_enough, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text without secrets."""
        text = redacted(text)
        for value in self._values:
            text = text.replace(value, MASK)
        text = _SECRET_SHAPE.sub(MASK, text)
        text = _BEARER.sub(rf"\1 {MASK}", text)
        text = _IN_ADDRESS.sub(rf"\1{MASK}@", text)
        return _NAMED.sub(rf"\g<1>{MASK}", text)


def secrets_of(settings: AppSettings, environment: Mapping[str, str] | None = None) -> list[str]:
    """Values that are no Secret objects yet: those of the environment, and of the settings."""
    environment = os.environ if environment is None else environment
    values = [value for name, value in environment.items() if _SECRET_NAME.search(name)]
    held = (getattr(settings, name) for name in type(settings).model_fields)
    values += [str(v.get_secret_value()) for v in held if hasattr(v, "get_secret_value")]
    return values
