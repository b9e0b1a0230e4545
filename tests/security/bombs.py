"""Every bomb of T8 in one list, each with what would open it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.security import media_cases as media
from tests.security import text_cases as texts
from videosketcher_app.core.access import LIMITS, Role
from videosketcher_app.core.errors import InvalidFile
from videosketcher_app.services.outputs import read_request
from videosketcher_app.services.presets import PRESETS, load_presets
from videosketcher_app.services.prompts_file import read_prompts
from videosketcher_app.storage.guarded_media import decode_image, decode_video
from videosketcher_app.storage.tensors import read_header, read_pickle_weights


@dataclass(frozen=True, kw_only=True)
class Bomb:
    """One file.

    Attributes:
        open: does with it what the app does; refuses it with an AppError.
    """

    kind: str
    name: str
    open: Callable[[], object]


def all_bombs(folder: Path) -> Iterator[Bomb]:
    """Pictures, videos, YAML, prompts, requests, weights and an archive; files go to `folder`."""
    pictures, videos = media.parts_bombs()
    for name, data in (media.image_bombs() | pictures).items():
        yield Bomb(kind="picture", name=name, open=_decoding(decode_image, data))
    for name, data in (media.video_bombs() | videos).items():
        yield Bomb(kind="video", name=name, open=_decoding(decode_video, data))
    yield from _texts(folder)
    for name, data in texts.WEIGHT_BOMBS.items():
        path = _written(folder / "bomb.safetensors", data)
        yield Bomb(kind="weights", name=name, open=lambda path=path: read_header(path))
    path = _written(folder / "bomb.pt", texts.zip_of_zeros(1 << 29))
    yield Bomb(kind="archive", name="zip", open=lambda: read_pickle_weights(path))


def _texts(folder: Path) -> Iterator[Bomb]:
    own = folder / "presets"
    own.mkdir()
    for name, text in texts.YAML_BOMBS.items():
        _written(own / "bomb.yaml", text.encode())
        yield Bomb(kind="yaml", name=name, open=lambda: _preset(own))
    for name, text in texts.PROMPT_BOMBS.items():
        path = _written(folder / name, text.encode())
        yield Bomb(kind="prompts", name=name, open=lambda path=path: read_prompts(path))
    for name, text in texts.REQUEST_BOMBS.items():
        yield Bomb(kind="request", name=name, open=lambda text=text: read_request(text))


def _decoding(decode: Callable[..., object], data: bytes) -> Callable[[], object]:
    return lambda: decode(data, limits=LIMITS[Role.GUEST])


def _preset(folder: Path) -> None:
    """A broken preset is left out with a notice, which counts as a refusal here."""
    _, notices = load_presets(PRESETS, folder)
    if notices:
        raise InvalidFile(notices[0].message)


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
