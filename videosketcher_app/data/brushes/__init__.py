"""Brushes: the engine that paints any stroke with any brush, its library, and marks in pictures."""
