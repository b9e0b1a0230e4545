"""A session on the disk: written as it grows, so that a restart of the app brings it back.

<folder>/session.json        the request, the words, the tree's shape, strokes not yet answered
         turn_000001.json    one turn: its strokes and its blocks
         turn_000001.safetensors   its frames, as changes
         latents/            what the model drew, block by block

Turns are written before the session's own file names them, each file whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.data.strokes import Pen, Stroke
from videosketcher_app.services.codraw.blocks import Block, BlockMaker
from videosketcher_app.services.codraw.hand import HandStroke
from videosketcher_app.services.codraw.paper import Paper
from videosketcher_app.services.codraw.reel import Reel
from videosketcher_app.services.codraw.turns import Turn, TurnTree, known_mode
from videosketcher_app.storage import atomic, bounded

FORMAT = 1
SESSION_FILE = "session.json"
MAX_JSON_BYTES = 200_000_000
_HINT = "Begin a new drawing; the files of this one are left where they are."


def stroke_values(kept: HandStroke) -> dict[str, Any]:
    """A stroke as JSON values, exact to the last bit."""
    stroke, pen = kept.stroke, kept.stroke.pen
    rows = np.column_stack([stroke.points_N2, stroke.times_N, stroke.pressure_N])
    return {
        "points": rows.astype(float).tolist(),
        "color": list(pen.color),
        "width": pen.width_px,
        "opacity": pen.opacity,
        "eraser": kept.eraser,
        "seconds": kept.seconds,
    }


def stroke_of(values: Mapping[str, Any]) -> HandStroke:
    """The stroke of `stroke_values`."""
    table = np.array(values["points"], np.float32).reshape(-1, 4)
    red, green, blue = (float(value) for value in values["color"])
    pen = Pen(
        color=(red, green, blue), width_px=float(values["width"]), opacity=float(values["opacity"])
    )
    stroke = Stroke(
        points_N2=table[:, :2].copy(),
        times_N=table[:, 2].copy(),
        pressure_N=table[:, 3].copy(),
        pen=pen,
    )
    return HandStroke(
        stroke=stroke, eraser=values["eraser"] is True, seconds=float(values["seconds"])
    )


def write_turn(folder: Path, turn: Turn) -> None:
    """Writes one turn.

    Raises:
        CannotWrite: the disk is full or cannot be written.
    """
    from videosketcher_app.storage.tensors import write_safetensors

    user_HW = turn.paper.user_HW
    covered_K = np.flatnonzero(user_HW).astype(np.int32)
    arrays = {
        **turn.reel.to_arrays(),
        "user_pixels": covered_K,
        "user_cover": user_HW.reshape(-1)[covered_K],
    }
    stem = _stem(turn.number)
    write_safetensors(folder / f"{stem}.safetensors", arrays)
    values = {
        "number": turn.number,
        "parent": turn.parent,
        "hand": turn.hand,
        "strokes": [stroke_values(stroke) for stroke in turn.strokes],
        "blocks": [_block_values(block) for block in turn.blocks],
        "first_frame": turn.first_frame,
        "seed": turn.seed,
        "mode": turn.mode,
        "facts": dict(turn.facts),
        "drawn_frames": turn.drawn_frames,
        "traced": turn.traced,
    }
    atomic.write_text(folder / f"{stem}.json", json.dumps(values, allow_nan=False))


def write_session(folder: Path, values: Mapping[str, Any]) -> None:
    """Writes the session's own file.

    Raises:
        CannotWrite: the disk is full or cannot be written.
    """
    text = json.dumps({"format": FORMAT, **values}, ensure_ascii=False, allow_nan=False)
    atomic.write_text(folder / SESSION_FILE, text)


def read_session(folder: Path) -> dict[str, Any]:
    """What `write_session` wrote.

    Raises:
        InvalidFile: it is missing, damaged or of another format.
    """
    values = _read_json(folder / SESSION_FILE)
    if values.get("format") != FORMAT:
        raise InvalidFile("This drawing was kept by another version of the app.", hint=_HINT)
    return values


def read_tree(
    folder: Path, numbers: Sequence[int], maker: BlockMaker, *, width: int, height: int
) -> TurnTree:
    """The turns of a session, in the order of their numbers.

    Raises:
        InvalidFile: a turn is missing or damaged.
    """
    tree = TurnTree()
    blank = Paper.blank(width, height)
    for number in sorted(numbers):
        try:
            tree.add(_read_turn(folder, number, tree, maker, blank))
        except (KeyError, TypeError, ValueError, AssertionError, IndexError) as error:
            raise InvalidFile(f"Turn {number} of this drawing is damaged.", hint=_HINT) from error
        except AppError as error:
            raise InvalidFile(f"Turn {number}: {error.message}", hint=_HINT) from error
    return tree


def damaged() -> InvalidFile:
    """What to raise when a kept drawing cannot be brought back."""
    return InvalidFile("This drawing is damaged and cannot be brought back.", hint=_HINT)


def _read_turn(folder: Path, number: int, tree: TurnTree, maker: BlockMaker, blank: Paper) -> Turn:
    from videosketcher_app.storage.tensors import read_safetensors

    stem = _stem(number)
    values = _read_json(folder / f"{stem}.json")
    tensors = read_safetensors(folder / f"{stem}.safetensors")
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    parent = None if values["parent"] is None else tree.turn(values["parent"])
    before = blank if parent is None else parent.paper
    reel = Reel.read(before.picture_HW3, arrays)
    user_HW = np.zeros_like(before.user_HW)
    user_HW.reshape(-1)[arrays["user_pixels"]] = arrays["user_cover"]
    return Turn(
        number=int(values["number"]),
        parent=None if parent is None else parent.number,
        hand="you" if values["hand"] == "you" else "model",
        strokes=tuple(stroke_of(stroke) for stroke in values["strokes"]),
        reel=reel,
        paper=Paper(reel.last_HW3, user_HW),
        blocks=tuple(_read_block(block, reel, parent, maker) for block in values["blocks"]),
        first_frame=int(values["first_frame"]),
        seed=values["seed"],
        mode=known_mode(values.get("mode")),
        facts={str(name): str(said) for name, said in values.get("facts", {}).items()},
        drawn_frames=int(values["drawn_frames"]),
        traced=values["traced"] is True,
    )


def _block_values(block: Block) -> dict[str, Any]:
    return {
        "key": block.key,
        "words": block.words,
        "start": block.start,
        "stop": block.stop,
        "shown": block.shown is not None,
    }


def _read_block(
    values: Mapping[str, Any], reel: Reel, parent: Turn | None, maker: BlockMaker
) -> Block:
    words, key = str(values["words"]), int(values["key"])
    start, stop = int(values["start"]), int(values["stop"])
    if not values["shown"]:
        return maker.drawn(words, start=start, stop=stop, key=key)
    before = None if parent is None else parent.reel
    return maker.shown(words, reel, start=start, stop=stop, parent=before, key=key)


def _read_json(path: Path) -> dict[str, Any]:
    text = bounded.read_text(path, max_bytes=MAX_JSON_BYTES, what="kept drawing")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged() from error
    if not isinstance(values, dict):
        raise damaged()
    return values


def _stem(number: int) -> str:
    return f"turn_{number:06d}"
