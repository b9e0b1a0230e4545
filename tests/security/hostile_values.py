"""Forty values that no field may take, by what the field takes; made by code, the same each time."""

from __future__ import annotations

import decimal
import fractions
import math
from pathlib import Path
from typing import Any

import numpy as np

LONG = "a" * 5_000_000
# Letters, digits and marks that look like a value, or end a line, or turn it around.
ODD_TEXTS = (
    "\x00",
    "a\x00b",
    "a\x07b",
    "a\x1b[31mb",
    "a\x7fb",
    "a\x85b",
    "a\nb",
    "a\rb",
    "a\r\nSet-Cookie: b",
    "a\u2028b",
    "a\u2029b",
    "a\ud800b",
    "a\udfffb",
    "\udc80",
    "a\x0bb",
    "a\x0cb",
    "a\x08b",
    "a\x9bb",
)
TURNED_TEXTS = ("a\u202eb", "a\u2066b", "\u202a\u202ba", "a\u2069b", "a\u202db", "a\u2067b")
OBJECTS: tuple[Any, ...] = (
    [],
    ["a"],
    [[[[[]]]]],
    (),
    {},
    {"a": 1},
    {"__class__": "str"},
    set(),
    frozenset({1}),
    b"a",
    bytearray(b"1"),
    memoryview(b"1"),
    object(),
    len,
    int,
    1 + 2j,
    decimal.Decimal("NaN"),
    fractions.Fraction(1, 3),
    range(3),
    np.zeros(3),
    np.float64("nan"),
    Path("/etc/passwd"),
    Exception("a"),
    ...,
    NotImplemented,
)
NO_NUMBERS: tuple[Any, ...] = (
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    -1e308,
    5e-324 - 1e9,
    10**400,
    -(10**400),
    -(10**9),
    2**63,
    -(2**63),
    1e19,
    0.1 - 10**6,
    "nan",
    "Infinity",
    "1e400",
    "0x10",
    "1;2",
    "٣ ٣",
    "--1",
    "1__0",
    "{{7*7}}",
    "../../etc/passwd",
    "<script>",
    "%s%n",
    LONG,
    *ODD_TEXTS[:4],
    *TURNED_TEXTS[:2],
)
NUMBERS = (*NO_NUMBERS, *OBJECTS)[:40]
NUMBERS_IN_TEXT = tuple(value for value in NUMBERS if isinstance(value, str | float | int))
EMPTY_TEXTS = ("", " ", "\t", "\u00a0", "\u3000")
LINES: tuple[Any, ...] = (*EMPTY_TEXTS, LONG, *ODD_TEXTS, *OBJECTS[:16])
TEXTS: tuple[Any, ...] = (None, True, 1, math.nan, 1e308, 10**400, LONG, *ODD_TEXTS, *OBJECTS)[:40]
NAMES: tuple[Any, ...] = (
    *EMPTY_TEXTS,
    LONG,
    "../../etc/passwd",
    "C:\\Windows",
    "nul",
    "' OR 1=1 --",
    '"; DROP TABLE drawings; --',
    "%00",
    "*",
    "${HOME}",
    "<script>alert(1)</script>",
    "none",
    "None",
    *ODD_TEXTS,
    *TURNED_TEXTS,
)[:40]
CHOICES: tuple[Any, ...] = (*NAMES[:20], None, 1, math.nan, 10**400, *OBJECTS)[:40]
FLAGS: tuple[Any, ...] = (None, 1, 0, "true", "1", *NUMBERS[:20], *OBJECTS)[:40]

for _values in (NUMBERS, LINES[:40], TEXTS, NAMES, CHOICES, FLAGS):
    assert len(_values) == 40, len(_values)
