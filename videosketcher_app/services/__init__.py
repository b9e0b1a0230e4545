"""Use cases: threads, queue and policy. No Gradio types, no torch at import time."""
