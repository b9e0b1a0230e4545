"""The only package that imports diffsynth; whatever of it is imported first, the guard comes before."""

from videosketcher_app.models.wan.import_guard import hide_broken_kernels

hide_broken_kernels()
