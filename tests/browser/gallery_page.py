"""The Gallery tab alone, on drawings that are on the disk already, in a child process."""

from __future__ import annotations

CODE = """
import logging
from pathlib import Path
from videosketcher_app.core.access import Role
from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.container import build as build_services
from videosketcher_app.ui.context import PageContext
from videosketcher_app.ui.tabs import gallery

settings = load_settings(workspace=Path({home!r}), output_dir=Path({out!r}), device="cpu")
services = build_services(settings)
with gr.Blocks() as blocks:
    with gr.Tabs():
        with gr.Tab("Text"):
            taken = gr.Textbox(label="taken", elem_id="taken")
        with gr.Tab("Gallery"):
            gallery.build(
                PageContext(services=services, role=Role.OWNER, model="tiny"),
                reuse=lambda request, planned: [f"{{request.prompt}} / {{planned.plan.concept}}"],
                reuse_outputs=[taken],
            )
"""


def gallery_code(home: str, out: str) -> str:
    """The code that `component_app` runs."""
    return CODE.format(home=home, out=out)
