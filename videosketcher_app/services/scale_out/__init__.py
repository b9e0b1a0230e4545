"""The same making of items, spread over a Ray cluster (extra `cluster`)."""
