"""What is wrong with a table of tensors that should be a certain network's: a sentence a kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from videosketcher_app.models.identify.contents import Entry

_NAMED = 2


def differences(
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, Entry],
    *,
    optional: Collection[str] = (),
) -> tuple[str, ...]:
    """How a table differs from a network; empty if in nothing.

    Args:
        optional: the beginnings of names that may be missing, or may be too much.
    """

    def strict(names: Collection[str]) -> list[str]:
        return sorted(name for name in names if not name.startswith(tuple(optional)))

    missing = strict(expected.keys() - found.keys())
    extra = strict(found.keys() - expected.keys())
    shared = sorted(expected.keys() & found.keys())
    other = [name for name in shared if expected[name] != found[name].shape]
    whole = [name for name in shared if not found[name].is_float]
    told = []
    if missing:
        told.append(f"it lacks {_listed(missing)}")
    if extra:
        told.append(f"it holds {_listed(extra)}, which that network has not")
    if other:
        name = other[0]
        told.append(
            f"{name[:80]!r} has the shape {found[name].shape} instead of {expected[name]}"
            + _more(other)
        )
    if whole:
        told.append(f"{whole[0][:80]!r} holds whole numbers where weights are fractions")
    return tuple(told)


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name[:80]) for name in names[:_NAMED]) + (
        f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    )


def _more(names: list[str]) -> str:
    return f", and {len(names) - 1} more differ" if len(names) > 1 else ""
