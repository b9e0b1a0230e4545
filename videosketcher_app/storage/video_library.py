"""PyAV, loaded when the first video is read or written: a machine without it can still draw."""

from __future__ import annotations

from types import ModuleType

from videosketcher_app.core.errors import AppError


class MissingVideoLibrary(AppError):
    """The package that reads and writes videos is not installed, or does not start."""

    code = "MISSING_VIDEO_LIBRARY"


def video_library() -> ModuleType:
    """The package `av`.

    Raises:
        MissingVideoLibrary: it is not there.
    """
    try:
        import av
        import av.error
    except ImportError as error:
        raise MissingVideoLibrary(
            "Videos cannot be read or written: the package av (PyAV) is missing.",
            hint="Install it: pip install av.",
        ) from error
    return av
