"""Files of Wan models in the published layouts, with random weights small enough for a test."""

from __future__ import annotations

from pathlib import Path

import torch
from diffsynth.models.wan_video_dit import WanModel
from diffsynth.models.wan_video_image_encoder import XLMRobertaCLIP
from diffsynth.models.wan_video_text_encoder import WanTextEncoder
from diffsynth.models.wan_video_vae import VideoVAE_
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

from videosketcher_app.storage.tensors import write_safetensors

WORDS = ("<pad>", "<unk>", "</s>", "a", "cat", "dog", "step", "by", "sketch", "of")
DIT = "diffusion_pytorch_model"
TEXT_FILE = "models_t5_umt5-xxl-enc-bf16.pth"
VAE_FILE = "Wan2.1_VAE.pth"
CLIP_FILE = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"
TOKENIZER = "google/umt5-xxl"
TEXT_DIM = 32


def dit_tensors(*, in_dim: int = 16, clip: bool = False, seed: int = 0) -> dict[str, torch.Tensor]:
    """A transformer's state dict: one head of 128, two blocks."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        dit = WanModel(
            dim=128, in_dim=in_dim, ffn_dim=64, out_dim=16, text_dim=TEXT_DIM, freq_dim=32,
            eps=1e-6, patch_size=(1, 2, 2), num_heads=1, num_layers=2, has_image_input=clip,
        )  # fmt: skip
        for parameter in dit.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.05)
    return {name: value.detach() for name, value in dit.state_dict().items()}


def write_dit(folder: Path, *, shards: int = 1, **how) -> dict[str, Path]:
    """A transformer in so many shards, named as the hub names them."""
    tensors = dit_tensors(**how)
    names = [f"{DIT}.safetensors"]
    if shards > 1:
        names = [f"{DIT}-{i:05}-of-{shards:05}.safetensors" for i in range(1, shards + 1)]
    for index, name in enumerate(names):
        part = dict(list(tensors.items())[index::shards])
        write_safetensors(folder / name, part)
    return {name: folder / name for name in names}


def write_generator(path: Path, **how) -> dict[str, Path]:
    """A trainer's pickle: the transformer below `generator`, with the wrapper's prefix."""
    wrapped = {f"model.{name}": value for name, value in dit_tensors(**how).items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"generator": wrapped, "epoch": 3}, path)
    return {path.name: path}


def write_text_encoder(folder: Path) -> dict[str, Path]:
    """The text encoder's pickle and its tokenizer's folder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        text = WanTextEncoder(
            vocab=len(WORDS), dim=TEXT_DIM, dim_attn=32, dim_ffn=32, num_heads=2, num_layers=1
        )
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(text.state_dict(), folder / TEXT_FILE)
    words = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", eos_token="</s>"
    )
    fast.save_pretrained(folder / TOKENIZER)
    # Published beside it, and not needed where tokenizer.json is.
    (folder / TOKENIZER / "special_tokens_map.json").write_text("{}", "utf-8")
    (folder / TOKENIZER / "spiece.model").write_bytes(b"unused")
    found = {TEXT_FILE: folder / TEXT_FILE}
    files = sorted((folder / TOKENIZER).iterdir())
    return {**found, **{f"{TOKENIZER}/{path.name}": path for path in files}}


def write_vae(folder: Path) -> dict[str, Path]:
    """The VAE's pickle."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        vae = VideoVAE_(dim=4, z_dim=16)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(vae.state_dict(), folder / VAE_FILE)
    return {VAE_FILE: folder / VAE_FILE}


def write_image_encoder(folder: Path) -> dict[str, Path]:
    """The image encoder's pickle, with a tensor of its unused half."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        clip = XLMRobertaCLIP(vision_layers=2, vision_mlp_ratio=0.05, embed_dim=16)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {**clip.state_dict(), "textual.head.0.weight": torch.zeros(2, 2)}
    torch.save(tensors, folder / CLIP_FILE)
    return {CLIP_FILE: folder / CLIP_FILE}


def write_model(root: Path, name: str, **how) -> dict[str, dict[str, Path]]:
    """A whole model as the catalogue lists its files: by row and file."""
    clip = how.get("clip", False)
    files = {
        name: write_dit(root / name, **how),
        "umt5-xxl": write_text_encoder(root / "umt5-xxl"),
        "wan2.1-vae": write_vae(root / "wan2.1-vae"),
    }
    if clip:
        files["clip-vit-h"] = write_image_encoder(root / "clip-vit-h")
    return files
