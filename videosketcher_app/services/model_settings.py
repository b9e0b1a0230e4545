"""Which settings of a request a model can use, told from the catalogue before anything is loaded."""

from __future__ import annotations

# What the published networks have and small models have not.
_STUDIO: tuple[str, ...] = ("negative_prompt", "attention", "rounding")
MODEL_SETTINGS: tuple[str, ...] = ("mode", *_STUDIO)


def usable_settings(model: str) -> frozenset[str]:
    """Those of MODEL_SETTINGS that change what a model of the catalogue draws; none for unknown ones.

    A negative prompt also asks for guidance, which a request may turn off: that is for
    `generation.check_model_can` to say. Where no mode of speed leaves anything out, there is no
    mode to choose.
    """
    from videosketcher_app.engines.memory.modes import acceleration_of
    from videosketcher_app.services.model_facts import all_facts

    facts = next((facts for facts in all_facts() if facts.name == model), None)
    if facts is None or facts.kind == "causal":
        return frozenset()
    modes = () if acceleration_of("fast", model).is_exact else ("mode",)
    return frozenset((*modes, *(_STUDIO if facts.family == "wan" else ())))
