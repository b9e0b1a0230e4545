"""What a cluster offers is counted, and what cannot be reached is said at once."""

from __future__ import annotations

import socket
import sys

import pytest

from videosketcher_app.cli.cluster_flags import cluster_options
from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.services.scale_out.cluster import (
    ClusterOptions,
    ClusterTrouble,
    connected,
    room_of,
)
from videosketcher_app.services.scale_out.worker import Worker


def node(alive: bool = True, **resources: float) -> dict[str, object]:
    return {"Alive": alive, "Resources": resources}


def options(**fields: int) -> ClusterOptions:
    return ClusterOptions(address="auto", **fields)


@pytest.mark.parametrize(
    ("nodes", "fields", "workers", "gpus"),
    [
        ([node(CPU=8.0), node(CPU=3.0)], {}, 11, 0),
        ([node(CPU=8.0), node(CPU=3.0)], {"cpus_per_worker": 2}, 5, 0),
        ([node(CPU=8.0), node(CPU=3.0)], {"workers": 4}, 4, 0),
        ([node(CPU=8.0), node(alive=False, CPU=64.0)], {}, 8, 0),
        ([node(CPU=16.0, GPU=4.0), node(CPU=64.0)], {}, 4, 1),
        ([node(CPU=3.0, GPU=4.0)], {"cpus_per_worker": 2}, 1, 1),
    ],
)
def test_a_worker_takes_a_gpu_or_its_share_of_cpus(nodes, fields, workers, gpus):
    room = room_of(options(**fields), nodes)
    assert (room.workers, room.gpus_per_worker) == (workers, gpus)


def test_a_cluster_without_a_place_is_refused():
    with pytest.raises(ClusterTrouble, match="has 4 CPUs"):
        room_of(options(cpus_per_worker=4), [node(CPU=2.0)])


@pytest.mark.parametrize("address", ["here", "host:", ":6379", "host:0", "host:99999", "host:x"])
def test_what_is_no_address_is_refused(address):
    with (
        pytest.raises(InvalidRequest, match="no address"),
        connected(ClusterOptions(address=address)),
    ):
        pass


def test_a_cluster_that_does_not_answer_is_said_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(ClusterTrouble, match="answers"),
            connected(ClusterOptions(address=address)),
        ):
            pass


def test_without_ray_the_sentence_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ClusterTrouble, match="cluster"), connected(options()):
        pass


def test_flags_of_a_cluster_are_refused_where_they_mean_nothing(monkeypatch):
    assert cluster_options({"cluster": None, "workers": None}) is None
    assert cluster_options({"cluster": "auto", "workers": 3}) == options(workers=3)
    with pytest.raises(InvalidRequest, match="of a cluster"):
        cluster_options({"cluster": None, "workers": 3})
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InvalidRequest, match="launcher"):
        cluster_options({"cluster": "auto"})


def test_a_worker_refuses_a_folder_it_does_not_see_and_another_version(tmp_path):
    marker = tmp_path / "marker"
    with pytest.raises(InvalidRequest, match="does not see the folder"):
        Worker(None, "cpu", marker, _version()).arrive()  # type: ignore[arg-type]
    marker.touch()
    Worker(None, "cpu", marker, _version()).arrive()  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest, match=r"0\.0\.0"):
        Worker(None, "cpu", marker, "0.0.0").arrive()  # type: ignore[arg-type]


def _version() -> str:
    from videosketcher_app import __version__

    return __version__
