"""Object programs of the category "plants"."""
