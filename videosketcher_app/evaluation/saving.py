"""An evaluation on disk: report.json, report.md and contact sheets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from videosketcher_app.evaluation.scores import Score
from videosketcher_app.evaluation.sheet import write_pairs, write_sheet
from videosketcher_app.evaluation.text import Report, SetReport
from videosketcher_app.storage import atomic

SHEET_ROWS = 24
WEAKEST_NAMES = 25
CALIBRATION_KEYS = ("figures", "figures_decoded")


def as_rows(report: Report) -> list[dict[str, object]]:
    """One flat row a set, memory included, then the detector's calibration by source."""
    rows: list[dict[str, object]] = [
        {"set": name, **part.figures, "seconds": round(part.seconds, 1)}
        for name, part in report.sets.items()
    ]
    if report.spread:
        rows.append(_memory_row(report))
    for key in CALIBRATION_KEYS:
        for source, values in report.calibration.get(key, {}).items():
            rows.append({"set": f"calibration:{source}", "look": key, **values})
    return rows


def _memory_row(report: Report) -> dict[str, object]:
    distances = [n.distance for _, n in report.nearest if math.isfinite(n.distance)]
    row: dict[str, object] = {"set": "memory", "concepts": len(report.spread)}
    if not math.isnan(report.spread_ratio):
        row["spread_ratio"] = round(report.spread_ratio, 4)
    if distances:
        row["nearest_render_mean"] = round(float(np.mean(distances)), 4)
        row["nearest_render_least"] = round(min(distances), 4)
    if report.fresh:
        row["nearest_render_of_fresh_mean"] = round(float(np.mean(report.fresh)), 4)
        row["nearest_render_of_fresh_least"] = round(min(report.fresh), 4)
    return row


def save_report(report: Report, folder: Path) -> None:
    """Writes the report and one contact sheet a set into a folder.

    Raises:
        CannotWrite: the folder cannot be written or the disk is full.
    """
    atomic.write_json(
        folder / "report.json",
        {
            "figures": as_rows(report),
            "by_name": {name: part.by_name for name, part in report.sets.items()},
            "spread_ratio": {k: v for k, v in report.spread.items() if not math.isnan(v)},
            "faults": {name: _faults(part.scores) for name, part in report.sets.items()},
            "causes": list(report.causes),
        },
    )
    atomic.write_text(folder / "report.md", markdown(report))
    for name, part in report.sets.items():
        write_sheet(folder / f"sheet_{name}.png", _shown(name, part.scores))
        faulty = [score for score in part.scores if score.faults()]
        write_sheet(folder / f"sheet_{name}_faults.png", faulty[:SHEET_ROWS])
    if report.nearest:
        write_pairs(folder / "sheet_nearest_renders.png", report.nearest)


def _shown(name: str, scores: Sequence[Score]) -> list[Score]:
    """All untaught concepts, and evenly spaced drawings of every other set."""
    if name == "heldout_concepts" or len(scores) <= SHEET_ROWS:
        return list(scores)
    return [scores[i] for i in np.linspace(0, len(scores) - 1, SHEET_ROWS).astype(int)]


def _faults(scores: Sequence[Score]) -> list[dict[str, object]]:
    return [
        {"name": s.task.name, "seed": s.task.seed, "faults": s.faults(), "plan": str(s.task.plan)}
        for s in scores
        if s.faults()
    ]


def markdown(report: Report) -> str:
    """The report as a page."""
    drawn = {name: part.figures for name, part in report.sets.items()}
    lines = ["# Evaluation of a text model", "", *_table("set", drawn), ""]
    if report.spread:
        lines += _memory_lines(report)
    lines += ["## How far the detector can be trusted", ""]
    lines += ["On true renders whose seeds it was not trained on:", ""]
    lines += [*_table("source", report.calibration.get("figures", {})), ""]
    lines += ["The same with the look of a video model's decoder:", ""]
    lines += [*_table("source", report.calibration.get("figures_decoded", {})), ""]
    if report.causes:
        lines += ["## Where order is lost", "", *_plain_table(report.causes), ""]
    for name, part in report.sets.items():
        lines += _weakest(name, part)
    return "\n".join(lines) + "\n"


def _memory_lines(report: Report) -> list[str]:
    least = sorted(report.spread.items(), key=lambda item: item[1])[:5]
    return [
        "## Not memorised",
        "",
        f"Distance between seeds, relative to the grammar's own drawings: "
        f"**{report.spread_ratio:.3f}** over {len(report.spread)} concepts; least: "
        + ", ".join(f"{name} {ratio:.2f}" for name, ratio in least)
        + ". The nearest training renders are in `sheet_nearest_renders.png`.",
        "",
    ]


def _weakest(name: str, part: SetReport) -> list[str]:
    """The drawings' names with most faults."""
    faulty = dict.fromkeys(part.by_name, 0)
    for score in part.scores:
        faulty[score.task.name] += bool(score.faults())
    worst = sorted(faulty, key=lambda key: -faulty[key])[:WEAKEST_NAMES]
    rows = {key: {"faulty": faulty[key], **part.by_name[key]} for key in worst if faulty[key]}
    if not rows:
        return [f"## {name}", "", "No drawing has a fault.", ""]
    columns = ("faulty", "drawings", "order", "present", "in_place", "right_shape", "recognised")
    picked = {key: {c: row[c] for c in columns if c in row} for key, row in rows.items()}
    return [f"## {name}: where the faults are", "", *_table("name", picked), ""]


def _table(corner: str, rows: Mapping[str, Mapping[str, object]]) -> list[str]:
    columns = list(dict.fromkeys(key for row in rows.values() for key in row))
    lines = [f"| {corner} | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(_cell(row.get(c)) for c in columns) + " |")
    return lines


def _plain_table(rows: Sequence[Mapping[str, object]]) -> list[str]:
    columns = list(rows[0])
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return lines + ["| " + " | ".join(_cell(row[c]) for c in columns) + " |" for row in rows]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 and value == int(value) else f"{value:.4g}"
    return str(value)
