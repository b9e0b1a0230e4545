#!/usr/bin/env bash
# Times a few steps of both canvases on the GPUs that are there.
set -eu
launch() { torchrun --nproc_per_node="$GPUS" scripts/train_pocket.py "$@"; }
GPUS=$(python3 -c "import torch; print(torch.cuda.device_count())")
for spec in "small 64" "full 32" "causal 32"; do
  set -- $spec
  config=presets/training/pocket_t2v_small.yaml; extra="causal_share=0"
  [ "$1" = small ] || config=presets/training/pocket_t2v.yaml
  [ "$1" = causal ] && extra="causal_share=1"
  echo "== $1 batch $2"
  launch $config init= vae="$VAE" out=/tmp/smoke num_steps=60 budget_s= log_every=10 batch_size="$2" $extra 2>&1 | grep -E "step|Error|error|rror:" | cut -c1-160
done
