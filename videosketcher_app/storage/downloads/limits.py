"""How patient a download is, and how much room it leaves on the disk."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Figures of one download.

    Attributes:
        connect_s: until a server answers the call at all.
        stall_s: between two bytes.
        look_tries: to ask a hub what it has, in a row: who is not there now is soon said so.
        tries: for a file, in a row without one new byte; with the pauses, longer than a router
            needs to start again.
        pause_s: after the first failed try; it doubles with every further one.
        max_pause_s: longest of these pauses.
        max_wait_s: longest that a server may ask for; a longer wait ends the download.
        max_redirects: from the hub to the bytes.
        keep_free_bytes: what must stay free on the disk.
        check_room_every_bytes: how often the disk is asked while bytes arrive.
        max_answer_bytes: of a hub's list of files.
        largest_bytes: of a file that Hugging Face promises to give out over plain HTTP.
    """

    connect_s: float = 10.0
    stall_s: float = 30.0
    look_tries: int = 4
    tries: int = 12
    pause_s: float = 1.0
    max_pause_s: float = 30.0
    max_wait_s: float = 300.0
    max_redirects: int = 8
    keep_free_bytes: int = 1_000_000_000
    check_room_every_bytes: int = 64_000_000
    max_answer_bytes: int = 64_000_000
    largest_bytes: int = 50_000_000_000
