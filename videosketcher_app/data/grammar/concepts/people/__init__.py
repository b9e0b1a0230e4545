"""Object programs of the category "people"."""
