"""Sketching with less arithmetic: modes of speed, and the paper that need not be computed again."""
