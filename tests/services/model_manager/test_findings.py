"""The doctor on machines that are not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.model_manager.machines import card, processor
from videosketcher_app.core.settings import AppSettings, load_settings
from videosketcher_app.services.doctor import Finding
from videosketcher_app.services.model_manager import findings
from videosketcher_app.services.model_manager.views import SelfTest, TestRow


@pytest.fixture
def settings(tmp_path: Path) -> AppSettings:
    return load_settings(workspace=tmp_path / "home", output_dir=tmp_path / "out")


def rows(settings: AppSettings, machine: object) -> dict[str, Finding]:
    found = findings.machine_findings(settings, look=lambda _: machine)  # type: ignore[arg-type,return-value]
    return {finding.name: finding for finding in found}


def test_a_card_is_described_with_its_formats(settings: AppSettings) -> None:
    found = rows(settings, card(24, name="NVIDIA GeForce RTX 4090", has_fp8=True))
    assert found["graphics card"].found.startswith("NVIDIA GeForce RTX 4090, 24.0 GB")
    assert found["graphics card"].found.endswith("bf16, fp8")
    assert "about" in found["room for wan2.1-t2v-14b"].found, "its data sheet is known"
    old = rows(settings, card(6, has_bf16=False))
    assert "no bf16: fp16 is used" in old["graphics card"].found
    assert "not measured" in old["speed"].found
    assert all(finding.good for finding in found.values())


def test_a_card_that_torch_cannot_use_is_trouble(
    settings: AppSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rows(settings, processor())["graphics card"].good
    monkeypatch.setattr(findings, "driver_version", lambda: "driver 580.1")
    found = rows(settings, processor())["graphics card"]
    assert not found.good
    assert found.hint
    on_purpose = settings.model_copy(update={"device": "cpu"})
    assert rows(on_purpose, processor())["graphics card"].good


def test_a_budget_beyond_the_device_is_trouble(settings: AppSettings) -> None:
    assert rows(settings, card(8))["memory budget"].found == "all of 8.0 GB"
    small = settings.model_copy(update={"memory_gb": 6.0})
    assert rows(small, card(8))["memory budget"].good
    large = rows(settings.model_copy(update={"memory_gb": 60.0}), card(8))["memory budget"]
    assert not large.good
    assert large.hint


def test_a_device_that_is_not_there_is_told_once(settings: AppSettings) -> None:
    def look(_device: str) -> object:
        raise RuntimeError("no such device")

    assert findings.machine_findings(settings, look=look) == []  # type: ignore[arg-type]


def test_a_failed_self_test_is_trouble() -> None:
    good = TestRow(name="pocket-t2v", good=True, seconds=1.0, sentence="It drew 9 frames.")
    bad = TestRow(name="tiny", good=False, seconds=1.0, sentence="No.", hint="Verify.")
    first, second = findings.self_test_findings(SelfTest(rows=(good, bad)))
    assert (first.name, first.good, second.good) == ("pocket-t2v draws", True, False)
    assert second.hint == "Verify."
