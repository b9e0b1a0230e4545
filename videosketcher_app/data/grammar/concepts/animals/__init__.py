"""Object programs of the category "animals"."""
