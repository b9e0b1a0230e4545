"""The one package that touches diffsynth: Wan's network and our forward pass over its modules."""
