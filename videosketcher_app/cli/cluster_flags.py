"""The flags of the commands that can spread their work over a Ray cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videosketcher_app.core.errors import InvalidRequest

if TYPE_CHECKING:
    from videosketcher_app.services.scale_out import cluster as clusters
    from videosketcher_app.services.scale_out.cluster import ClusterOptions

_PANEL = "Cluster"

Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Spreads the work over a Ray cluster: its head, or auto.",
        metavar="HOST:PORT",
        rich_help_panel=_PANEL,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", help="At most so many.", min=1, rich_help_panel=_PANEL),
]
CpusPerWorker = Annotated[
    int | None,
    typer.Option("--cpus-per-worker", help="Default: 1.", min=1, rich_help_panel=_PANEL),
]


def cluster_options(flags: Mapping[str, Any]) -> ClusterOptions | None:
    """The cluster that a person gave, or None for this process alone.

    Args:
        flags: values by parameter of the command, `typer.Context.params`.

    Raises:
        InvalidRequest: workers are given, and no cluster; or several processes were launched, and
            each would hand out everything.
    """
    fields = ("workers", "cpus_per_worker")
    given = {name: flags[name] for name in fields if flags.get(name) is not None}
    address = flags.get("cluster")
    if address is None:
        if given:
            raise InvalidRequest(
                "--workers and --cpus-per-worker are of a cluster.", hint="Give --cluster, too."
            )
        return None
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise InvalidRequest(
            "--cluster needs no launcher of processes.", hint="Start it without accelerate."
        )
    from videosketcher_app.services.scale_out.cluster import ClusterOptions

    return ClusterOptions(address=address, **given)


@contextmanager
def connection(options: ClusterOptions) -> Iterator[clusters.Cluster]:
    """A connection to a cluster; see `connected`.

    Ray prints what its nodes report on standard output, and no setting stops it. That stream is for
    results (`Console` holds on to it), so it leads nowhere meanwhile.
    """
    from videosketcher_app.services.scale_out.cluster import connected

    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        connected(options) as cluster,
    ):
        yield cluster
