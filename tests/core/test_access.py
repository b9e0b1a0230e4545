"""What a guest may do is a short list; the owner may do everything."""

from __future__ import annotations

import dataclasses

import pytest

from videosketcher_app.core.access import LIMITS, Capability, Role, allows, require
from videosketcher_app.core.errors import Forbidden

GUEST_MAY = {
    Capability.GENERATE,
    Capability.CO_DRAW,
    Capability.READ_OWN_OUTPUTS,
    Capability.UPLOAD_MEDIA,
    Capability.SEE_WALL,
}


@pytest.mark.parametrize("capability", Capability)
def test_the_table_of_roles(capability: Capability) -> None:
    assert allows(Role.OWNER, capability)
    require(Role.OWNER, capability)
    assert allows(Role.GUEST, capability) == (capability in GUEST_MAY)


@pytest.mark.security
@pytest.mark.parametrize("capability", sorted(set(Capability) - GUEST_MAY, key=lambda c: c.name))
def test_a_guest_is_refused_with_a_sentence(capability: Capability) -> None:
    with pytest.raises(Forbidden, match=f"A guest may not {capability.value}"):
        require(Role.GUEST, capability)


def test_no_guest_limit_is_above_the_owners() -> None:
    owner, guest = LIMITS[Role.OWNER], LIMITS[Role.GUEST]
    for field in dataclasses.fields(guest):
        own = getattr(owner, field.name)
        assert own is None or getattr(guest, field.name) <= own, field.name
