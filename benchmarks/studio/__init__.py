"""The Studio models' speed and memory on one GPU, at full size with random weights.

    python -m benchmarks.studio ROW [--tiny] [--device cuda] [--out FILE]

forward        a 14B pass at 832x480x81 against diffsynth's own in the same run: exact, 8-bit, sparse,
               with the step cache's plan, with frozen paper (replayed from a drawing of the grammar)
few-steps      four steps without guidance and the decoding, from noise to frames
forward-720p   Sparse VideoGen's published preset against dense attention at 1280x720x81
memory         14B streamed block by block under a hard limit of memory, in bf16 and in 8 bits
pipeline       text encoder, transformer and VAE one after the other under 8 GB
cards          the same for every plan of docs/hardware.md, within the smallest card it is for
vae            81 frames decoded, against diffsynth's own, with PSNR
resident       co-drawing turns between 14B passes that stream through the rest of the budget
parallel       a guided 14B step on all GPUs of this host: tokens shared, then guidance too
complete       one whole run of 50 guided steps in the fastest mode
rollout        the causal 1.3B: 81 frames, first ink, steady rate, words changed, 1,800 frames, 8 GB
training-limits, training-speed   LoRA steps of 14B and 1.3B and a causal step
kernels        where the time goes, kernel by kernel, for the decoder, the causal modes, the 14B
campaign       all of them and the other benchmarks that want a GPU, row by row (see `campaign`)

Random weights say nothing about pictures: step caches follow a plan that is fixed beforehand, and the
paper that is frozen is that of a real drawing. Every line is written as soon as it is measured; a
ratio counts only if its line says `valid`.
"""
