"""BrushSpec: which brush a sketch is drawn with."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.core.request_base import Request, require_one_line, shown

Finish = Literal["brush", "model"]


class BrushSpec(Request):
    """Which brush a sketch is drawn with: one of the shelf, one in a picture, or a plain line.

    Attributes:
        name: of a library brush.
        image: a picture of a mark, of a swatch, or of a whole condition frame: its path, or, of
            those that the app keeps, its name in the workspace, "brushes/pictures/1f0c....png".
        color: "#1d3fa6"; corrects the brush, or gives an even line without name and image.
        width_px: of its line on the canvas 240 px high; None keeps the brush's own.
        kind: corrects the texture that was understood ("crayon"); None keeps it.
        direction: corrects the share by which the width depends on the direction, in [0, 1].
        show_box: the result shows the brush box at the top left, as the published model's do.
        finish: "brush" has the strokes that the model drew painted with the brush, "model" leaves
            its own ink; None is what suits the model.
    """

    name: str | None = Field(default=None, min_length=1, max_length=60)
    image: str | None = Field(default=None, min_length=1, max_length=1024)
    color: str | None = None
    width_px: float | None = Field(default=None, ge=0.5, le=60.0)
    kind: str | None = Field(default=None, min_length=1, max_length=30)
    direction: float | None = Field(default=None, ge=0.0, le=1.0)
    show_box: bool = True
    finish: Finish | None = None

    @field_validator("name", "image", "kind")
    @classmethod
    def _plain(cls, value: str | None) -> str | None:
        return None if value is None else require_one_line(value, "brush")

    @field_validator("color")
    @classmethod
    def _hexadecimal(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise InvalidRequest(
                f'A color is written "#1d3fa6". Received: {shown(value)}',
                hint="Give # and six hexadecimal digits.",
            )
        return value.lower()

    @model_validator(mode="after")
    def _one_source(self) -> BrushSpec:
        if self.name is not None and self.image is not None:
            raise InvalidRequest(
                "A brush comes from the shelf or from a picture, not from both.",
                hint="Leave out its name or its image.",
            )
        if self.name is None and self.image is None and self.color is None:
            raise InvalidRequest(
                "A brush needs a name, an image or a color.",
                hint='For instance "marker_blue", or a picture of a stroke.',
            )
        return self
