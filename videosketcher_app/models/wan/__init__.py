"""The only package that imports diffsynth; whatever of it is imported first, the guard comes before."""

from videosketcher_app.models.wan.import_guard import import_diffsynth

import_diffsynth()
