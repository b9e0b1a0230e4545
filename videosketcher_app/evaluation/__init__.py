"""Figures of drawings: strokes, parts, order, ink and style."""
