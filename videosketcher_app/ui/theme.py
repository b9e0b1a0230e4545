"""Paper, ink, and little else: colors, type and the few rules that Gradio's theme cannot say."""

from __future__ import annotations

import gradio as gr

PAPER = "#faf8f3"
SHEET = "#ffffff"
INK = "#22262b"
FADED_INK = "#6b6f73"
PENCIL = "#d9d4c7"
ACCENT = "#2f5d8a"
WARNING = "#9c3d2e"

# Named fonts of the systems only, so that the page loads nothing from elsewhere.
_TEXT = ("ui-sans-serif", "system-ui", "Segoe UI", "Helvetica Neue", "sans-serif")
_CODE = ("ui-monospace", "Consolas", "monospace")

CSS = f"""
.gradio-container {{ max-width: 1080px !important; width: 100%; margin: 0 auto; }}
.gradio-container > main {{ width: 100%; }}
.vs-buttons {{ padding: 0 12px; }}
.vs-title h1 {{ font-family: "Iowan Old Style", Palatino, Georgia, serif; font-weight: 500;
  letter-spacing: 0.01em; margin: 0.4em 0 0; }}
.vs-title p {{ color: {FADED_INK}; margin: 0.1em 0 0.6em; }}
.vs-sheet, .vs-sheet img, .vs-sheet video {{ background: {SHEET}; border-radius: 3px; }}
.vs-sheet {{ border: 1px solid {PENCIL}; box-shadow: 0 1px 6px rgba(60, 50, 30, 0.10); }}
.vs-status {{ margin: 0.2em 0; min-height: 1.4em; }}
.vs-error {{ color: {WARNING}; }}
.vs-model, .vs-note {{ color: {FADED_INK}; font-size: 0.9em; }}
.vs-plan {{ padding-left: 1.4em; line-height: 1.55; list-style: decimal; }}
.vs-plan span {{ font-weight: 600; }}
.vs-plan li {{ color: inherit; }}
progress {{ width: 100%; height: 4px; accent-color: {ACCENT}; }}
button:focus-visible, textarea:focus-visible {{ outline: 2px solid {ACCENT}; outline-offset: 2px; }}
"""


def theme() -> gr.themes.Base:
    """The quiet theme; sheets stay white in dark mode since drawings are made on white."""
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.slate,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_sm,
        font=_TEXT,
        font_mono=_CODE,
    )
    return base.set(
        body_background_fill=PAPER,
        body_text_color=INK,
        block_background_fill=PAPER,
        block_border_width="0px",
        block_shadow="none",
        input_background_fill=SHEET,
        input_border_color=PENCIL,
        input_border_width="1px",
        button_primary_background_fill=INK,
        button_primary_background_fill_hover=ACCENT,
        button_primary_text_color=PAPER,
        button_secondary_background_fill="transparent",
        button_secondary_border_color=PENCIL,
    )
