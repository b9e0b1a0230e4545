"""The only place that wires: settings become services, and services know their parts from here."""

from __future__ import annotations

from dataclasses import dataclass

from videosketcher_app.core.settings import AppSettings, load_settings
from videosketcher_app.services.generation import GenerationService
from videosketcher_app.services.jobs import JobQueue
from videosketcher_app.services.model_shelf import ModelShelf
from videosketcher_app.services.request_planner import RequestPlanner


@dataclass(frozen=True, kw_only=True)
class Services:
    """Everything that a door (UI, CLI, API) may use. Close it, or use it as a context."""

    settings: AppSettings
    queue: JobQueue
    shelf: ModelShelf
    planner: RequestPlanner
    generation: GenerationService

    def close(self) -> None:
        """Cancels what runs, waits until it has let go, and frees the weights."""
        self.queue.shutdown()
        self.shelf.clear()

    def __enter__(self) -> Services:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def build(settings: AppSettings | None = None) -> Services:
    """Services for these settings; loads no model and starts no thread."""
    settings = settings or load_settings()
    queue = JobQueue(max_waiting=settings.queue_size)
    shelf = ModelShelf(device=settings.device)
    planner = RequestPlanner(default=settings.refine_backend)
    return Services(
        settings=settings,
        queue=queue,
        shelf=shelf,
        planner=planner,
        generation=GenerationService(queue=queue, shelf=shelf, planner=planner),
    )
