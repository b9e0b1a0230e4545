"""Object programs of the category "landscapes"."""
