"""Identification: what a file or folder of weights is, from names, shapes and headers alone.

    identity = identify(path)
    identity.label       "Wan 2.1 T2V 14B transformer, 6 shards"
    identity.problems    empty if it is whole and strictly what the label says

No tensor is read. Nothing in a pickle is run: its tables are read by torch's weights-only reader,
with the tensors left on the disk.
"""

from videosketcher_app.models.identify.identifying import identify
from videosketcher_app.models.identify.identity import Identity

__all__ = ["Identity", "identify"]
