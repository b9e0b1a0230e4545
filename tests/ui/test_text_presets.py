"""Presets in the Text tab: only those whose model can draw now and whose settings the tab can hold."""

from __future__ import annotations

from videosketcher_app.core.requests import SketchRequest
from videosketcher_app.services.presets import PRESETS, load_presets
from videosketcher_app.ui.tabs.text.lora_slots import slot_values
from videosketcher_app.ui.tabs.text.values import preset_choices

SHIPPED, _ = load_presets(PRESETS)


def offered(*models):
    return {name for _, name in preset_choices(SHIPPED, models)}


def test_studio_presets_wait_for_their_model():
    assert "default" in offered("pocket-t2v")
    assert not {"studio", "vector_style"} & offered("pocket-t2v")
    assert {"studio", "four_steps"} <= offered("pocket-t2v", "wan2.1-t2v-14b")
    assert "vector_style" in offered("pocket-t2v", "wan2.1-t2v-1.3b")


def test_what_the_tab_has_no_field_for_stays_on_the_command_line():
    every = [preset.request["model"] for preset in SHIPPED if "model" in preset.request]
    assert {"as_published", "as_published_brush"} <= offered("pocket-t2v", *every)
    assert "picture" not in offered("pocket-t2v", *every)


def test_a_preset_brings_its_loras():
    preset = next(preset for preset in SHIPPED if preset.name == "four_steps")
    values = slot_values(SketchRequest(prompt="a cat", **preset.request))
    assert values[:4] == ["videosketcher-t2v-lora", 1.0, "lightx2v-4-steps-lora", 1.0]
