"""LoRA adapters for Wan transformers: read in every published layout, checked, applied, exported."""
