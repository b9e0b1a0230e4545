"""The entrance of a door: who is it, or what to answer instead of letting them in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

from videosketcher_app.services.guests import Guest, RoomFull
from videosketcher_app.ui import answers
from videosketcher_app.ui.answers import Answer
from videosketcher_app.ui.doors import Door, GuestDoor, OwnerDoor
from videosketcher_app.ui.texts import t
from videosketcher_app.ui.visit import Visit

LOGIN = "/login"
MAX_LOGIN_BYTES = 4096
TOKEN = "token"  # noqa: S105 - the name of the query's field


def turned_away(door: Door, visit: Visit) -> Answer | None:
    """What to answer to a visit that no door lets in, whoever it is; None lets it on."""
    if not door.knows_host(visit.host):
        return answers.line(403, t("sharing.refused_host"))
    if visit.changes_state and not visit.is_from_own_page():
        return answers.line(403, t("sharing.refused_origin"))
    if door.is_closed:
        return answers.notice(410, t("sharing.door_closed_title"), t("sharing.door_closed"))
    return None


def enter_as_owner(door: OwnerDoor, visit: Visit) -> Answer | None:
    """None if the owner's cookie is there; else what to answer."""
    if door.knows(visit.cookies.get(door.cookie, "")):
        # The address must not keep the key, not even for somebody who is in already.
        return _without_token(door, visit) if _has_token(visit) else None
    if not _has_token(visit):
        return _owner_locked(visit)
    if door.attempts.locked():
        return answers.line(429, t("sharing.refused_token"))
    if door.fits(visit.query[TOKEN][0]):
        return _without_token(door, visit)
    if visit.headers.get("sec-fetch-site", "none") not in ("cross-site", "same-site"):
        # A foreign page in the owner's browser must not be able to lock the owner out.
        door.attempts.failed()
    return _owner_locked(visit)


def enter_as_guest(door: GuestDoor, visit: Visit) -> Guest | Answer:
    """The guest whose cookie is there; else what to answer."""
    guest = door.guest(visit.cookies.get(door.cookie, ""))
    if guest is not None:
        return guest
    if visit.method in ("GET", "HEAD") and visit.path == "/" and not visit.is_socket:
        return answers.login_page(401)
    return answers.line(401, t("sharing.login_title"))


def log_in(door: GuestDoor, visit: Visit, body: bytes) -> Answer:
    """A seat for whoever knows the login."""
    if door.locked(visit.peer):
        return answers.login_page(429, problem=t("sharing.login_locked"))
    form = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    user, password = (form.get(name, [""])[0] for name in ("username", "password"))
    if not door.fits(user.strip(), password, peer=visit.peer):
        return answers.login_page(401, problem=t("sharing.login_wrong"), user=user.strip()[:100])
    try:
        secret, _ = door.book.admit()
    except RoomFull:
        return answers.login_page(503, problem=t("sharing.room_full"))
    return answers.redirect("/", answers.cookie(door.cookie, secret, is_https=visit.is_https))


def _has_token(visit: Visit) -> bool:
    return TOKEN in visit.query and visit.path == "/" and visit.method == "GET"


def _without_token(door: OwnerDoor, visit: Visit) -> Answer:
    others = {name: values for name, values in visit.query.items() if name != TOKEN}
    rest = urlencode(others, doseq=True)
    cookie = answers.cookie(door.cookie, door.new_cookie(), is_https=visit.is_https)
    return answers.redirect(f"/?{rest}" if rest else "/", cookie)


def _owner_locked(visit: Visit) -> Answer:
    if visit.path != "/" or visit.is_socket:
        return answers.line(401, t("sharing.owner_locked_title"))
    return answers.notice(
        401,
        t("sharing.owner_locked_title"),
        t("sharing.owner_locked"),
        link=t("sharing.owner_locked_again"),
    )
