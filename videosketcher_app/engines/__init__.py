"""Engines: a valid request becomes an iterator of events that can be cancelled between any two."""
