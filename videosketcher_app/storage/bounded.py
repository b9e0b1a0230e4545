"""Files from people, read whole only after their size has been judged."""

from __future__ import annotations

from pathlib import Path

from videosketcher_app.core.errors import InvalidFile


def read_text(path: Path, *, max_bytes: int, what: str) -> str:
    """A whole UTF-8 text file whose size is checked before it is read.

    Raises:
        InvalidFile: it is missing, too large or not UTF-8; the message calls it `what`.
    """
    try:
        return read_bytes(path, max_bytes, what).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidFile(f"The {what} is not UTF-8 text.", hint="Use another file.") from error


def check_size(source: Path | bytes, max_bytes: int, what: str) -> None:
    """Refuses a file by its size, before it is read.

    Raises:
        InvalidFile: it is missing or too large; the message calls it `what`.
    """
    try:
        size_bytes = len(source) if isinstance(source, bytes) else source.stat().st_size
    except (OSError, ValueError) as error:
        raise _not_readable(source, what, error) from error
    if size_bytes > max_bytes:
        raise too_large(f"The {what} has {size_bytes:,} bytes", max_bytes)


def read_bytes(source: Path | bytes, max_bytes: int, what: str) -> bytes:
    """A whole file (or what was read of it already), if it is not too large.

    Raises:
        InvalidFile: see `check_size`.
    """
    check_size(source, max_bytes, what)
    try:
        return source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise _not_readable(source, what, error) from error


def _not_readable(source: Path | bytes, what: str, error: Exception) -> InvalidFile:
    reason = getattr(error, "strerror", None) or "its name is impossible"
    return InvalidFile(
        f"The {what} {source!s} cannot be read: {reason}.",
        hint="Check the name and the permissions.",
    )


def too_large(sentence: str, limit: float) -> InvalidFile:
    """The error for something over a limit; the sentence says how large it is."""
    return InvalidFile(f"{sentence}; at most {limit:,} are possible.", hint="Use a smaller one.")
