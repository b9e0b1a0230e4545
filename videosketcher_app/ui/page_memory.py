"""What Gradio keeps in memory for an open page, and how it is made to let go of it.

Two things of Gradio 6.31 grow without an end, and it has no public way to stop either. Messages
stay until the page fetches them, also if it never will. And where a handler gives an output a
plain value after an update, the page's state keeps one more copy of that component, with all its
scripts: some 90 kB for a drawing.
"""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

# Open pages whose state is kept; beyond, the one not used for longest goes.
MOST_PAGES = 200


@dataclass(frozen=True)
class PageMemory:
    """The memory of all pages of one door. Use it on the thread of the door's server."""

    blocks: gr.Blocks

    async def forget(self, page: str) -> None:
        """Drops what waits for a page that nobody listens to, and stops what runs for it."""
        queue = self.blocks._queue
        await queue.clean_events(session_hash=page)
        queue.pending_messages_per_session.pop(page, None)
        queue.pending_event_ids_session.pop(page, None)

    def tidy(self, page: str) -> None:
        """Drops the copies of components that a page's state has gathered."""
        state = self.blocks.state_holder.session_data.get(page)
        if state is None:
            return
        own = self.blocks.default_config.blocks
        for kept in (state.blocks_config.blocks, state.config_values):
            for key in [key for key in kept if key not in own]:
                del kept[key]
