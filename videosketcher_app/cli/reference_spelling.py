"""Spellings of the reference READMEs, turned into ours, before anything is parsed.

`inference.py --prompt "a cat" --lora_ckpt F --cfg_scale 5` becomes
`sketch "a cat" --lora F --cfg-scale 5`. Words that are ours already pass unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

# What the READMEs start, by file name, and the command that does it here.
SCRIPTS = {
    "inference.py": "sketch",
    "bidirectional_inference.py": "sketch",
    "wan_t2v_inference.py": "sketch",
    "wan_i2v_inference.py": "brush",
    "ar_inference.py": "rollout",
    "autoregressive_inference.py": "rollout",
    "longvideo_autoregressive_inference.py": "rollout",
    "server.py": "app",
    "demo_gradio.py": "app",
    "merge_json.py": "data merge-json",
    "move_mixkit.py": "data flatten",
    "slice_video.py": "data slice",
    "process_mixkit.py": "data convert",
    "create_lmdb_iterative.py": "data lmdb",
}
# Scripts that are about one model.
MODELS = {
    "wan_t2v_inference.py": "wan2.1-t2v-14b",
    "wan_i2v_inference.py": "wan2.1-i2v-14b-480p",
}
# Shell wrappers take their arguments by position.
WRAPPERS = {
    "T2V_inference_lora_14B.sh": (
        ("sketch", "--model", "wan2.1-t2v-14b"),
        ("--lora", "--prompts-file", "--seed", "--num-inference-steps", "--cfg-scale"),
    ),
    "I2V_inference_lora_14B.sh": (
        ("brush", "--model", "wan2.1-i2v-14b-480p"),
        (
            "--lora",
            "--prompts-file",
            "--input-image",
            "--seed",
            "--num-inference-steps",
            "--cfg-scale",
        ),
    ),
    "wan_t2v_inference.sh": (("sketch", "--model", "wan2.1-t2v-14b", "--pattern", "SVG"), ()),
    "wan_i2v_inference.sh": (("brush", "--model", "wan2.1-i2v-14b-480p", "--pattern", "SVG"), ()),
    "ar_inference.sh": (
        ("rollout",),
        ("--checkpoint", "--prompts-file", "--seed", "--num-rollout", "--num-overlap-frames"),
    ),
}
# Options whose name is another one here; every other --some_name just becomes --some-name.
OPTIONS = {
    "--lora-ckpt": "--lora",
    "--output-folder": "--output-dir",
    "--prompt-file-path": "--prompts-file",
    "--checkpoint-path": "--checkpoint",
    "--checkpoint-folder": "--checkpoint",
    "--config-path": "--config",
    "--denoising-strength": "--strength",
    "--model-id-with-origin-paths": "--model",
    "--image-path": "--input-image",
    "--server": "--host",
}
_INTERPRETER = re.compile(r"(python[\d.]*|bash|sh)")
# In these commands the prompt is an argument, not an option.
_PROMPT_COMMANDS = frozenset({"sketch", "brush", "rollout", "plan"})


def translate(argv: Sequence[str]) -> list[str]:
    """The same request in our words; `argv` is without the program's own name."""
    words = list(argv)
    if len(words) > 1 and _INTERPRETER.fullmatch(words[0]):
        words = words[1:]
    if not words:
        return words
    script = PurePosixPath(words[0].replace("\\", "/")).name
    if script in WRAPPERS:
        return _from_positions(script, words[1:])
    command = SCRIPTS.get(script, words[0])
    options, prompt = _options(words[1:], prompt_is_argument=command in _PROMPT_COMMANDS)
    if script in MODELS and "--model" not in options:
        options += ["--model", MODELS[script]]
    if command == "sketch" and "--input-image" in options:
        command = "brush"
    if prompt is None:
        return [*command.split(" "), *options] if script in SCRIPTS else [command, *options]
    if prompt.startswith("-"):  # two dashes end the options, so that it reads as a prompt
        return [command, *options, "--", prompt]
    return [command, prompt, *options]


def _from_positions(script: str, values: list[str]) -> list[str]:
    head, names = WRAPPERS[script]
    pairs = zip(names, values, strict=False)
    extra = values[len(names) :]
    return [*head, *(word for pair in pairs for word in pair), *extra]


def _options(words: list[str], *, prompt_is_argument: bool) -> tuple[list[str], str | None]:
    """Options in our spelling, in their order, and the value of --prompt."""
    found: list[str] = []
    prompt: str | None = None
    waiting = iter(words)
    for word in waiting:
        if word == "--":
            return [*found, word, *waiting], prompt
        if not word.startswith("--"):
            found.append(word)
            continue
        name, equals, value = word.partition("=")
        dashed = name.replace("_", "-")
        ours = OPTIONS.get(dashed, dashed)
        if dashed == "--prompt" and prompt_is_argument:
            prompt = value if equals else next(waiting, "")
        elif dashed in _VALUES:
            found += [ours, _VALUES[dashed](value if equals else next(waiting, ""))]
        else:
            found.append(f"{ours}={value}" if equals else ours)
    return found, prompt


def _model_name(origin_paths: str) -> str:
    """ "Wan-AI/Wan2.1-T2V-14B:diffusion*.safetensors,..." names the model wan2.1-t2v-14b."""
    return origin_paths.split(",")[0].split(":")[0].rsplit("/", 1)[-1].lower()


def _checkpoint_in(folder: str) -> str:
    """CausVid's scripts read model.pt inside the folder that they are given."""
    return f"{folder.rstrip('/')}/model.pt"


_VALUES: dict[str, Callable[[str], str]] = {
    "--model-id-with-origin-paths": _model_name,
    "--checkpoint-folder": _checkpoint_in,
}
