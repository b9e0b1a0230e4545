"""Object programs of the category "buildings"."""
