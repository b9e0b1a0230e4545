"""Errors that people read: a code, one sentence, and what to do about it."""

from __future__ import annotations


class AppError(Exception):
    """An error with a message for the person at the screen.

    Args:
        message: one sentence that says what was wrong, naming the received value.
        hint: one sentence that says what to do; may be empty.
    """

    code = "APP_ERROR"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidRequest(AppError):
    """The request can never work as it is."""

    code = "INVALID_REQUEST"
    exit_code = 2


class InvalidFile(InvalidRequest):
    """A file is not what it claims to be, is too large, or is damaged."""

    code = "INVALID_FILE"


class ForbiddenPath(InvalidRequest):
    """A name or path leaves the folder it must stay in."""

    code = "FORBIDDEN_PATH"


class CannotWrite(InvalidRequest):
    """The output folder cannot be written."""

    code = "CANNOT_WRITE"


class Forbidden(AppError):
    """This role may not do this."""

    code = "FORBIDDEN"
    exit_code = 2


class MissingModel(AppError):
    """Weights that the request needs are not on this disk; the hint names the command."""

    code = "MISSING_MODEL"
    exit_code = 3


class DamagedModel(AppError):
    """Weights on this disk do not match what the catalogue says of them."""

    code = "DAMAGED_MODEL"
    exit_code = 3


class QueueFull(AppError):
    """Too many jobs are waiting."""

    code = "QUEUE_FULL"


class OutOfMemory(AppError):
    """The device has not enough memory for this request."""

    code = "OUT_OF_MEMORY"


class Cancelled(AppError):
    """Somebody asked for the job to stop."""

    code = "CANCELLED"
    exit_code = 130


class Interrupted(AppError):
    """A fault point that a test armed fired here."""

    code = "FAULT"
