"""Brushes of the app: the shelf, people's own brushes, what is understood of a picture, re-ink."""
