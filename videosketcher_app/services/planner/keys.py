"""Where the language model's address and key come from: the settings page, else the environment.

What is typed on the page lies in the workspace in a file that only its owner can read. A key
belongs to the address that it came with: it is never sent to another one.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.secret import Secret
from videosketcher_app.core.settings import DEFAULT_BASE_URL, AppSettings
from videosketcher_app.storage import atomic
from videosketcher_app.storage.paths import Workspace

FILE = "language_model.json"
MAX_FILE_BYTES = 10_000
MAX_KEY_CHARACTERS = 500
MAX_URL_CHARACTERS = 300
MAX_MODEL_CHARACTERS = 100
_OWNER_ONLY = 0o600
_MODEL = re.compile(r"[\w][\w.:/@+-]*", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class LanguageModelAccess:
    """How to reach a language model; `key` is None for a server that asks for none."""

    base_url: str
    model: str
    key: Secret | None = None


@dataclass(frozen=True, kw_only=True)
class AccessState:
    """What the page may know: everything but the key.

    Attributes:
        key_from: "page", "environment", or "" without a key.
        notice: one sentence about settings that could not be used; empty if there is none.
    """

    base_url: str
    model: str
    key_from: str
    notice: str = ""


@dataclass(frozen=True)
class _Stored:
    base_url: str
    model: str
    key: Secret | None


class KeyStore:
    """The address, model and key of the language model that plans.

    Args:
        settings: of the environment and `.env`, used where the page set nothing.
    """

    def __init__(self, settings: AppSettings) -> None:
        self._settings = settings
        self._path = Workspace(settings.workspace).root / FILE
        self._lock = threading.Lock()

    def access(self) -> LanguageModelAccess | None:
        """How to reach the language model; None if there is no key and none can be needless.

        Raises:
            InvalidRequest: what is set cannot be used; the message does not hold the key.
        """
        stored = self._read()
        base_url = check_base_url(stored.base_url if stored else self._settings.openai_base_url)
        model = check_model(stored.model if stored else self._settings.llm_model)
        key = self._key_for(base_url, stored)
        if key is None and not is_private(base_url):
            return None
        if key is not None:
            check_key(key.get_secret_value())
        return LanguageModelAccess(base_url=base_url, model=model, key=key)

    def state(self) -> AccessState:
        """What the page shows; never raises."""
        stored = self._read()
        base_url = stored.base_url if stored else self._settings.openai_base_url
        key_from, notice = "", ""
        try:
            access = self.access()
        except InvalidRequest as error:
            notice = str(error)
        else:
            if access is not None and access.key is not None:
                base_url = access.base_url
                key_from = "page" if stored and stored.key else "environment"
        model = stored.model if stored else self._settings.llm_model
        return AccessState(base_url=base_url, model=model, key_from=key_from, notice=notice)

    def save(self, *, key: str, base_url: str, model: str) -> None:
        """Keeps what was typed. An empty key keeps the stored one, if the address stays the same.

        Raises:
            InvalidRequest: a value is not possible; the message does not hold the key.
            CannotWrite: the workspace cannot be written; the old values stay.
        """
        base_url = check_base_url(base_url.strip() or DEFAULT_BASE_URL)
        model = check_model(model.strip() or self._settings.llm_model)
        with self._lock:
            stored = self._read()
            kept = stored.key if stored and stored.base_url == base_url else None
            new_key = Secret(check_key(key)) if key.strip() else kept
            values = {"base_url": base_url, "model": model}
            if new_key is not None:
                values["key"] = new_key.get_secret_value()
            _write_private(self._path, values)

    def forget(self) -> None:
        """Deletes what was typed; the environment's values count again.

        Raises:
            CannotWrite: the file cannot be deleted.
        """
        with self._lock:
            if self._path.exists():
                _write_private(self._path, {})  # the key goes even if the name has to stay
                self._path.unlink()

    def _key_for(self, base_url: str, stored: _Stored | None) -> Secret | None:
        if stored is not None and stored.key is not None:
            return stored.key
        ours = self._settings.openai_base_url.rstrip("/")
        return self._settings.openai_api_key if base_url == ours else None

    def _read(self) -> _Stored | None:
        """What the page stored; None if nothing, or nothing that can be read."""
        try:
            if self._path.stat().st_size > MAX_FILE_BYTES:
                return None
            values: Any = json.loads(self._path.read_text(encoding="utf-8"))
            key = values.get("key")
            return _Stored(
                base_url=check_base_url(values["base_url"]),
                model=check_model(values["model"]),
                key=Secret(check_key(key)) if key else None,
            )
        except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
            return None
        except InvalidRequest:
            return None


def check_key(key: str) -> str:
    """The key without spaces around it.

    Raises:
        InvalidRequest: no key can look like that; the message does not hold it.
    """
    key = key.strip()
    if not key or len(key) > MAX_KEY_CHARACTERS or not all("!" <= c <= "~" for c in key):
        raise InvalidRequest(
            "This does not look like a key: keys are letters, digits and signs without spaces.",
            hint="Copy the key again, whole and alone.",
        )
    return key


def check_model(model: str) -> str:
    """The name of a model at the server.

    Raises:
        InvalidRequest: no model can be called that.
    """
    if len(model) > MAX_MODEL_CHARACTERS or not _MODEL.fullmatch(model):
        raise InvalidRequest(
            f"This cannot be the name of a model: {model[:80]!r}.", hint="For instance gpt-5.2."
        )
    return model


def check_base_url(url: str) -> str:
    """The address of a server, without a slash at its end.

    Raises:
        InvalidRequest: it is no web address, holds a password, or would send the key unencrypted
            over the internet.
    """
    problem = _problem_of(url)
    if problem:
        raise InvalidRequest(
            f"This address cannot be used: {problem}.", hint=f"For instance {DEFAULT_BASE_URL}."
        )
    return url.rstrip("/")


def _problem_of(url: str) -> str:
    if len(url) > MAX_URL_CHARACTERS or not all("!" <= c <= "~" for c in url):
        return "it is too long or holds spaces or other characters"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "it is not a web address"
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return "it is not a web address"
    if "@" in parts.netloc:
        return "it holds a user or a password"
    if parts.query or parts.fragment:
        return "it has a question mark or a hash sign"
    if parts.scheme == "http" and not is_private(url):
        return "it would send the key unencrypted (use https)"
    return ""


def is_private(url: str) -> bool:
    """True for this machine and addresses of a local network; names count only if `localhost`."""
    address = _address_of(url)
    return is_loopback(url) or (address is not None and address.is_private)


def is_loopback(url: str) -> bool:
    """True for this machine."""
    address = _address_of(url)
    return urlsplit(url).hostname == "localhost" or (address is not None and address.is_loopback)


def _address_of(url: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(urlsplit(url).hostname or "")
    except ValueError:
        return None


def _write_private(path: Path, values: dict[str, str]) -> None:
    """Writes JSON that only the owner can read, from its first byte on."""
    data = json.dumps(values, indent=2).encode("utf-8")
    with atomic.replacing(path) as temporary:
        # On Windows the mode says little; there the person's own folder keeps others out.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(temporary, flags, _OWNER_ONLY), "wb") as file:
            file.write(data)
