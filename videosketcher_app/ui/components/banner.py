"""The line on every page that says that the app is shared, with whom, and until when.

It is put beside Gradio's page rather than into it, so that no tab can leave it out. The server
answers what it says; the script only fills in texts and never reads them as HTML.
"""

from __future__ import annotations

import json
from typing import Any

from videosketcher_app.core.access import Role
from videosketcher_app.services.container import Services
from videosketcher_app.ui.doors import GuestDoor
from videosketcher_app.ui.texts import t

POLL_S = 15

_STYLE = """
#vs-shared { display: flex; flex-wrap: wrap; gap: 0.2em 1em; padding: 0.35em 1em;
  font: 0.9rem/1.4 ui-sans-serif, system-ui, sans-serif; background: #f3e9cf; color: #22262b;
  border-bottom: 1px solid #d9c58f; }
#vs-shared[hidden] { display: none; }
.dark #vs-shared { background: #3a3222; color: #f1e9d8; border-color: #5c4f31; }
"""
_SCRIPT = """
(() => {
  const bar = document.createElement("div");
  bar.id = "vs-shared"; bar.setAttribute("role", "note"); bar.hidden = true;
  const show = (lines) => {
    if (bar.dataset.lines === JSON.stringify(lines)) return;
    bar.dataset.lines = JSON.stringify(lines);
    bar.replaceChildren(...lines.map((line) => {
      const part = document.createElement("span"); part.textContent = line; return part;
    }));
    bar.hidden = lines.length === 0;
  };
  const ask = async () => {
    try {
      const answer = await fetch(PATH);
      if (answer.status === 410) { location.reload(); return; }
      if (answer.ok) show((await answer.json()).lines);
    } catch { /* the app has ended; the page says so itself */ }
  };
  const start = () => { document.body.prepend(bar); show(FIRST); ask(); setInterval(ask, POLL); };
  if (document.body) start(); else addEventListener("DOMContentLoaded", start);
})();
"""


def head(role: Role, path: str, *, is_class: bool) -> str:
    """What goes into the head of every page of a door.

    Args:
        path: where the page asks what the line says now.
    """
    first = [_guest_line(is_class)] if role is Role.GUEST else []
    script = _SCRIPT.replace("PATH", _script_text(path)).replace("FIRST", _script_text(first))
    script = script.replace("POLL", str(POLL_S * 1000))
    return f"<style>{_STYLE}</style><script>{script}</script>"


def status(role: Role, services: Services, door: GuestDoor | None) -> dict[str, Any]:
    """What the line says now, in words: {"role": ..., "lines": [...]}; no lines if not shared."""
    if door is None:
        return {"role": role.value, "lines": []}
    if door.is_closed:
        return {"role": role.value, "lines": [t("sharing.banner_closed")]}
    lines = [_guest_line(services.guests.is_class)]
    if role is Role.OWNER:
        lines = [
            t("sharing.banner_owner", link=door.link),
            t("sharing.banner_guests", guests=services.guests.count()),
        ]
        if door.seconds_left is not None:
            lines.append(t("sharing.banner_closes", hours=f"{door.seconds_left / 3600:.1f}"))
    num_before = services.queue.waiting()
    if num_before:
        minutes = services.guests.wait_minutes(num_before + 1)
        shown = f"{minutes:.0f}" if minutes >= 1 else "1"
        lines.append(t("sharing.banner_wait", position=num_before, minutes=shown))
    return {"role": role.value, "lines": lines, "link": door.link}


def _guest_line(is_class: bool) -> str:
    return t("sharing.banner_guest_class") if is_class else t("sharing.banner_guest")


def _script_text(value: object) -> str:
    """A value as a literal that cannot end the script element."""
    return json.dumps(value, ensure_ascii=True).replace("</", "<\\/")
