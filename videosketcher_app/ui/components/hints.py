"""First-run hints: three notes, each closed once and for all in this browser."""

from __future__ import annotations

from html import escape

import gradio as gr

from videosketcher_app.ui.texts import t

# Notes start hidden, so that a closed one never flashes; the browser remembers by their names.
_SCRIPT = """
const KEY = 'vs-hints-closed';
let closed = [];
try { closed = JSON.parse(localStorage.getItem(KEY)) || []; } catch (error) { /* storage is off */ }
if (!Array.isArray(closed)) closed = [];
for (const note of element.querySelectorAll('.vs-hint')) {
  note.hidden = closed.includes(note.dataset.hint);
  note.querySelector('button').addEventListener('click', () => {
    const next = note.nextElementSibling || note.previousElementSibling;
    note.remove();
    closed.push(note.dataset.hint);
    try { localStorage.setItem(KEY, JSON.stringify(closed)); } catch (error) { /* as above */ }
    if (next) next.querySelector('button').focus();
  });
}
"""


def build() -> gr.HTML:
    """Lays the hints out; nothing is asked of the server."""
    return gr.HTML(hints_html(), js_on_load=_SCRIPT, elem_id="hints", apply_default_css=False)


def hints_html() -> str:
    """All notes, hidden until the browser knows which are closed."""
    notes = (
        ("draw", t("hints.draw_title"), t("hints.draw_text")),
        ("plan", t("hints.plan_title"), t("hints.plan_text")),
        ("keys", t("hints.keys_title"), t("hints.keys_text")),
    )
    return f'<div class="vs-hints">{"".join(_note(*note) for note in notes)}</div>'


def _note(name: str, title: str, text: str) -> str:
    return (
        f'<aside class="vs-hint" data-hint="{name}" hidden>'
        f"<p><strong>{escape(title)}</strong>{escape(text)}</p>"
        f'<button type="button" aria-label="{escape(t("hints.close"))}: {escape(title)}">'
        "×</button></aside>"
    )
