"""Object programs of the category "vehicles"."""
