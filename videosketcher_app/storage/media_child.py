"""The child process that decodes what strangers upload: run by `storage.guarded_media`, no one else.

Arguments: "image" or "video", the limits as JSON, a memory budget in bytes, a path or "-" for
standard input, and options of `media.read_image` as JSON. On standard output: one line of JSON,
{"shape": [T, H, W, 3], "fps": ...} where T is the most frames there can be, then every frame as "F"
and its bytes, then "E". A picture that keeps its transparency has 4 channels. Where something is
wrong, a line of JSON with the error comes instead, after "X" if frames came before.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from videosketcher_app.core.access import Limits
from videosketcher_app.core.errors import AppError, InvalidFile
from videosketcher_app.storage import media
from videosketcher_app.storage.memory_limit import limit_memory

FRAME, END, ERROR = b"F", b"E", b"X"


def main() -> None:
    """Decodes one file and ends."""
    kind, limits_json, budget_bytes, place, options_json = sys.argv[1:]
    output = sys.stdout.buffer
    limits = Limits(**json.loads(limits_json))
    source = sys.stdin.buffer.read() if place == "-" else Path(place)
    limit_memory(int(budget_bytes))
    try:
        if kind == "image":
            picture = media.read_image(source, limits=limits, **json.loads(options_json))
            send(output, (1, *picture.shape), 0.0, [picture])
        else:
            with media.open_video(source, limits=limits, **json.loads(options_json)) as video:
                shape = (video.max_frames, video.height, video.width, 3)
                send(output, shape, video.fps, video.frames_HW3)
    except MemoryError:
        fail(output, InvalidFile("This file needs too much memory.", hint="Use a smaller one."))
    except AppError as error:
        fail(output, error)
    output.flush()


def send(
    output: BinaryIO,
    shape: tuple[int, ...],
    fps: float,
    frames_HW3: Iterable[NDArray[np.uint8]],
) -> None:
    """The header and all frames; the header goes out with the first frame."""
    header = json.dumps({"shape": shape, "fps": fps}).encode() + b"\n"
    for frame_HW3 in frames_HW3:
        output.write(header + FRAME)
        output.write(np.ascontiguousarray(frame_HW3).data)
        header = b""
    if header:
        raise InvalidFile("This video has no frames.", hint="Use another file.")
    output.write(END)


def fail(output: BinaryIO, error: AppError) -> None:
    """Why there are no frames, or no more."""
    output.write(ERROR + json.dumps({"message": error.message, "hint": error.hint}).encode())


if __name__ == "__main__":
    main()
