"""The doctor names what is wrong, each finding with what to do."""

from __future__ import annotations

import pytest

from videosketcher_app.core.settings import load_settings
from videosketcher_app.services.doctor import examine

KEY = "sk-canary-0123456789"


@pytest.fixture
def settings(tmp_path):
    return load_settings(
        workspace=tmp_path / "home", output_dir=tmp_path / "out", device="cpu", openai_api_key=KEY
    )


def test_every_finding_that_is_not_good_says_what_to_do(settings):
    findings = examine(settings)
    assert {"python", "torch", "memory", "disk", "video encoder", "device"} <= {
        finding.name for finding in findings
    }
    assert all(finding.good or finding.hint for finding in findings)
    assert not settings.output_dir.exists()


def test_folder_that_cannot_be_written_is_found(settings):
    settings.output_dir.write_text("in the way", encoding="utf-8")
    found = {finding.name: finding for finding in examine(settings)}
    assert not found["output folder"].good
