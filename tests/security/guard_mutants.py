"""Guards to be taken out one at a time: where each stands, what stands there instead, who notices.

A text must stand exactly once in its file: `test_mutant_texts.py` says within seconds which guard
has moved, and `test_guard_mutants.py` breaks them, on a copy.
"""

from __future__ import annotations

from typing import NamedTuple


class Suite(NamedTuple):
    """What must notice: words for pytest."""

    words: tuple[str, ...]


class Mutant(NamedTuple):
    """One guard, taken out.

    Attributes:
        name: what is broken.
        file: below the package.
        text: stands there once.
        instead: what stands there then.
    """

    name: str
    file: str
    text: str
    instead: str


DOORS = Suite(
    (
        "tests/ui/test_guard.py",
        "tests/ui/test_guard_bodies.py",
        "tests/ui/test_guard_whose.py",
        "tests/ui/test_guard_streams.py",
        "tests/ui/test_doors.py",
        "tests/ui/test_unheard.py",
        "tests/services/test_guests.py",
        "tests/services/test_instance.py",
    )
)


def _suite(file: str, *names: str) -> Suite:
    """Tests of one file, whatever marks they bear: all, or those with one of these words."""
    chosen = ("-k", " or ".join(names)) if names else ()
    return Suite(("-m", "", *chosen, file))


ATOMIC = _suite("tests/storage/test_atomic.py", "flushed")
TENSORS = _suite("tests/storage/test_tensors.py", "hash", "code_in", "bomb", "nan_in")
PATHS = _suite("tests/storage/test_paths.py")
FETCH = _suite("tests/security/test_downloads.py", "forged")
HOSTS = _suite("tests/security/test_downloads.py", "foreign", "network", "mirror")
MEDIA = _suite("tests/storage/test_media.py", "limit", "counted")
ACCESS = _suite("tests/core/test_access.py")
UNPACKING = _suite("tests/storage/test_unpacking.py")
HISTORY = _suite("tests/storage/test_history.py", "newer_schema", "failing_migration")
KEYS = _suite("tests/security/test_keys.py", "mask", "living")

# Guards of the doors, of what guests may keep, and of the workspace.
_AT_THE_DOORS = (
    Mutant("any Host", "ui/doors.py", "return name in self.hosts or (", "return True or ("),
    Mutant(
        "Host read up to the first colon",
        "ui/doors.py",
        "found = _HOST.fullmatch(host.lower())",
        "found = _HOST.match(host.lower())",
    ),
    Mutant(
        "Origin ignored", "ui/visit.py", "and parts.netloc == self.host", "and bool(parts.netloc)"
    ),
    Mutant(
        "sockets without Origin",
        "ui/visit.py",
        "if self.is_socket:\n            return False",
        "if self.is_socket:\n            return True",
    ),
    Mutant(
        "door asked after the body",
        "ui/guard.py",
        "if turned_away := entrance.turned_away(self._door, visit):",
        "await receive()\n        if turned_away := entrance.turned_away(self._door, visit):",
    ),
    Mutant("closed door open", "ui/doors.py", "return self.seconds_left == 0.0", "return False"),
    Mutant(
        "unknown routes pass",
        "ui/gradio_routes.py",
        "return Kind.PAGE if is_page else None",
        "return Kind.PAGE",
    ),
    Mutant("any method", "ui/guard.py", "if visit.method not in METHODS:", "if False:"),
    Mutant(
        "the key as a cookie",
        "ui/doors.py",
        "return _equal(cookie, self._secret)",
        "return _equal(cookie, self._secret) or _equal(cookie, self.token)",
    ),
    Mutant(
        "no count of wrong keys", "ui/entrance.py", "        door.attempts.failed()", "        pass"
    ),
    Mutant(
        "no common count of wrong passwords",
        "ui/doors.py",
        "            self.all_attempts.failed()",
        "            pass",
    ),
    Mutant(
        "a body without an end",
        "ui/uploads.py",
        "message = await asyncio.wait_for(receive(), max(0.0, left_s))",
        "message = await receive()",
    ),
    Mutant(
        "length believed",
        "ui/uploads.py",
        "        if num_bytes > rules.max_bytes:",
        "        if False:",
    ),
    Mutant("parts not counted", "ui/uploads.py", "        if self._left < 0:", "        if False:"),
    Mutant(
        "boundary read loosely",
        "ui/uploads.py",
        'if found is None and "multipart" in kind.lower():',
        "if False:",
    ),
    Mutant(
        "no places for uploads",
        "ui/uploads.py",
        "            if full or self._busy[sender] >= limits.upload_slots:",
        "            if False:",
    ),
    Mutant(
        "a place is kept", "ui/uploads.py", "self._busy[sender] -= 1", "self._busy[sender] -= 0"
    ),
    Mutant(
        "bytes on their way do not count",
        "ui/upload_meter.py",
        "            self._guest.incoming_bytes += num_bytes",
        "            pass",
    ),
    Mutant("foreign pages", "ui/guest_rules.py", "not self._book.owns_page(guest, page)", "False"),
    Mutant(
        "the first of several page ids",
        "ui/guest_rules.py",
        "if len(pages) != 1:",
        "if not pages:",
    ),
    Mutant(
        "foreign events",
        "ui/guest_rules.py",
        "            if event not in guest.events:",
        "            if not event:",
    ),
    Mutant("foreign files", "ui/guest_rules.py", "        if not is_own:", "        if False:"),
    Mutant(
        "messages that say they are something else",
        "ui/guard.py",
        "        if kind is not Kind.UPLOAD:\n            page = rules.check_message",
        '        if "json" in visit.headers.get("content-type", "json"):\n'
        "            page = rules.check_message",
    ),
    Mutant("no pace", "ui/guest_rules.py", "        if tokens < 1:", "        if False:"),
    Mutant(
        "pages without end",
        "ui/guest_rules.py",
        "        if 0 < len(page) <= 64 and page not in guest.pages:",
        "        if False:",
    ),
    Mutant(
        "silent pages ask on",
        "ui/unheard.py",
        "        if num_questions >= MOST",
        "        if 0 * MOST",
    ),
    Mutant(
        "silent pages are kept",
        "ui/guard.py",
        "            if unheard.forget(guest.name, page) and self._memory",
        "            if False and self._memory",
    ),
    Mutant(
        "who hung up is kept",
        "ui/guard.py",
        "        if self._memory is not None and not is_wanted:",
        "        if False:",
    ),
    Mutant(
        "links followed",
        "services/guests.py",
        "        resolved = path.resolve()\n        with",
        "        resolved = path.absolute()\n        with",
    ),
    Mutant(
        "visits never end",
        "services/guests.py",
        "self._clock() - guest.last_seen >= minutes * 60",
        "False",
    ),
    Mutant("floor of the disk ignored", "services/guests.py", "< self.free_floor_bytes:", "< 0:"),
    Mutant(
        "no seats",
        "services/guests.py",
        "if len(self._guests) >= self.limits.sessions:",
        "if False:",
    ),
    Mutant(
        "guests give away foreign files",
        "services/guests.py",
        "            if _is_inside(path, self.uploads) or _is_inside(path, self.sessions)",
        "            if True",
    ),
    Mutant(
        "workspace not locked",
        "storage/file_locks.py",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
    ),
    Mutant("the lock file is for all", "services/instance.py", "flags, 0o600)", "flags, 0o644)"),
    Mutant(
        "no headers",
        "ui/guard.py",
        "        send = with_security_headers(send)\n",
        "",
    ),
)

# Guards further in, each with the suite that stands beside it.
_FURTHER_IN = {
    ATOMIC: (
        Mutant(
            "content not flushed",
            "storage/atomic.py",
            '            _flush_file(temporary)\n            faults.point("atomic.before_replace")',
            '            faults.point("atomic.before_replace")',
        ),
        Mutant(
            "folder not flushed",
            "storage/atomic.py",
            "            temporary.unlink(missing_ok=True)\n        _flush_folder(path.parent)",
            "            temporary.unlink(missing_ok=True)",
        ),
    ),
    TENSORS: (
        Mutant(
            "hash of weights skipped",
            "storage/tensors.py",
            "if sha256 is not None and sha256_of(path) != sha256.lower():",
            "if False:",
        ),
        Mutant(
            "pickles may run code",
            "storage/tensors.py",
            "weights_only=True, mmap=mapped",
            "weights_only=False, mmap=mapped",
        ),
        Mutant(
            "packed archives are unpacked",
            "storage/tensors.py",
            "if not stored or total_bytes > path.stat().st_size:",
            "if False:",
        ),
        Mutant(
            "NaN in weights",
            "storage/tensors.py",
            "if tensor.is_floating_point() and not bool(tensor.float().isfinite().all()):",
            "if False:",
        ),
    ),
    PATHS: (
        Mutant(
            "links lead out of a folder",
            "storage/paths.py",
            "inside = path.resolve().is_relative_to(root.resolve())",
            "inside = True",
        ),
        Mutant(
            "names of devices",
            "storage/paths.py",
            'or folded.split(".")[0].strip().casefold() in _RESERVED',
            "or not folded",
        ),
        Mutant(
            "full-width dots and slashes",
            "storage/paths.py",
            'folded = unicodedata.normalize("NFKC", name)',
            "folded = name",
        ),
    ),
    FETCH: (
        Mutant(
            "hash of a download skipped",
            "storage/downloads/fetch.py",
            "return None if expected is None else digest.hexdigest() != expected",
            "return None if expected is None else False",
        ),
    ),
    HOSTS: (
        Mutant(
            "private networks are asked",
            "storage/downloads/hosts.py",
            "if not self.is_named(origin) and not all(map(is_public, found)):",
            "if False:",
        ),
        Mutant(
            "any host is asked",
            "storage/downloads/hosts.py",
            'if scheme != "https" or port != _PORTS["https"] or not self._is_store(host):',
            "if False:",
        ),
    ),
    MEDIA: (
        Mutant(
            "no limit of pixels",
            "storage/media_reading.py",
            "if width * height > limits.image_pixels:",
            "if False:",
        ),
        Mutant(
            "no limit of bytes",
            "storage/bounded.py",
            "    if size_bytes > max_bytes:",
            "    if False:",
        ),
    ),
    ACCESS: (
        Mutant(
            "guests may do everything",
            "core/access.py",
            "if not allows(role, capability):",
            "if False:",
        ),
    ),
    UNPACKING: (
        Mutant(
            "links and devices are unpacked",
            "storage/unpacking.py",
            "if stat.S_IFMT(mode) not in (0, stat.S_IFREG):",
            "if False:",
        ),
    ),
    HISTORY: (
        Mutant(
            "a newer history is taken for ours",
            "storage/history_schema.py",
            "if not 0 <= version <= known:",
            "if False:",
        ),
    ),
    KEYS: (
        Mutant(
            "a secret shows itself",
            "core/secret.py",
            "    def __str__(self) -> str:\n        return MASK",
            "    def __str__(self) -> str:\n        return self._value",
        ),
        Mutant(
            "keys in the log",
            "core/secret.py",
            "            record.msg, record.args = masked, None",
            "            pass",
        ),
    ),
}

GUARDED: tuple[tuple[Mutant, Suite], ...] = (
    *((mutant, DOORS) for mutant in _AT_THE_DOORS),
    *((mutant, suite) for suite, mutants in _FURTHER_IN.items() for mutant in mutants),
)
SUITES = (DOORS, *_FURTHER_IN)
