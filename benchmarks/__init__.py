"""Speed figures: one file a claim, each prints JSON lines. See docs/guide/command-line.md."""
