"""Hostile texts and archives that would unfold to gigabytes, made by code."""

from __future__ import annotations

import io
import json
import zipfile

from videosketcher_app.services.prompts_file import MAX_PROMPTS, MAX_PROMPTS_BYTES


def laughs(depth: int) -> str:
    """YAML of some lines in which every list holds the one before ten times."""
    lists = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, depth)]
    return "\n".join(["a0: &a0 [ha, ha, ha]", *lists, f"label: *a{depth - 1}"])


def zip_of_zeros(num_bytes: int) -> bytes:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("archive/data.pkl", "w") as member,
    ):
        for _ in range(num_bytes >> 20):
            member.write(bytes(1 << 20))
    return buffer.getvalue()


YAML_BOMBS = {
    "ten times ten times ten": laughs(12),
    "itself": "label: &a [*a]",
    "merged": "a: &a {x: 1}\n" + "\n".join(f"b{n}: &b{n} {{<<: [*a, *a]}}" for n in range(200)),
    "nested lists": "label: " + "[" * 5000,
    "nested maps": "label: " + "{a: " * 5000,
    "deep indents": "\n".join(f"{' ' * n}a:" for n in range(300)),
    "one long word": "label: " + "a" * 50_000_000,
    "many keys": "\n".join(f"k{n}: 1" for n in range(500_000)),
    "a number without an end": "order: " + "9" * 5_000_000,
    "an object": "label: !!python/object/apply:os.system ['true']",
    "base sixty": "order: " + ":".join(["59"] * 4000),
}
PROMPT_BOMBS = {
    "too long.txt": "a" * (MAX_PROMPTS_BYTES + 1),
    "too many.txt": "a\n" * (MAX_PROMPTS + 1),
    "nested.json": "[" * 2_000_000,
    "nested maps.json": '{"a":' * 500_000,
    "a number.json": "[" + "9" * 4_000_000 + "]",
    "numbers.json": json.dumps(list(range(500_000))),
    "too many.json": json.dumps(["a"] * (MAX_PROMPTS + 1)),
    "one field.csv": '"' + "a" * 4_000_000,
    "columns.csv": "," * 2_000_000,
    "rows.csv": "prompt\n" + "a\n" * (MAX_PROMPTS + 1),
    "quotes.csv": '"' * 3_000_001,
}
REQUEST_BOMBS = {
    "nested": '{"prompt":' * 50_000,
    "long": json.dumps({"prompt": "a" * 5_000_000}),
    "number": '{"prompt": "a", "seed": ' + "9" * 150_000 + "}",
    "LoRAs": json.dumps({"prompt": "a", "loras": [{"path": "a"}] * 10_000}),
    "infinity": '{"prompt": "a", "cfg_scale": 1e999}',
}


def _header_of(length: int, content: bytes) -> bytes:
    return length.to_bytes(8, "little") + content


WEIGHT_BOMBS = {
    "header of 101 MB": _header_of(101 * 10**6, b"{" + b" " * (101 * 10**6)),
    "header of 2 ** 63": _header_of(2**63, b"{}"),
    "header beyond the end": _header_of(10**6, b"{}"),
    "deep header": _header_of(200_000, b"[" * 200_000),
}
