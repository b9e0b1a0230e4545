"""What a device's own errors mean for people: memory that ran out, and a driver that is gone."""

from __future__ import annotations

import logging

from videosketcher_app.core.errors import AppError, OutOfMemory
from videosketcher_app.models.machine import is_device_lost, is_out_of_memory

logger = logging.getLogger(__name__)
SMALLER = "Choose a smaller size or fewer frames, close other programs, or raise the memory budget."


class DeviceLost(AppError):
    """The device computes nothing more until the app is started again."""

    code = "DEVICE_LOST"


def explained(error: BaseException) -> AppError | None:
    """The error in words for people, if it is the device's; else None.

    What is lost and what is not: a job that ran out of memory leaves the app as it was; after a
    sticky error of the driver nothing can be computed in this process any more.
    """
    if is_out_of_memory(error):
        logger.warning("memory ran out: %s", error)
        return OutOfMemory("The memory of the device ran out.", hint=SMALLER)
    if is_device_lost(error):
        logger.error("the device is lost: %s", error)
        return DeviceLost(
            "The graphics driver has stopped working for this app; nothing more can be computed.",
            hint="Start the app again: drawings and training runs are kept, and waiting ones can "
            "be run again from the history.",
        )
    return None
