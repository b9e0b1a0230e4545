"""The Gradio app: layout and translation only."""
