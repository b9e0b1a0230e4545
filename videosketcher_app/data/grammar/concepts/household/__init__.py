"""Object programs of the category "household"."""
