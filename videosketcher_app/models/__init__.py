"""Networks and weights: what a model is, how it is stored and loaded. No loops over time."""
