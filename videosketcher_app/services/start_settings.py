"""Settings for the start of the window: a broken line of .env is left out, and said so.

The environment and the arguments of a start are the person's last word: trouble in them stops the
start with a sentence. A file that was edited weeks ago does not.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

from dotenv.parser import Binding, parse_stream
from pydantic import ValidationError

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.settings import AppSettings, load_settings
from videosketcher_app.services.presets import Notice

ENV_FILE = Path(".env")
MAX_FILE_BYTES = 100_000


def load_start_settings(**arguments: object) -> tuple[AppSettings, list[Notice]]:
    """Settings from all sources, and a notice for each line of .env that was left out.

    Raises:
        InvalidRequest: an argument or a variable of the environment is not possible.
    """
    bindings, notices = _read(ENV_FILE)
    good = []
    for binding in bindings:
        notice = _trouble_with(binding)
        if notice is None:
            good.append(binding)
        else:
            notices.append(notice)
    if not notices:
        return load_settings(**arguments), []
    return _load_with(good, arguments), notices


def _load_with(bindings: list[Binding], arguments: dict[str, object]) -> AppSettings:
    """Settings of the good lines alone, below the environment and the arguments."""
    taken = {name.upper() for name in os.environ}
    values = {b.key.upper(): b.value for b in bindings if b.key and b.value}
    absent = {name: value for name, value in values.items() if name not in taken}
    given = {name: value for name, value in arguments.items() if value is not None}
    fields = {**_by_field(absent), **given}
    try:
        return AppSettings(_env_file=None, **fields)  # type: ignore[arg-type, call-arg]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        variable = _variables(str(first["loc"][0]))[0]
        raise InvalidRequest(
            f"The setting {variable} is not possible: {first['msg']}.",
            hint=f"Correct {variable} in the environment or the argument of the same name.",
        ) from None


def _by_field(values: dict[str, str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for field in AppSettings.model_fields:
        for variable in _variables(field):
            if variable in values:
                names.setdefault(field, values[variable])
    return names


def _variables(field: str) -> tuple[str, str]:
    return f"VIDEOSKETCHER_{field.upper()}", field.upper()


def _trouble_with(binding: Binding) -> Notice | None:
    line = binding.original.line
    if binding.error:
        # Comments and empty lines parse without a key and without an error.
        return Notice(
            file=str(ENV_FILE), line=line, message="It is not NAME=value; it is left out."
        )
    if not binding.key or not binding.value:
        return None
    fields = _by_field({binding.key.upper(): binding.value})
    try:
        for field, value in fields.items():
            AppSettings(_env_file=None, **{field: value})  # type: ignore[arg-type, call-arg]
    except ValidationError as error:
        why = error.errors(include_input=False, include_url=False)[0]["msg"]
        told = f"{binding.key} is not possible ({why}); the default is used."
        return Notice(file=str(ENV_FILE), line=line, message=told)
    return None


def _read(path: Path) -> tuple[list[Binding], list[Notice]]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise InvalidRequest(f"It is longer than {MAX_FILE_BYTES:,} bytes.")
        text = data.decode("utf-8-sig")
    except FileNotFoundError:
        return [], []
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return [], [Notice(file=str(path), line=line, message="It is not UTF-8; it is left out.")]
    except (OSError, InvalidRequest) as error:
        return [], [Notice(file=str(path), line=1, message=f"It is left out: {error}")]
    return list(parse_stream(io.StringIO(text))), []
