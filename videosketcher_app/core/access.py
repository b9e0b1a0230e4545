"""Who may do what: the owner at the machine, and guests who came through a link.

The owner's rights never follow from an address or a header: the door that a person came through
(an app built for one role) decides, and services check the capability again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from videosketcher_app.core.errors import Forbidden

_MIB = 1024**2
_GIB = 1024**3


class Role(Enum):
    """Owner: the person at the machine. Guest: anyone else, through a link."""

    OWNER = "owner"
    GUEST = "guest"


class Capability(Enum):
    """One thing that a handler can do; every handler names its own."""

    GENERATE = "generate sketches"
    CO_DRAW = "draw together with the model"
    READ_OWN_OUTPUTS = "read the outputs of this session"
    READ_ALL_OUTPUTS = "read all outputs and the history"
    UPLOAD_MEDIA = "upload images and videos"
    IMPORT_FILES = "import weights, presets and brushes"
    MANAGE_MODELS = "download, load and delete models"
    TRAIN = "start, stop and delete training runs"
    USE_OWNER_KEYS = "use the language model with the owner's key"
    CHANGE_SETTINGS = "change settings and read logs"
    SEE_WALL = "see the wall of a class"


GUEST_CAPABILITIES = frozenset(
    {
        Capability.GENERATE,
        Capability.CO_DRAW,
        Capability.READ_OWN_OUTPUTS,
        Capability.UPLOAD_MEDIA,
        Capability.SEE_WALL,
    }
)
CAPABILITIES: dict[Role, frozenset[Capability]] = {
    Role.OWNER: frozenset(Capability),
    Role.GUEST: GUEST_CAPABILITIES,
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one role may use; the figures of one session unless named total.

    Attributes:
        output_minutes: how long what a session left is kept after its last request.
        sessions: how many there may be at once.
        upload_bytes: one upload, all its files together.
        request_files: files in one upload.
        session_files: uploaded files that are kept at once.
        message_bytes: one message to a handler; uploads are counted apart.
    """

    waiting_jobs: int
    running_jobs: int
    total_waiting_jobs: int
    co_drawing_sessions: int
    total_co_drawing_sessions: int
    image_bytes: int
    image_pixels: int
    video_bytes: int
    video_side_px: int
    video_frames: int
    video_seconds: float
    session_bytes: int
    total_bytes: int
    output_minutes: float | None
    sessions: int
    upload_bytes: int
    upload_slots: int
    total_upload_slots: int
    request_files: int
    session_files: int
    message_bytes: int


LIMITS: dict[Role, Limits] = {
    Role.OWNER: Limits(
        waiting_jobs=20,
        running_jobs=1,
        total_waiting_jobs=20,
        co_drawing_sessions=4,
        total_co_drawing_sessions=4,
        image_bytes=100 * _MIB,
        image_pixels=64_000_000,
        video_bytes=500 * _MIB,
        video_side_px=4096,
        video_frames=3000,
        video_seconds=300.0,
        session_bytes=50 * _GIB,
        total_bytes=50 * _GIB,
        output_minutes=None,
        sessions=100,
        upload_bytes=50 * _GIB,
        upload_slots=8,
        total_upload_slots=8,
        request_files=100,
        session_files=100_000,
        message_bytes=64 * _MIB,
    ),
    Role.GUEST: Limits(
        waiting_jobs=2,
        running_jobs=1,
        total_waiting_jobs=10,
        co_drawing_sessions=1,
        total_co_drawing_sessions=2,
        image_bytes=20 * _MIB,
        image_pixels=16_000_000,
        video_bytes=50 * _MIB,
        video_side_px=1920,
        video_frames=300,
        video_seconds=30.0,
        session_bytes=200 * _MIB,
        total_bytes=2 * _GIB,
        output_minutes=60.0,
        sessions=20,
        upload_bytes=50 * _MIB,
        upload_slots=2,
        total_upload_slots=8,
        request_files=8,
        session_files=200,
        message_bytes=2 * _MIB,
    ),
}

# A class: everybody has a seat and may wait for one drawing at a time.
CLASS_LIMITS = replace(LIMITS[Role.GUEST], sessions=30, waiting_jobs=1, total_waiting_jobs=30)

FREE_SPACE_FLOOR_BYTES = 5 * _GIB
UPLOAD_TIMEOUT_S = 30.0
WRONG_TRIES_A_MINUTE = 5
LINK_HOURS = 8.0


def allows(role: Role, capability: Capability) -> bool:
    """True if the role may do it."""
    return capability in CAPABILITIES[role]


def require(role: Role, capability: Capability) -> None:
    """Lets the role pass or says no.

    Raises:
        Forbidden: the role may not do it.
    """
    if not allows(role, capability):
        raise Forbidden(
            f"A {role.value} may not {capability.value}.",
            hint="Ask the person at the machine that runs the app.",
        )
