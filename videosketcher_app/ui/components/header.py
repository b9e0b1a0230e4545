"""The header: the mark that draws itself, the name, whose page it is, and the lamp."""

from __future__ import annotations

from html import escape

import gradio as gr

from videosketcher_app.core.access import Role
from videosketcher_app.ui.texts import t
from videosketcher_app.ui.theme import asset

_LAMP = (
    '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7"'
    ' stroke-linecap="round" aria-hidden="true"><circle cx="12" cy="12" r="4.2"/>'
    '<path d="M12 2.500v2.200M12 19.300v2.200M2.500 12h2.200M19.300 12h2.200M5.300 5.300l1.600 1.600'
    'M17.100 17.100l1.600 1.600M5.300 18.700l1.600-1.600M17.100 6.900l1.600-1.600"/></svg>'
)
# Gradio keeps `dark` on the body and follows the system; what a person chose goes first.
_LAMP_SCRIPT = """
const lamp = element.querySelector('.vs-lamp');
const show = (dark) => {
  document.body.classList.toggle('dark', dark);
  lamp.setAttribute('aria-pressed', String(dark));
};
let chosen = null;
try { chosen = localStorage.getItem('vs-light'); } catch (error) { /* storage is off */ }
const asked = new URLSearchParams(location.search).has('__theme');
show(chosen && !asked ? chosen === 'dark' : document.body.classList.contains('dark'));
lamp.addEventListener('click', () => {
  const dark = !document.body.classList.contains('dark');
  show(dark);
  try { localStorage.setItem('vs-light', dark ? 'dark' : 'light'); } catch (error) { /* as above */ }
});
"""


def build(role: Role) -> gr.HTML:
    """Lays the header out."""
    return gr.HTML(
        header_html(role), js_on_load=_LAMP_SCRIPT, elem_id="header", apply_default_css=False
    )


def header_html(role: Role) -> str:
    """The header of a role's page."""
    whose = t("shell.owner_chip") if role is Role.OWNER else t("shell.guest_chip")
    return (
        f'<header class="vs-header">{asset("mark.svg")}'
        f"<div><h1>{escape(t('shell.title'))}</h1><p>{escape(t('shell.tagline'))}</p></div>"
        f'<span class="vs-spring"></span><span class="vs-chip">{escape(whose)}</span>'
        f'<button class="vs-lamp" type="button" aria-label="{escape(t("shell.lamp"))}"'
        f' title="{escape(t("shell.lamp"))}">{_LAMP}</button></header>'
    )
