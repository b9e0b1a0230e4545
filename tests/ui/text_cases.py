"""What tests of the Text tab ask for, and the draws of it."""

from __future__ import annotations

from videosketcher_app.core.access import Role
from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.planner import PlannedDrawing
from videosketcher_app.ui.tabs.text import drawing
from videosketcher_app.ui.tabs.text.drawing import Asked
from videosketcher_app.ui.tabs.text.turns import Turn

#        concept, as written, seed, model, steps, guidance, frames, size, fps, planner
#        kept, film, strength; mode, negative prompt, attention, rounding
FIELDS = ["a cat", False, 7, "tiny", "", "", 81, "", 16, "auto", "", None, 0.8]
FIELDS += ["exact", "", "torch", "none"]
OPTIONS = [1080, 0, 1, "a4", True]


def fields(**changes):
    names = [
        "concept",
        "as_written",
        "seed",
        "model",
        "steps",
        "guidance",
        "frames",
        "size",
        "fps",
        "planner",
        "kept",
        "film",
        "strength",
        "mode",
        "negative_prompt",
        "attention",
        "rounding",
    ]
    return tuple(changes.get(name, value) for name, value in zip(names, FIELDS, strict=True))


def asked(plan=None, draft=None, session="page", **changes) -> Asked:
    return Asked(values=fields(**changes), plan=plan, draft=draft, session=session)


def drawn(services, question, role=Role.OWNER, turn=None):
    return list(drawing.draw(services, role, question, turn or Turn()))


def planned(services, prompt="a cat") -> PlannedDrawing:
    return services.planner.plan(SketchRequest(prompt=prompt))
