"""One file a tab; a tab is a function that wires components to services."""
