"""docs/hardware.md says what the formula says, and what the benchmark has measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from videosketcher_app.services.model_manager.cards import CARDS
from videosketcher_app.services.model_manager.hardware import page

ROOT = Path(__file__).resolve().parents[3]
SIZES = (6, 8, 12, 16, 24, 48, 80)


def test_the_page_is_current() -> None:
    command = [sys.executable, ROOT / "scripts" / "write_hardware.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("gigabytes", SIZES)
def test_every_size_of_card_has_its_table(gigabytes: int) -> None:
    card = next(card for card in CARDS if card.memory_gb == gigabytes)
    text = page()
    assert f"## {gigabytes} GB, for instance {card.name}" in text
    section = text.split(f"## {gigabytes} GB")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    assert len(rows) == 7, "a head and six ways to draw"
    assert "`as_published`" in section
    assert "computed" in text.split("## How the figures come about")[1]


def test_what_was_measured_is_told_as_such() -> None:
    assert "once they are in" in page()
    machine = {"gpu": "NVIDIA H200"}
    lines = [
        {
            "what": "streamed bf16",
            "limit_gb": 8.0,
            "fits": True,
            "seconds": 9.9,
            "machine": machine,
        },
        {
            "what": "streamed bf16",
            "limit_gb": 8.0,
            "fits": True,
            "seconds": 3.3,
            "machine": machine,
        },
        {"what": "streamed fp8", "limit_gb": 6.0, "fits": False, "machine": machine},
        {"what": "tight", "limit_gb": 6.0, "fits": False, "since": "mended", "machine": machine},
        {"what": "resident bf16", "seconds": 3.0, "machine": machine},
    ]
    proof = page(lines).split("## Proof")[1]
    assert "| streamed bf16 | 8 GB | fits, 3.3 s | NVIDIA H200 |" in proof
    assert "9.9" not in proof
    assert "| streamed fp8 | 6 GB | does not fit | NVIDIA H200 |" in proof
    assert "| tight | 6 GB | does not fit (mended) | NVIDIA H200 |" in proof
    assert "resident" not in proof
