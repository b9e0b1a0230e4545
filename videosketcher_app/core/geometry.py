"""Canvas, clip and place arithmetic: sizes in pixels, times in frames, nine named places.

Wan's VAE maps 4 frames to one latent frame after the first, and 8 pixels to one latent cell
(facts: Wan 2.1, stride (4, 8, 8)); frames = 4 x (latent_frames - 1) + 1.
"""

from __future__ import annotations

TEMPORAL_STRIDE = 4
SPATIAL_STRIDE = 8
DEFAULT_FPS = 16
DEFAULT_NUM_FRAMES = 81

# Column and row of every named place: thirds of the canvas.
PLACES: dict[str, tuple[int, int]] = {
    "top left": (0, 0),
    "top center": (1, 0),
    "top right": (2, 0),
    "left": (0, 1),
    "center": (1, 1),
    "right": (2, 1),
    "bottom left": (0, 2),
    "bottom center": (1, 2),
    "bottom right": (2, 2),
}
SIZES = ("small", "medium", "large")


def latent_frames_of(num_frames: int) -> int:
    """Latent frames of a clip of `num_frames` frames (which must be 4n + 1)."""
    return (num_frames - 1) // TEMPORAL_STRIDE + 1


def frames_of(latent_frames: int) -> int:
    """Frames that `latent_frames` latent frames decode to."""
    return TEMPORAL_STRIDE * (latent_frames - 1) + 1


def nearest_valid_frames(num_frames: int) -> int:
    """The nearest clip length of the form 4n + 1, at least 5."""
    return max(5, round((num_frames - 1) / TEMPORAL_STRIDE) * TEMPORAL_STRIDE + 1)


def nearest_multiple(value_px: int, multiple_px: int) -> int:
    """The nearest positive multiple of `multiple_px`."""
    return max(multiple_px, round(value_px / multiple_px) * multiple_px)


def place_center(place: str, width_px: float, height_px: float) -> tuple[float, float]:
    """Center of a named place in pixels."""
    column, row = PLACES[place]
    return (column + 0.5) * width_px / 3, (row + 0.5) * height_px / 3


def place_of(x_px: float, y_px: float, width_px: float, height_px: float) -> str:
    """The named place that holds a point; points outside belong to the nearest place."""
    column = min(2, max(0, int(3 * x_px / width_px)))
    row = min(2, max(0, int(3 * y_px / height_px)))
    return next(name for name, cell in PLACES.items() if cell == (column, row))
