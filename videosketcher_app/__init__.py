"""VideoSketcher App: step-by-step sketching with video models."""

__version__ = "0.1.0"
