"""Films to start from: looked at once under limits, and kept under a name that their bytes decide.

A request names its film by path, and a drawing must draw the same bytes again tomorrow. So what a
page sends is copied into one folder of the workspace, where the same film has the same path; the
number of kept films is bounded, and one that was not used for long goes first.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.storage.copying import copy_file, hash_file
from videosketcher_app.storage.guarded_media import decode_image, decode_video
from videosketcher_app.storage.paths import slug

MAX_KEPT = 100
MAX_KEPT_BYTES = 8 << 30
MAX_STEM_CHARACTERS = 40
_LOOK_SIDE_PX = 64  # frames are only counted
_MARK_CHARACTERS = 12


@dataclass(frozen=True, kw_only=True)
class StartFilm:
    """One film or picture to start from.

    Attributes:
        path: of the kept file.
        num_frames: of a film; 1 for a picture.
    """

    path: Path
    num_frames: int


class StartFilms:
    """The owner's films to start from.

    Args:
        folder: where they are kept, in the workspace.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, source: Path) -> StartFilm:
        """Looks at a film or picture that was sent, and keeps it.

        Raises:
            InvalidFile: it is neither, damaged, or over the limits.
            CannotWrite: the folder cannot be written; nothing is left half-written.
        """
        try:
            num_frames = _num_frames(source)
        except InvalidFile as error:
            error.hint = error.hint or "Choose another file, or save it anew in another program."
            raise
        mark = hash_file(source)[:_MARK_CHARACTERS]
        stem = slug(source.stem, max_characters=MAX_STEM_CHARACTERS)
        path = (self._folder / f"{stem}-{mark}{source.suffix.lower()}").absolute()
        if path.is_file():
            with suppress(OSError):  # the disk is read only: it stays as old as it is
                os.utime(path)
        else:
            copy_file(source, path)
            self._make_room(path)
        return StartFilm(path=path, num_frames=num_frames)

    def _make_room(self, newest: Path) -> None:
        """Deletes the films that were not used for longest, until the bounds are kept."""
        others = [path for path in self._folder.iterdir() if path != newest and path.is_file()]
        facts = sorted(((*_age_and_size(path), path) for path in others), reverse=True)
        num_bytes = _age_and_size(newest)[1]
        for number, (_, size, path) in enumerate(facts, start=2):
            num_bytes += size
            if number > MAX_KEPT or num_bytes > MAX_KEPT_BYTES:
                path.unlink(missing_ok=True)


def takes_film(model: str) -> bool:
    """True for a model that can start from a film in one clip: no brush model, no causal one."""
    from videosketcher_app.services.model_facts import all_facts

    facts = next((facts for facts in all_facts() if facts.name == model), None)
    return facts is not None and facts.kind != "causal" and not facts.image_conditioned


def _num_frames(source: Path) -> int:
    """Frames of a film, 1 of a picture; a process that can be killed decodes all of them."""
    from videosketcher_app.data.clip_media import IMAGE_SUFFIXES, MEDIA_SUFFIXES

    limits, suffix = LIMITS[Role.OWNER], source.suffix.lower()
    if suffix not in MEDIA_SUFFIXES:
        raise InvalidFile(
            f"A sketch cannot start from a file of the kind {suffix[:12] or 'without an ending'}.",
            hint=f"Choose one of: {', '.join(MEDIA_SUFFIXES)}.",
        )
    if suffix in IMAGE_SUFFIXES:
        decode_image(source, limits=limits, max_side_px=_LOOK_SIDE_PX)
        return 1
    return len(decode_video(source, limits=limits, max_side_px=_LOOK_SIDE_PX).frames_THW3)


def _age_and_size(path: Path) -> tuple[float, int]:
    try:
        facts = path.stat()
    except OSError:  # somebody else made room just now
        return 0.0, 0
    return facts.st_mtime, facts.st_size
