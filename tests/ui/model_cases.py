"""Models, downloads and devices as the services describe them, for tests of the Models tab."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from videosketcher_app.services.downloads import DownloadView
from videosketcher_app.services.model_manager.views import GIB, Held, MemoryPicture
from videosketcher_app.ui.tabs.models.shown import ShownModel

HOSTILE = "<img src=x onerror=alert(1)>${1}{{a}}"
AWAY = ShownModel(
    name="wan",
    kind="model",
    about="It draws.",
    licence="Apache-2.0",
    state="absent",
    total_bytes=10 * GIB,
    needs=("text", "vae"),
    missing=("vae",),
    source="Wan-AI/Wan (Hugging Face)",
)
HERE = replace(AWAY, state="here", num_bytes=10 * GIB, where=Path("/models/wan"), missing=())
COMING = DownloadView(
    name="wan",
    state="running",
    bytes_done=3 * GIB,
    bytes_total=10 * GIB,
    rate=100.0 * 1024**2,
    seconds_left=72.0,
    message="",
    hint="",
)
CARD = MemoryPicture(
    device="cuda:0",
    name="A card",
    total=16 * GIB,
    free=6 * GIB,
    held=(
        Held(name="ar", where="gpu", num_bytes=5 * GIB, why="stays", stays=True),
        Held(name="wan", where="ram", num_bytes=20 * GIB, why="streamed from here"),
    ),
    budget_bytes=12 * GIB,
    is_budget_set=True,
    ram_total=64 * GIB,
    ram_free=30 * GIB,
    said=("The weights come from memory now.",),
)
