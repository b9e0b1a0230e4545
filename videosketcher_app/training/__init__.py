"""How weights change: the loop, its state, and the recipes."""
