"""Secret: a key that no print, log, error, copy to disk or child process can show by accident."""

from __future__ import annotations

import hmac
import logging
import os
import re
import traceback
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

MASK = "**********"
# What a shorter value would mask in ordinary text does more harm than good.
MIN_MASKED_CHARACTERS = 6
_KEY_VARIABLE = re.compile(r"(^|_)(API_?KEY|ACCESS_KEY|TOKEN|SECRET|PASSWORD)S?$", re.IGNORECASE)
_living: weakref.WeakValueDictionary[int, Secret] = weakref.WeakValueDictionary()


class Secret:
    """A text that only `get_secret_value` shows; it cannot be pickled, and JSON gets the mask.

    Raises:
        ValueError: the text is empty; the message does not hold it.
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str) -> None:
        value = value.strip()
        if not value:
            raise ValueError("a secret must not be empty")
        self._value = value
        _living[id(self)] = self

    def get_secret_value(self) -> str:
        """The text itself; call it only where it leaves for the server that it belongs to."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, _spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: object) -> Secret:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls._validated,
            serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json"),
        )

    @classmethod
    def _validated(cls, value: object) -> Secret:
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str):
            raise ValueError("a secret must be a text")
        return cls(value)


def redacted(text: str) -> str:
    """The text with every living secret in it masked."""
    for secret in list(_living.values()):
        value = secret.get_secret_value()
        if len(value) >= MIN_MASKED_CHARACTERS:
            text = text.replace(value, MASK)
    return text


class SecretFilter(logging.Filter):
    """Masks living secrets in what a logger or handler is about to write, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record through, rewritten if a secret was in it."""
        message = record.getMessage()
        masked = redacted(message)
        if masked != message:
            record.msg, record.args = masked, None
        if record.exc_info and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        if record.exc_text:
            record.exc_text = redacted(record.exc_text)
        return True


def child_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child process: ours without the variables that hold keys."""
    source = os.environ if environment is None else environment
    return {name: value for name, value in source.items() if not _KEY_VARIABLE.search(name)}


def drop_keys_from_environment() -> None:
    """Takes the keys out of this process's environment, once the settings have read them.

    Children that are started without an environment of their own (multiprocessing) inherit none.
    """
    for name in [name for name in os.environ if _KEY_VARIABLE.search(name)]:
        del os.environ[name]
