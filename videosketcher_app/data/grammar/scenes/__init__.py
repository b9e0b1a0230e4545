"""Scenes of several objects, one scene a file."""
