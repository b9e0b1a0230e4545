"""Limits of browser tests: a slow machine is no fault, they only end what hangs."""

from __future__ import annotations

from pathlib import Path

import pytest

HANGS_S = 900
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives the tests of this folder a longer limit than others have, unless they have their own."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(HANGS_S), append=False)
