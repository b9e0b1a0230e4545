"""What is known of a machine's speed: measured on it, or from its card's data sheet."""

from __future__ import annotations

from collections.abc import Callable

from videosketcher_app.models.machine import Machine
from videosketcher_app.services.model_manager.calibration import CalibrationStore
from videosketcher_app.services.model_manager.cards import card_of
from videosketcher_app.services.model_manager.speed import Rates


def known_rates(store: CalibrationStore) -> Callable[[Machine], Rates | None]:
    """Looks a machine up; None if it was never measured and its card is not listed."""

    def rates(machine: Machine) -> Rates | None:
        calibration = store.of(machine)
        if calibration is not None:
            return calibration.rates
        card = card_of(machine.name, machine.total_bytes) if not machine.shares_memory else None
        return card.rates if card is not None else None

    return rates
