"""Identity: what a file or folder of weights is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from videosketcher_app.core.errors import InvalidFile

# What `kind` can be. A "few-step" transformer is one that distribution matching left with its
# critic: whether it draws causally or at once cannot be told from its tensors.
KINDS = (
    "transformer",
    "causal",
    "text encoder",
    "vae",
    "image encoder",
    "decoder",
    "lora",
    "pocket",
    "pocket adapter",
    "dataset",
)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What was found.

    Attributes:
        kind: one of KINDS.
        label: in words, for people.
        model_name: the row of the catalogue that it satisfies; None if it is of none, or if its
            tensors fit several rows and its name does not say which.
        candidates: rows whose tensors it fits.
        network: which published network it is ("wan-t2v-14b"); empty for another.
        num_bytes: of the tensors.
        problems: why it cannot be used as what the label says; one sentence each.
        files: the files that hold it.
        facts: what else was read off: rank, layout, base, whether its steps are few.
    """

    kind: str
    label: str
    model_name: str | None = None
    candidates: tuple[str, ...] = ()
    network: str = ""
    num_tensors: int = 0
    num_bytes: int = 0
    problems: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def require_usable(self, source: str) -> None:
        """Refuses what has a problem.

        Raises:
            InvalidFile: names the first problem.
        """
        if self.problems:
            raise InvalidFile(
                f"{source} looks like {self.label}, but {self.problems[0]}.",
                hint="Download or copy it again; it may be damaged or belong to another model.",
            )
