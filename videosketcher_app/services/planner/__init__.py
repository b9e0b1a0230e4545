"""Planners: from a concept in words to the parts that draw it."""

from videosketcher_app.data.brushes.clause import BRUSH_CLAUSE
from videosketcher_app.services.planner.base import (
    PlannedDrawing,
    Planner,
    with_brush_clause,
)
from videosketcher_app.services.planner.library import LibraryPlanner

__all__ = ["BRUSH_CLAUSE", "LibraryPlanner", "PlannedDrawing", "Planner", "with_brush_clause"]
