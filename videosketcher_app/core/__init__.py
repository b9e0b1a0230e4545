"""Vocabulary of the product: requests, plans, geometry, events, errors. No torch, no Gradio."""
