"""What `doctor` says of the graphics card, the memory budget, the speed, and of Studio models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from videosketcher_app.core.errors import AppError
from videosketcher_app.core.settings import AppSettings
from videosketcher_app.models.machine import Machine, driver_version, look_at
from videosketcher_app.services.doctor import Finding
from videosketcher_app.services.lease import device_lease
from videosketcher_app.services.model_manager.budget import BudgetNote
from videosketcher_app.services.model_manager.calibration import CalibrationStore
from videosketcher_app.services.model_manager.plans import MemoryPlans
from videosketcher_app.services.model_manager.rates import known_rates
from videosketcher_app.services.model_manager.views import GIB, SelfTest, gigabytes
from videosketcher_app.storage.paths import Workspace

LARGE_MODELS = ("wan2.1-t2v-1.3b", "wan2.1-t2v-14b", "wan2.1-i2v-14b-480p")


def machine_findings(
    settings: AppSettings, *, look: Callable[[str], Machine] = look_at
) -> list[Finding]:
    """The rows about this machine; none of them stops Pocket from drawing."""
    workspace = Workspace(settings.workspace)
    budget_gb = settings.memory_gb or BudgetNote(workspace.root).read()
    store = CalibrationStore(workspace.cache)
    plans = MemoryPlans(
        device_lease(settings.device, budget_gb),
        device=settings.device,
        look=look,
        rates=known_rates(store),
    )
    try:
        machine = plans.machine()
    except AppError:  # the row about the device says it
        return []
    return [
        _card(machine, settings.device),
        _budget(machine, budget_gb),
        _speed(machine, store),
        *(_fit(plans, name) for name in LARGE_MODELS),
    ]


def self_test_findings(result: SelfTest) -> list[Finding]:
    """One row a model."""
    return [
        Finding(name=f"{row.name} draws", good=row.good, found=row.sentence, hint=row.hint)
        for row in result.rows
    ]


def _card(machine: Machine, wanted: str) -> Finding:
    driver = driver_version()
    if machine.shares_memory:
        unused = bool(driver) and wanted == "auto"
        return Finding(
            name="graphics card",
            good=not unused,
            found=f"NVIDIA {driver}, but torch cannot use the card" if unused else "none",
            hint="Install torch's build for CUDA and a driver that is new enough for it."
            if unused
            else "",
        )
    formats = [name for name, has in asdict(machine).items() if name.startswith("has_") and has]
    said = ", ".join(name.removeprefix("has_") for name in formats) or "no bf16: fp16 is used"
    return Finding(
        name="graphics card",
        good=True,
        found=f"{machine.name}, {gigabytes(machine.total_bytes)}, "
        f"{gigabytes(machine.free_bytes)} free, {machine.driver}, {said}",
    )


def _budget(machine: Machine, budget_gb: float | None) -> Finding:
    name = "memory budget"
    if budget_gb is None:
        return Finding(name=name, good=True, found=f"all of {gigabytes(machine.total_bytes)}")
    too_much = budget_gb * GIB > machine.total_bytes
    return Finding(
        name=name,
        good=not too_much,
        found=f"{budget_gb:g} GB of {gigabytes(machine.total_bytes)}",
        hint="It is more than there is: choose less with --memory or in the Models tab."
        if too_much
        else "",
    )


def _speed(machine: Machine, store: CalibrationStore) -> Finding:
    kept = store.read()
    if kept is None:
        found = "not measured; `doctor --calibrate` does it in ten seconds"
    elif kept.is_of(machine):
        found = kept.sentence
    else:
        found = "measured before the card, the driver or torch changed; `doctor --calibrate` again"
    return Finding(name="speed", good=True, found=found)


def _fit(plans: MemoryPlans, name: str) -> Finding:
    return Finding(name=f"room for {name}", good=True, found=plans.fit(name).sentence)
