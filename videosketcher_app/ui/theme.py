"""The look of the page: colors and rules are in assets/page.css, this maps Gradio's theme to them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import gradio as gr

ASSETS = Path(__file__).resolve().parent / "assets"

# Named fonts of the systems only, so that the page loads nothing from elsewhere.
_TEXT = ("ui-sans-serif", "system-ui", "Segoe UI", "Helvetica Neue", "DejaVu Sans", "sans-serif")
_CODE = ("ui-monospace", "Consolas", "DejaVu Sans Mono", "monospace")

# Gradio's variable -> ours. Ours change with light and dark, so both modes get the same.
_MAPPED = {
    "body_background_fill": "var(--vs-paper)",
    "body_text_color": "var(--vs-ink)",
    "body_text_color_subdued": "var(--vs-faded)",
    "background_fill_primary": "var(--vs-card)",
    "background_fill_secondary": "var(--vs-paper)",
    "border_color_primary": "var(--vs-pencil)",
    "border_color_accent": "var(--vs-accent)",
    "color_accent_soft": "var(--vs-card)",
    "link_text_color": "var(--vs-accent)",
    "link_text_color_hover": "var(--vs-ink)",
    "link_text_color_visited": "var(--vs-accent)",
    "link_text_color_active": "var(--vs-ink)",
    "block_background_fill": "transparent",
    "block_border_width": "0px",
    "block_padding": "6px 0px",
    "block_border_color": "var(--vs-pencil)",
    "block_shadow": "none",
    "block_label_background_fill": "transparent",
    "block_label_border_color": "transparent",
    "block_label_text_color": "var(--vs-faded)",
    "block_title_text_color": "var(--vs-ink)",
    "block_title_background_fill": "transparent",
    "block_info_text_color": "var(--vs-faded)",
    "accordion_text_color": "var(--vs-ink)",
    "panel_background_fill": "transparent",
    "panel_border_color": "var(--vs-pencil)",
    "input_background_fill": "var(--vs-card)",
    "input_background_fill_focus": "var(--vs-card)",
    "input_border_color": "var(--vs-edge)",
    "input_border_color_focus": "var(--vs-accent)",
    "input_placeholder_color": "var(--vs-faded)",
    "input_shadow": "none",
    "input_shadow_focus": "0 0 0 1px var(--vs-accent)",
    "checkbox_background_color": "var(--vs-card)",
    "checkbox_background_color_selected": "var(--vs-accent)",
    "checkbox_border_color": "var(--vs-edge)",
    "checkbox_border_color_selected": "var(--vs-accent)",
    "checkbox_label_background_fill": "transparent",
    "checkbox_label_background_fill_hover": "var(--vs-card)",
    "checkbox_label_background_fill_selected": "var(--vs-card)",
    "checkbox_label_border_color": "var(--vs-edge)",
    "checkbox_label_border_color_selected": "var(--vs-accent)",
    "checkbox_label_text_color": "var(--vs-ink)",
    "checkbox_label_text_color_selected": "var(--vs-ink)",
    "button_primary_background_fill": "var(--vs-ink)",
    "button_primary_background_fill_hover": "var(--vs-accent)",
    "button_primary_text_color": "var(--vs-on-accent)",
    "button_primary_text_color_hover": "var(--vs-on-accent)",
    "button_primary_border_color": "var(--vs-ink)",
    "button_secondary_background_fill": "var(--vs-card)",
    "button_secondary_background_fill_hover": "var(--vs-paper)",
    "button_secondary_text_color": "var(--vs-ink)",
    "button_secondary_text_color_hover": "var(--vs-ink)",
    "button_secondary_border_color": "var(--vs-edge)",
    "button_secondary_border_color_hover": "var(--vs-accent)",
    "button_cancel_background_fill": "transparent",
    "button_cancel_background_fill_hover": "var(--vs-card)",
    "button_cancel_text_color": "var(--vs-warning)",
    "button_cancel_text_color_hover": "var(--vs-warning)",
    "button_cancel_border_color": "var(--vs-warning)",
    "button_large_text_weight": "500",
    "button_small_text_weight": "500",
    "button_large_padding": "9px 18px",
    "button_small_padding": "6px 14px",
    "error_background_fill": "var(--vs-card)",
    "error_border_color": "var(--vs-warning)",
    "error_text_color": "var(--vs-warning)",
    "error_icon_color": "var(--vs-warning)",
    "slider_color": "var(--vs-accent)",
    "table_border_color": "var(--vs-pencil)",
    "table_even_background_fill": "var(--vs-card)",
    "table_odd_background_fill": "var(--vs-card)",
    "table_text_color": "var(--vs-ink)",
    "loader_color": "var(--vs-accent)",
    "stat_background_fill": "var(--vs-accent)",
    "code_background_fill": "var(--vs-card)",
}


class PaperTheme(gr.themes.Base):
    """Gradio's theme in our colors, with our own rules behind it.

    The rules travel in theme.css: what is passed to Gradio as `css` loses its :root and .dark.
    """

    def _get_theme_css(self) -> str:
        return super()._get_theme_css() + page_css()


def theme() -> gr.themes.Base:
    """The whole look of the page: `theme=theme()` is all that serving it needs."""
    base = PaperTheme(
        primary_hue=gr.themes.colors.slate,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_sm,
        font=_TEXT,
        font_mono=_CODE,
    )
    dark = {f"{key}_dark": value for key, value in _MAPPED.items() if hasattr(base, f"{key}_dark")}
    return base.set(**_MAPPED, **dark, button_border_width="1px", input_border_width="1px")


@cache
def page_css() -> str:
    """Our own rules, of the page and of the tabs that share the Text tab's parts."""
    return asset("page.css") + asset("text.css") + asset("brush.css")


@cache
def asset(name: str) -> str:
    """A text file of the assets folder, to be set into the page as it is."""
    return (ASSETS / name).read_text(encoding="utf-8")
