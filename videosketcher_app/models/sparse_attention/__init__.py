"""Sparse VideoGen (arXiv 2502.01776): each head attends in space or in time, and only nearby.

layout      where frames and words lie in a token sequence, and the order that makes time near
band        which keys a query sees: the mask as data, as block tables, and densely for tests
profiling   which heads are spatial and which temporal, from a few sampled queries
kernels     attention under the mask: FlexAttention on CUDA, slices of keys elsewhere
attention   one drawing's attention, layer by layer and step by step
drawing     the same for a loaded model, also inside diffsynth's transformer blocks
presets     the layouts and settings of the models that it was published for
"""
