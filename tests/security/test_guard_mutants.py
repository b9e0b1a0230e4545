"""Breaks each guard once, on a copy: a guard whose removal nothing notices is not tested."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.security, pytest.mark.slow]
SUITE = (
    "tests/ui/test_guard.py",
    "tests/ui/test_guard_bodies.py",
    "tests/ui/test_guard_whose.py",
    "tests/ui/test_guard_streams.py",
    "tests/ui/test_doors.py",
    "tests/ui/test_unheard.py",
    "tests/services/test_guests.py",
    "tests/services/test_instance.py",
)

# What is broken, in which file, and how: the text, and what stands there instead.
MUTANTS = (
    ("any Host", "ui/doors.py", "return name in self.hosts or (", "return True or ("),
    (
        "Host read up to the first colon",
        "ui/doors.py",
        "found = _HOST.fullmatch(host.lower())",
        "found = _HOST.match(host.lower())",
    ),
    ("Origin ignored", "ui/visit.py", "and parts.netloc == self.host", "and bool(parts.netloc)"),
    (
        "sockets without Origin",
        "ui/visit.py",
        "if self.is_socket:\n            return False",
        "if self.is_socket:\n            return True",
    ),
    (
        "door asked after the body",
        "ui/guard.py",
        "if turned_away := entrance.turned_away(self._door, visit):",
        "await receive()\n        if turned_away := entrance.turned_away(self._door, visit):",
    ),
    ("closed door open", "ui/doors.py", "return self.seconds_left == 0.0", "return False"),
    (
        "unknown routes pass",
        "ui/gradio_routes.py",
        "return Kind.PAGE if is_page else None",
        "return Kind.PAGE",
    ),
    ("any method", "ui/guard.py", "if visit.method not in METHODS:", "if False:"),
    (
        "the key as a cookie",
        "ui/doors.py",
        "return _equal(cookie, self._secret)",
        "return _equal(cookie, self._secret) or _equal(cookie, self.token)",
    ),
    ("no count of wrong keys", "ui/entrance.py", "        door.attempts.failed()", "        pass"),
    (
        "no common count of wrong passwords",
        "ui/doors.py",
        "            self.all_attempts.failed()",
        "            pass",
    ),
    (
        "a body without an end",
        "ui/uploads.py",
        "message = await asyncio.wait_for(receive(), max(0.0, left_s))",
        "message = await receive()",
    ),
    (
        "length believed",
        "ui/uploads.py",
        "        if num_bytes > rules.max_bytes:",
        "        if False:",
    ),
    ("parts not counted", "ui/uploads.py", "        if self._left < 0:", "        if False:"),
    (
        "boundary read loosely",
        "ui/uploads.py",
        'if found is None and "multipart" in kind.lower():',
        "if False:",
    ),
    (
        "no places for uploads",
        "ui/uploads.py",
        "            if full or self._busy[sender] >= limits.upload_slots:",
        "            if False:",
    ),
    ("a place is kept", "ui/uploads.py", "self._busy[sender] -= 1", "self._busy[sender] -= 0"),
    (
        "bytes on their way do not count",
        "ui/upload_meter.py",
        "            self._guest.incoming_bytes += num_bytes",
        "            pass",
    ),
    ("foreign pages", "ui/guest_rules.py", "not self._book.owns_page(guest, page)", "False"),
    (
        "the first of several page ids",
        "ui/guest_rules.py",
        "if len(pages) != 1:",
        "if not pages:",
    ),
    (
        "foreign events",
        "ui/guest_rules.py",
        "            if event not in guest.events:",
        "            if not event:",
    ),
    ("foreign files", "ui/guest_rules.py", "        if not is_own:", "        if False:"),
    (
        "messages that say they are something else",
        "ui/guard.py",
        "        if kind is not Kind.UPLOAD:\n            page = rules.check_message",
        '        if "json" in visit.headers.get("content-type", "json"):\n'
        "            page = rules.check_message",
    ),
    ("no pace", "ui/guest_rules.py", "        if tokens < 1:", "        if False:"),
    (
        "pages without end",
        "ui/guest_rules.py",
        "        if 0 < len(page) <= 64 and page not in guest.pages:",
        "        if False:",
    ),
    (
        "silent pages ask on",
        "ui/unheard.py",
        "        if num_questions >= MOST",
        "        if 0 * MOST",
    ),
    (
        "silent pages are kept",
        "ui/guard.py",
        "            if unheard.forget(guest.name, page) and self._memory",
        "            if False and self._memory",
    ),
    (
        "who hung up is kept",
        "ui/guard.py",
        "        if self._memory is not None and not is_wanted:",
        "        if False:",
    ),
    (
        "links followed",
        "services/guests.py",
        "        resolved = path.resolve()\n        with",
        "        resolved = path.absolute()\n        with",
    ),
    (
        "visits never end",
        "services/guests.py",
        "self._clock() - guest.last_seen >= minutes * 60",
        "False",
    ),
    ("floor of the disk ignored", "services/guests.py", "< self.free_floor_bytes:", "< 0:"),
    (
        "no seats",
        "services/guests.py",
        "if len(self._guests) >= self.limits.sessions:",
        "if False:",
    ),
    (
        "guests give away foreign files",
        "services/guests.py",
        "            if _is_inside(path, self.uploads) or _is_inside(path, self.sessions)",
        "            if True",
    ),
    (
        "workspace not locked",
        "storage/file_locks.py",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
    ),
    ("the lock file is for all", "services/instance.py", "flags, 0o600)", "flags, 0o644)"),
    (
        "no headers",
        "ui/guard.py",
        "        send = with_security_headers(send)\n",
        "",
    ),
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("videosketcher_app", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def suite_passes(folder):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *SUITE],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 0


def test_the_copy_is_what_is_tried(copy):
    code = "import videosketcher_app; print(videosketcher_app.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(str(copy))
    assert suite_passes(copy)


@pytest.mark.parametrize(
    ("file", "text", "instead"),
    [mutant[1:] for mutant in MUTANTS],
    ids=[mutant[0].replace(" ", "-") for mutant in MUTANTS],
)
def test_every_broken_guard_is_noticed(copy, file, text, instead):
    path = copy / "videosketcher_app" / file
    whole = path.read_text(encoding="utf-8")
    assert whole.count(text) == 1, "the list of mutants is out of date"
    path.write_text(whole.replace(text, instead), encoding="utf-8")
    try:
        assert not suite_passes(copy)
    finally:
        path.write_text(whole, encoding="utf-8")
