"""Merges two annotation files: python scripts/merge_json.py --input1 A --input2 B --output C ...

The command line of CausVid-Plus's tool; the same as `data merge-json`.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from videosketcher_app.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["data", "merge-json", *sys.argv[1:]]))
