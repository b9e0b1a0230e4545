"""The sketch grammar: object programs, primitives and pseudo-concepts, with plans in words."""
