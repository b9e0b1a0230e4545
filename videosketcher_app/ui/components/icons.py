"""Icons of drawing tools: lines on a square of 16, in the color of the text around them."""

from __future__ import annotations

_LINES = {
    "pen": "M3 13L4 9.8L11.2 2.6A1.3 1.3 0 0 1 13.4 4.8L6.2 12Z M10 3.9L12.2 6.1",
    "eraser": "M6.2 13H13.5M2.6 9.8L9.2 3.2A1 1 0 0 1 10.6 3.2L13 5.6A1 1 0 0 1 13 7L7 13H5.2L2.6 10.8A0.7 0.7 0 0 1 2.6 9.8Z M6 6.5L10.2 10.5",
    "line": "M3 13L13 3M2.2 13A0.8 0.8 0 1 0 3.8 13A0.8 0.8 0 1 0 2.2 13M12.2 3A0.8 0.8 0 1 0 13.8 3A0.8 0.8 0 1 0 12.2 3",
    "lasso": "M4.5 10.6C2.9 10 2 8.8 2 7.4C2 4.9 4.7 3 8 3S14 4.9 14 7.4S11.3 11.8 8 11.8C7 11.8 6 11.6 5.2 11.3M5.8 10.4A1.3 1.3 0 1 0 3.4 11.4C3.6 12.6 5 12.6 4.6 14",
    "hand": "M5 8.5V4.3A0.9 0.9 0 0 1 6.8 4.3V7.5M6.8 7.4V3.2A0.9 0.9 0 0 1 8.6 3.2V7.4M8.6 7.4V3.9A0.9 0.9 0 0 1 10.4 3.9V7.8M10.4 7.8V5.4A0.9 0.9 0 0 1 12.2 5.4V10C12.2 12.4 10.8 14 8.6 14C6.7 14 5.8 13.2 4.9 11.6L3.3 8.9A0.9 0.9 0 0 1 4.7 7.8L5.6 9",
    "keys": "M6 3H10V6.5H6ZM1.5 8.5H5.5V12.5H1.5ZM6 8.5H10V12.5H6ZM10.5 8.5H14.5V12.5H10.5Z",
    "smooth": "M1.5 11C4 2.5 6.2 3 8 8S12 13.5 14.5 5",
    "closer": "M7 11.5A4.5 4.5 0 1 0 7 2.5A4.5 4.5 0 1 0 7 11.5M10.3 10.3L13.5 13.5M5 7H9M7 5V9",
    "away": "M7 11.5A4.5 4.5 0 1 0 7 2.5A4.5 4.5 0 1 0 7 11.5M10.3 10.3L13.5 13.5M5 7H9",
    "fit": "M2.5 6V3H5.5M10.5 3H13.5V6M13.5 10V13H10.5M5.5 13H2.5V10",
    "undo": "M5.5 3L2.5 6L5.5 9M2.8 6H9.5A3.7 3.7 0 0 1 9.5 13H6",
    "redo": "M10.5 3L13.5 6L10.5 9M13.2 6H6.5A3.7 3.7 0 0 0 6.5 13H10",
}


def icon(name: str) -> str:
    """One icon as inline SVG; screen readers pass over it."""
    path = f'<path d="{_LINES[name]}"/>'
    return f'<svg class="cd-mark" viewBox="0 0 16 16" aria-hidden="true">{path}</svg>'


def icon_button(name: str, label: str, attributes: str) -> str:
    """A button that shows an icon and says `label`.

    Args:
        label: escaped for HTML.
        attributes: further HTML of the button.
    """
    return (
        f'<button type="button" class="cd-icon" {attributes} aria-label="{label}" title="{label}">'
        f"{icon(name)}</button>"
    )
