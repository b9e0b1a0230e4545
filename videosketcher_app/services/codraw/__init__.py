"""Co-drawing: sessions in which a person and a causal model take turns on one canvas."""
