"""BrushChoice: the brush that somebody has chosen, what was understood of it, and their corrections.

Whatever it comes from (the shelf, a picture, a scribble, a stroke of a drawing, a whole condition
frame), it is a BrushSpec: what a request carries, and what `engines.brush_source` understands.

Legend: H/W pixels; pictures are uint8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.requests import BrushSpec

if TYPE_CHECKING:
    from videosketcher_app.data.brushes.condition import ConditionFrame
    from videosketcher_app.data.brushes.library import LibraryBrush
    from videosketcher_app.data.brushes.model import Brush
    from videosketcher_app.engines.brush_source import UnderstoodBrush

ORIGINS = ("shelf", "own", "picture", "painted", "stroke")
_WIDTH_DIGITS = 1
_DIRECTION_DIGITS = 2
Library: TypeAlias = "Mapping[str, LibraryBrush]"
Picture = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class Understanding:
    """What a brush was understood to be; a person may correct every figure.

    Attributes:
        color: "#1d3fa6".
        width_px: of its line on the canvas 240 px high, in tenths.
        kind: of its texture, one of `data.brushes.model.KINDS`.
        direction: share by which the width depends on the direction of travel, in hundredths.
    """

    color: str
    width_px: float
    kind: str
    direction: float


@dataclass(frozen=True, kw_only=True, eq=False)
class BrushChoice:
    """A chosen brush; made by `choice_of`, changed by `corrected`.

    Attributes:
        title: what people read.
        origin: one of ORIGINS.
        spec: what a request carries, with the person's corrections.
        first: the same without them.
        picture: the pixels of the image that the spec names, if it names one.
        library: the shelf.
        name: of a brush on the shelf or of an own one; empty for all others.
    """

    title: str
    origin: str
    spec: BrushSpec
    first: BrushSpec
    library: Library
    picture: Picture | None = None
    name: str = ""

    def __post_init__(self) -> None:
        assert self.origin in ORIGINS, self.origin

    @cached_property
    def found(self) -> Understanding:
        """What was understood at first."""
        return self._figures(self.first, self._source(self.first))

    @cached_property
    def understood(self) -> Understanding:
        """The same with the person's corrections."""
        return self._figures(self.spec, self._now)

    @property
    def brush(self) -> Brush:
        """What paints new strokes in this hand."""
        return self._now.brush

    @property
    def is_corrected(self) -> bool:
        """True if the person said anything else than what was understood."""
        return self.spec != self.first

    @property
    def is_ready_made(self) -> bool:
        """True if the picture is a whole condition frame that goes to the model as it is."""
        return self._now.condition.ready_made

    def frame(self, size_px: tuple[int, int] | None = None) -> ConditionFrame:
        """The condition frame for a canvas (width, height); None is Pocket's."""
        return self._source(self.spec, size_px).condition

    def corrected(self, wanted: Understanding) -> BrushChoice:
        """The same brush with a person's figures where they differ from what was understood.

        Raises:
            InvalidRequest: a figure is not possible.
        """
        found = self.found
        changes = {
            name: getattr(wanted, name)
            for name in ("color", "width_px", "kind", "direction")
            if getattr(wanted, name) != getattr(found, name)
        }
        fields = self.first.model_dump() | changes
        changed = replace(self, spec=BrushSpec(**fields))
        changed.__dict__["found"] = found  # understanding a picture again would find the same
        assert changed.understood
        return changed

    @cached_property
    def _now(self) -> UnderstoodBrush:
        return self._source(self.spec)

    def _source(self, spec: BrushSpec, size_px: tuple[int, int] | None = None) -> UnderstoodBrush:
        from videosketcher_app.data.brushes.condition import POCKET_SIZE_PX
        from videosketcher_app.engines.brush_source import understand

        size_px = size_px or POCKET_SIZE_PX
        return understand(spec, size_px, picture=self.picture, shelf=self.library)

    def _figures(self, spec: BrushSpec, source: UnderstoodBrush) -> Understanding:
        from videosketcher_app.data.brushes.reshape import direction_of
        from videosketcher_app.engines.brush_source import hexadecimal

        direction = spec.direction
        if direction is None:
            measured = source.mark is not None and spec.kind is None
            direction = (
                source.mark.figures.direction  # type: ignore[union-attr]
                if measured
                else direction_of(source.brush)
            )
        return Understanding(
            color=hexadecimal(source.brush.color),
            width_px=round(source.brush.width_px, _WIDTH_DIGITS),
            kind=source.brush.kind,
            direction=round(direction, _DIRECTION_DIGITS),
        )


def choice_of(
    spec: BrushSpec,
    library: Library,
    *,
    title: str,
    origin: str,
    picture: Picture | None = None,
    name: str = "",
) -> BrushChoice:
    """The choice of a brush as it was found.

    Args:
        picture: the pixels of `spec.image`, (H, W, 3) or (H, W, 4).

    Raises:
        InvalidRequest: there is no such brush.
        NoMark: the picture shows no mark of a brush.
    """
    choice = BrushChoice(
        title=title,
        origin=origin,
        spec=spec,
        first=spec,
        library=library,
        picture=picture,
        name=name,
    )
    assert choice.found  # raises for what cannot be understood
    return choice
