#!/usr/bin/env bash
# Makes pocket-ar on several GPUs of one machine, stage by stage, each within ten minutes.
#
#   scripts/train_pocket_ar.sh STAGE [KEY=VALUE ...]      STAGE: causal | ode | dmd | measure | all
#
# Needs checkpoints/pocket and, for stage causal, outputs/pocket/full/network.safetensors (leave it
# out with init="": then the teacher starts from the shipped weights). Results: outputs/pocket/ar_*;
# exported folders outputs/pocket/ar_ode_export and ar_dmd_export; figures beside them.
set -euo pipefail
cd "$(dirname "$0")/.."
stage="${1:?stage}"; shift || true
PYTHON="${PYTHON:-python}"
gpus="$("$PYTHON" -c 'import torch; print(max(1, torch.cuda.device_count()))')"
workers=$(( $(nproc) / gpus - 2 )); [ "$workers" -gt 0 ] || workers=0

train() {  # name seconds [KEY=VALUE ...]
  local name="$1" limit="$2"; shift 2
  OMP_NUM_THREADS=1 timeout "$limit" "$PYTHON" -m torch.distributed.run --standalone \
    --nproc_per_node="$gpus" scripts/train_pocket.py "presets/training/pocket_ar_$name.yaml" \
    num_workers="$workers" "$@"
}

measure() {  # name
  local folder="outputs/pocket/ar_$1" target="outputs/pocket/ar_$1_export"
  "$PYTHON" scripts/export_pocket_ar.py "presets/training/pocket_ar_$1.yaml" "$target" \
    > "$folder/row.yaml"
  timeout 150 "$PYTHON" -m videosketcher_app evaluate codraw --adapter "$target" \
    --num-workers "$(( $(nproc) > 16 ? 16 : $(nproc) ))" --no-calibration \
    --csv "$folder/codraw.csv" --output-dir "$folder/codraw" | tee "$folder/codraw.jsonl"
  timeout 60 "$PYTHON" -m benchmarks.pocket_ar --adapter "$target" | tee "$folder/bench.jsonl"
}

case "$stage" in
  causal) train causal 520 "$@" ;;
  ode) train ode 590 "$@" ;;
  dmd) train dmd 400 "$@" ;;
  measure)
    for name in ode dmd; do
      if [ -e "outputs/pocket/ar_$name/adapter.safetensors" ]; then measure "$name"; fi
    done ;;
  all) for name in causal ode dmd measure; do "$0" "$name"; done ;;
  *) echo "unknown stage $stage" >&2; exit 2 ;;
esac
