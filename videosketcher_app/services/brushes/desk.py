"""BrushDesk: everything that the app does with brushes before a drawing is made.

The shipped shelf is everybody's. Own brushes, pictures and stars belong to whoever made them: the
owner's lie in the workspace, a guest's in the folder of the visit, and they count and leave with it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from videosketcher_app.core.access import Capability, Limits, Role, require
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.requests import BrushSpec
from videosketcher_app.services.brushes import own, pictures
from videosketcher_app.services.guests import GuestBook
from videosketcher_app.storage.paths import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videosketcher_app.data.brushes.library import LibraryBrush
    from videosketcher_app.data.brushes.library import Notice as BrushNotice
    from videosketcher_app.services.brushes.choice import BrushChoice
    from videosketcher_app.services.saved import SavedDrawing

FOLDER = "brushes"
DEFAULT_BRUSH = "marker_blue"
PREVIEW_PX = (240, 96)
OWN_MEDIUM = "own"


@dataclass(frozen=True, kw_only=True)
class ShelfBrush:
    """One brush as the shelf shows it.

    Attributes:
        medium: what it is grouped by: the library's medium, or OWN_MEDIUM.
        medium_title: what people read of that; empty for own brushes.
        preview: a painted stroke; may be missing on disk.
        is_own: it can be removed.
    """

    name: str
    title: str
    medium: str
    medium_title: str
    preview: Path
    is_own: bool
    is_starred: bool


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whose brushes.

    Attributes:
        session: a guest's name; unused for the owner.
    """

    role: Role
    session: str = ""


class BrushDesk:
    """The brushes of all people; safe to use from several threads.

    Args:
        workspace: holds the owner's brushes.
        guests: knows the guests' folders and budgets.
    """

    def __init__(self, workspace: Workspace, guests: GuestBook) -> None:
        self._place = workspace.root / FOLDER
        self._guests = guests
        self._writing = threading.Lock()

    @cached_property
    def _loaded(self) -> tuple[dict[str, LibraryBrush], list[BrushNotice]]:
        from videosketcher_app.data.brushes.library import load_brushes

        return load_brushes()

    @property
    def library(self) -> dict[str, LibraryBrush]:
        """The shipped brushes by name, in the shelf's order."""
        return self._loaded[0]

    def shelf(self, person: Person) -> list[ShelfBrush]:
        """What a person may pick: own brushes first, then the shipped ones."""
        place = self._place_of(person)
        starred = own.stars(place)
        mine = [
            ShelfBrush(
                name=brush.name,
                title=brush.title,
                medium=OWN_MEDIUM,
                medium_title="",
                preview=brush.preview,
                is_own=True,
                is_starred=brush.name in starred,
            )
            for brush in own.own_brushes(place)
        ]
        shipped = [
            ShelfBrush(
                name=entry.name,
                title=entry.title,
                medium=entry.medium,
                medium_title=entry.title.partition(",")[0],
                preview=entry.preview,
                is_own=False,
                is_starred=entry.name in starred,
            )
            for entry in self.library.values()
        ]
        return [*mine, *shipped]

    def kinds(self) -> dict[str, str]:
        """Kinds of texture with the name of their first brush's medium."""
        found: dict[str, str] = {}
        for entry in self.library.values():
            found.setdefault(entry.brush.kind, entry.title.partition(",")[0])
        return found

    def pick(self, name: str, person: Person) -> BrushChoice:
        """A brush of the shelf.

        Raises:
            InvalidRequest: it is not there, or not this person's.
        """
        from videosketcher_app.services.brushes.choice import choice_of

        if name.startswith(own.PREFIX):
            saved = own.open_own(self._place_of(person), name)
            return choice_of(
                saved.spec,
                self.library,
                title=saved.title,
                origin="own",
                picture=self._picture_of(saved.spec, person),
                name=name,
            )
        entry = self.library.get(name)
        return choice_of(
            BrushSpec(name=name),
            self.library,
            title=entry.title if entry else name,
            origin="shelf",
            name=name,
        )

    def understand(
        self, source: Path | bytes | NDArray[np.uint8], person: Person, *, title: str, origin: str
    ) -> BrushChoice:
        """The brush in a person's picture: an upload, a photo, a scribble.

        Args:
            source: a file, its bytes, or pixels (H, W, 3) or (H, W, 4).

        Raises:
            InvalidFile: it cannot be read as a picture.
            NoMark: it shows no mark of a brush.
            QuotaExceeded: a guest may keep no more.
        """
        from videosketcher_app.services.brushes.choice import choice_of

        require(person.role, Capability.UPLOAD_MEDIA)
        if isinstance(source, Path | bytes):
            picture = pictures.read_picture(source, self._limits(person))
        else:
            picture = pictures.sized(source)
        room = self._room_of(person)
        choice = choice_of(
            BrushSpec(image=pictures.name_of(pictures.place_of(picture, room), room)),
            self.library,
            title=title,
            origin=origin,
            picture=picture,
        )
        pictures.keep_picture(picture, room)  # not before: one without a mark is not kept
        return choice

    def eyedrop(
        self, saved: SavedDrawing, index: int, person: Person, *, title: str
    ) -> BrushChoice:
        """The brush of one stroke of a finished drawing, in its own size.

        Args:
            index: of the stroke, in drawing order.

        Raises:
            InvalidRequest: the drawing has no such stroke.
            QuotaExceeded: a guest may keep no more.
        """
        from videosketcher_app.data.brushes.condition import STUDIO_SIZE_PX, frame_of_stroke
        from videosketcher_app.services.brushes.choice import choice_of
        from videosketcher_app.services.brushes.painted import brush_of_stroke

        strokes = saved.strokes.strokes
        if not 0 <= index < len(strokes):
            raise InvalidRequest("This drawing has no such stroke.", hint="Click another one.")
        if saved.request.brush is not None:  # all of its strokes are of this brush
            return replace(self.reopened(saved.request.brush, person), title=title)
        stroke = strokes[index]
        brush = brush_of_stroke(stroke, saved.strokes)
        frame = frame_of_stroke(stroke, saved.strokes, brush, STUDIO_SIZE_PX)
        room = self._room_of(person)
        path = pictures.keep_picture(frame.pixels_HW3, room)
        return choice_of(
            BrushSpec(image=pictures.name_of(path, room)),
            self.library,
            title=title,
            origin="stroke",
            picture=frame.pixels_HW3,
        )

    def save(self, choice: BrushChoice, title: str, person: Person) -> ShelfBrush:
        """Puts a brush on the person's own shelf.

        Raises:
            InvalidRequest: the title is empty or too long, or the shelf is full.
            QuotaExceeded: a guest may keep no more.
            CannotWrite: the folder cannot be written.
        """
        require(person.role, Capability.UPLOAD_MEDIA)
        with self._writing:
            saved = own.save_own(
                self._room_of(person),
                title,
                choice.spec,
                picture=choice.picture,
                preview_HW3=preview_of(choice),
            )
        return next(brush for brush in self.shelf(person) if brush.name == saved.name)

    def delete(self, name: str, person: Person) -> None:
        """Removes an own brush.

        Raises:
            InvalidRequest: it is not there, or not this person's.
        """
        with self._writing:
            own.delete_own(self._place_of(person), name)

    def star(self, name: str, person: Person, *, on: bool) -> None:
        """Marks a favorite, or takes the mark away.

        Raises:
            InvalidRequest: there is no such brush.
            QuotaExceeded: a guest may keep no more.
        """
        with self._writing:
            if on and all(brush.name != name for brush in self.shelf(person)):
                raise InvalidRequest(
                    "This brush is not on the shelf any more.", hint="Pick another one."
                )
            own.set_star(self._room_of(person), name, on=on)

    def reopened(self, spec: BrushSpec, person: Person) -> BrushChoice:
        """The choice of a request that was made before.

        Raises:
            InvalidRequest: its brush, or the picture of it, is not there any more.
        """
        from videosketcher_app.services.brushes.choice import choice_of

        forgotten = ["kind", "direction"]
        if spec.name is not None or spec.image is not None:
            forgotten += ["color", "width_px"]
        first = choice_of(
            spec.model_copy(update=dict.fromkeys(forgotten)),
            self.library,
            title=self._title(spec),
            origin="picture" if spec.image else "shelf",
            picture=self._picture_of(spec, person),
            name=spec.name or "",
        )
        if spec == first.spec:
            return first
        again = replace(first, spec=spec)
        assert again.understood  # raises for a texture that the shelf has no more
        return again

    def read_picture(self, spec: BrushSpec, role: Role, session: str) -> NDArray[np.uint8]:
        """The pixels of a brush's image; a guest's only if this visit keeps the file.

        Raises:
            InvalidRequest: a guest names another file, or one that is gone.
            InvalidFile: it is gone, or cannot be read as a picture.
        """
        assert spec.image is not None
        person = Person(role=role, session=session)
        place = self._place_of(person)
        path = pictures.file_of(spec.image, place)
        if role is Role.GUEST and not (_is_inside(path, place) and path.is_file()):
            raise InvalidRequest(
                "The picture of this brush is not here.", hint="Show the brush once more."
            )
        pictures.mark_used(path, place)
        return pictures.read_picture(path, self._limits(person))

    def _title(self, spec: BrushSpec) -> str:
        entry = self.library.get(spec.name or "")
        return entry.title if entry else ""

    def _picture_of(self, spec: BrushSpec, person: Person) -> NDArray[np.uint8] | None:
        """Pixels of an image that this person's folder holds; a request names no file elsewhere."""
        return None if spec.image is None else self.read_picture(spec, person.role, person.session)

    def _limits(self, person: Person) -> Limits:
        return self._guests.limits_of(person.role)

    def _place_of(self, person: Person) -> Path:
        """Where a person's brushes are; it need not exist."""
        if person.role is Role.OWNER:
            return self._place
        guest = self._guests.named(person.session)
        # Nobody's folder: a visit that is over has no brushes.
        return self._guests.sessions / "nobody" if guest is None else guest.folder / FOLDER

    def _room_of(self, person: Person) -> Path:
        """The same, for writing."""
        if person.role is Role.OWNER:
            return self._place
        return self._guests.destination(person.session) / FOLDER


def preview_of(choice: BrushChoice) -> NDArray[np.uint8]:
    """A stroke of the brush (H, W, 3) for the shelf, at twice the size of the sketch canvas."""
    from videosketcher_app.data.brushes.painting import picture
    from videosketcher_app.data.brushes.swatch import sketch_of_path, wave_points

    width, height = PREVIEW_PX
    wave = wave_points(width, height, margin_px=26.0, amplitude_px=height * 0.22)
    # The canvas is far higher than the preview: the scale follows the height.
    return picture(sketch_of_path(wave, width, 480), choice.brush, seed=1)[:height]


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        return False
