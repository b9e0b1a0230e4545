"""Which LoRA a table is: layout, rank and the size of Wan that it fits, from names and shapes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

from videosketcher_app.models.identify.contents import Contents, Entry
from videosketcher_app.models.identify.identity import Identity
from videosketcher_app.models.lora.adapter import MAX_RANK
from videosketcher_app.models.lora.families import family_of, refuse_other_kinds
from videosketcher_app.models.lora.layouts import layout_of
from videosketcher_app.models.lora.names import DIFFERENCES, TensorName, take_apart

_MARKS = ("lora_", ".lora.", "lokr_", "hada_", "oft_", "dora_", "diff_b")
Group = dict[str, Entry]


def is_lora(names: Mapping[str, Entry]) -> bool:
    """True if the names speak of an adapter, of this or of another kind."""
    return any(mark in name for name in names for mark in _MARKS)


def lora_identity(contents: Contents) -> Identity:
    """The identity of a LoRA.

    Raises:
        InvalidFile: it is no LoRA for a Wan transformer; says what it looks like.
    """
    parts = {name: take_apart(name) for name in contents.tensors}
    refuse_other_kinds(parts, contents.source)
    known = {name: part for name, part in parts.items() if part is not None}
    groups = _groups(known, contents.tensors)
    shapes, ranks, problems = _judged(groups)
    layout, family = layout_of(known.values()), family_of(shapes)
    rank = "/".join(map(str, sorted(ranks))) or "0"
    if not family and not problems:
        problems = ["its matrices fit no size of Wan that is known"]
    return Identity(
        kind="lora",
        label=f"LoRA for {family or 'an unknown network'}, rank {rank}, {layout} keys, "
        f"{len(groups)} modules",
        num_tensors=len(contents.tensors),
        num_bytes=contents.num_bytes,
        problems=(*contents.problems, *problems),
        files=contents.files,
        facts={"family": family, "ranks": sorted(ranks), "layout": layout},
    )


def _groups(
    parts: Mapping[str, TensorName], tensors: Mapping[str, Entry]
) -> Mapping[str, list[tuple[str, Entry]]]:
    groups: dict[str, list[tuple[str, Entry]]] = defaultdict(list)
    for name, part in parts.items():
        groups[part.module].append((part.kind, tensors[name]))
    return groups


def _judged(
    groups: Mapping[str, list[tuple[str, Entry]]],
) -> tuple[dict[str, tuple[int, ...]], set[int], list[str]]:
    """(shapes of the parameters that it changes, ranks, what is wrong with the first bad module)."""
    shapes: dict[str, tuple[int, ...]] = {}
    ranks: set[int] = set()
    for module, entries in groups.items():
        group = dict(entries)
        flaw = _flaw_of(module, entries, group)
        if flaw:
            return shapes, ranks, [flaw]
        for kind, parameter in DIFFERENCES.items():
            if kind in group:
                shapes[f"{module}.{parameter}"] = group[kind].shape
        if "down" in group:
            down, up = group["down"].shape, group["up"].shape
            shapes[f"{module}.weight"] = (up[0], math.prod(down[1:]))
            ranks.add(down[0])
    return shapes, ranks, []


def _flaw_of(module: str, entries: list[tuple[str, Entry]], group: Group) -> str:
    if len(group) < len(entries):
        return f"it holds {module} twice, under different names"
    if group.keys() <= set(DIFFERENCES):
        return ""
    lost = [kind for kind in ("down", "up") if kind not in group]
    if lost:
        return f"it has no {lost[0]} matrix for {module}"
    down, up = group["down"], group["up"]
    if len(down.shape) < 2 or len(up.shape) < 2 or not (down.is_float and up.is_float):
        return f"its matrices for {module} are none"
    if down.shape[0] != math.prod(up.shape[1:]):
        return f"it has rank {down.shape[0]} down and {math.prod(up.shape[1:])} up in {module}"
    if not 0 < down.shape[0] <= MAX_RANK:
        return f"its rank in {module} is {down.shape[0]:,}"
    return ""
