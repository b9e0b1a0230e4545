"""Spellings of the reference READMEs come out in ours; ours pass unchanged."""

from __future__ import annotations

import pytest

from videosketcher_app.cli.reference_spelling import translate

ROWS = [
    ("inference.py --prompt CAT --seed 42", "sketch CAT --seed 42"),
    ("python inference.py --cfg_scale 5.0 --prompt CAT", "sketch CAT --cfg-scale 5.0"),
    ("inference.py --prompt=CAT --lora_ckpt=F", "sketch CAT --lora=F"),
    ("inference.py --input_image I --prompt CAT", "brush CAT --input-image I"),
    ("inference.py --prompts_file P --extend_prompt", "sketch --prompts-file P --extend-prompt"),
    ("server.py --server 0.0.0.0 --port 8000", "app --host 0.0.0.0 --port 8000"),
    ("sketch CAT --num_inference_steps 6", "sketch CAT --num-inference-steps 6"),
    ("sketch --prompt -CAT", "sketch -- -CAT"),
    ("sketch CAT --seed 7 --json", "sketch CAT --seed 7 --json"),
    ("evaluate video my_file.mp4 --plan P", "evaluate video my_file.mp4 --plan P"),
    ("sketch -- --prompt_like_this", "sketch -- --prompt_like_this"),
    ("", ""),
]


@pytest.mark.parametrize(("theirs", "ours"), ROWS)
def test_words_come_out_as_ours(theirs, ours):
    assert translate(theirs.split()) == ours.split()


def test_translating_twice_changes_nothing():
    for theirs, _ in ROWS:
        once = translate(theirs.split())
        assert translate(once) == once


def test_model_is_named_by_the_files_it_is_made_of():
    paths = "Wan-AI/Wan2.1-T2V-1.3B:diffusion*.safetensors,Wan-AI/Wan2.1-T2V-1.3B:Wan2.1_VAE.pth"
    assert translate(["inference.py", "--model_id_with_origin_paths", paths]) == [
        "sketch",
        "--model",
        "wan2.1-t2v-1.3b",
    ]
