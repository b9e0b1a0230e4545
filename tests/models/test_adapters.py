"""Adapters: what is trained, stored and folded in again is the same function."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from videosketcher_app.core.errors import DamagedModel, InvalidFile
from videosketcher_app.models import catalogue
from videosketcher_app.models.adapters import (
    ADAPTER_FILE,
    AdapterConfig,
    adapted_weights,
    adapter_tensors,
    inject,
    load_into,
    read_adapter,
    save_adapter,
)
from videosketcher_app.models.model_rows import row_from
from videosketcher_app.models.pocket import PocketModel, load_adapted, load_pocket, save_adapted
from videosketcher_app.models.tiny import tiny_model
from videosketcher_app.storage.tensors import sha256_of, write_safetensors

CONFIG = AdapterConfig(rank=4, full=("patch_embedding", "*.modulation"))


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    tiny_model(name="base").save(folder)
    return folder


def trained(base_folder: Path, config: AdapterConfig = CONFIG) -> PocketModel:
    """The base with an adapter whose every tensor was moved."""
    model = load_pocket(base_folder, "cpu", torch.float32)
    inject(model.transformer, config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for param in model.transformer.parameters():
            if param.requires_grad:
                param.add_(0.05 * torch.randn(param.shape, generator=generator))
    return model


def velocity(model: PocketModel) -> torch.Tensor:
    latents = torch.randn(1, 16, 3, 12, 18, generator=torch.Generator().manual_seed(2))
    return model.velocity(latents, 0.7, model.encode_prompts(["a cat"])).clone()


def test_a_new_adapter_changes_nothing(base_folder: Path) -> None:
    plain = load_pocket(base_folder, "cpu", torch.float32)
    adapted = load_pocket(base_folder, "cpu", torch.float32)
    inject(adapted.transformer, CONFIG)
    assert torch.equal(velocity(adapted), velocity(plain))


def test_only_pairs_and_whole_tensors_are_trained(base_folder: Path) -> None:
    names = set(adapter_tensors(trained(base_folder).transformer))
    assert "blocks.0.self_attn.q.lora_A.weight" in names
    assert "blocks.1.ffn.2.lora_B.weight" in names
    whole = {n for n in names if "lora_" not in n}
    assert whole == {
        "patch_embedding.weight",
        "patch_embedding.bias",
        "blocks.0.modulation",
        "blocks.1.modulation",
        "head.modulation",
    }


def test_injection_leaves_the_global_generator_alone(base_folder: Path) -> None:
    model = load_pocket(base_folder, "cpu", torch.float32)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    inject(model.transformer, CONFIG)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_stored_model_draws_as_the_trained_one(base_folder: Path, tmp_path: Path) -> None:
    model = trained(base_folder)
    tensors = adapter_tensors(model.transformer)
    save_adapted(
        tmp_path, tensors, name="other", base=model, defaults=model.defaults, quantized=False
    )
    loaded = load_adapted(tmp_path, base_folder, "cpu", torch.float32)
    assert loaded.name == "other"
    assert set(loaded.hashes) >= {ADAPTER_FILE, "transformer.safetensors"}
    torch.testing.assert_close(velocity(loaded), velocity(model), atol=5e-3, rtol=0)


def test_int8_is_a_quarter_of_the_float_bytes_and_close(base_folder: Path, tmp_path: Path) -> None:
    config = AdapterConfig(rank=128)
    model = trained(base_folder, config)
    tensors = adapter_tensors(model.transformer)
    save_adapted(tmp_path, tensors, name="other", base=model, defaults=model.defaults)
    loaded = load_adapted(tmp_path, base_folder, "cpu", torch.float32)
    apart = (velocity(loaded) - velocity(model)).abs().mean() / velocity(model).abs().mean()
    assert apart < 0.03
    assert (tmp_path / ADAPTER_FILE).stat().st_size < 0.3 * 4 * sum(
        t.numel() for t in tensors.values()
    )


def test_training_goes_on_from_a_file(base_folder: Path, tmp_path: Path) -> None:
    model = trained(base_folder)
    save_adapter(
        tmp_path / ADAPTER_FILE,
        adapter_tensors(model.transformer),
        base=model,
        config=model.transformer_config,
        quantized=False,
    )
    again = load_pocket(base_folder, "cpu", torch.float32)
    stored = read_adapter(tmp_path / ADAPTER_FILE, base=again)
    inject(again.transformer, CONFIG)
    load_into(again.transformer, stored.tensors)
    torch.testing.assert_close(velocity(again), velocity(model), atol=5e-3, rtol=0)
    with pytest.raises(DamagedModel, match="does not fit"):
        load_into(again.transformer, dict(list(stored.tensors.items())[1:]))


def test_a_wider_patch_embedding_travels_in_the_file(base_folder: Path, tmp_path: Path) -> None:
    model = load_pocket(base_folder, "cpu", torch.float32)
    old = model.transformer.patch_embedding
    wide = torch.nn.Conv3d(60, 48, (1, 3, 3), (1, 3, 3))
    with torch.no_grad():
        wide.weight.zero_()
        wide.weight[:, :57].copy_(old.weight)
        wide.bias.copy_(old.bias)
    model.transformer.patch_embedding = wide
    inject(model.transformer, AdapterConfig(rank=2, full=("patch_embedding",)))
    save_adapted(
        tmp_path,
        adapter_tensors(model.transformer),
        name="wide",
        base=model,
        defaults=model.defaults,
        config=replace(model.transformer_config, in_dim=60),
    )
    loaded = load_adapted(tmp_path, base_folder, "cpu", torch.float32)
    assert loaded.transformer_config.in_dim == 60
    assert tuple(loaded.transformer.patch_embedding.weight.shape) == (48, 60, 1, 3, 3)


def test_an_adapter_of_other_weights_is_refused(base_folder: Path, tmp_path: Path) -> None:
    model = trained(base_folder)
    tensors = adapter_tensors(model.transformer)
    save_adapted(tmp_path / "adapter", tensors, name="x", base=model, defaults=model.defaults)
    tiny_model(seed=9, name="base").save(tmp_path / "other")
    with pytest.raises(DamagedModel, match="other weights than those of base"):
        load_adapted(tmp_path / "adapter", tmp_path / "other", "cpu", torch.float32)


def test_a_file_that_is_no_adapter_is_refused(base_folder: Path, tmp_path: Path) -> None:
    write_safetensors(tmp_path / ADAPTER_FILE, {"a": torch.zeros(1)})
    base = load_pocket(base_folder, "cpu", torch.float32)
    with pytest.raises(InvalidFile, match="not an adapter"):
        read_adapter(tmp_path / ADAPTER_FILE, base=base)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda t: t.pop("blocks.0.self_attn.q.lora_A.weight"), "no down .* blocks.0.self_attn.q"),
        (lambda t: t.pop("blocks.0.self_attn.q.lora_B.weight"), "no up .* blocks.0.self_attn.q"),
        (lambda t: t.update({"blocks.9.modulation": torch.zeros(1)}), "blocks.9.modulation"),
        (
            lambda t: t.update({"blocks.0.self_attn.q.lora_A.weight": torch.zeros(4, 5)}),
            "blocks.0.self_attn.q",
        ),
        (
            lambda t: t.update(
                {f"blocks.9.ffn.0.lora_{half}.weight": torch.zeros(4, 4) for half in "AB"}
            ),
            "has no blocks.9.ffn.0",
        ),
    ],
)
def test_a_torn_adapter_is_refused(base_folder: Path, tmp_path: Path, change, where: str) -> None:
    model = trained(base_folder)
    tensors = adapter_tensors(model.transformer)
    change(tensors)
    save_adapted(tmp_path, tensors, name="x", base=model, defaults=model.defaults)
    with pytest.raises(DamagedModel, match=where) as refusal:
        load_adapted(tmp_path, base_folder, "cpu", torch.float32)
    assert "Restore the model's folder" in refusal.value.hint


def test_nan_is_refused(base_folder: Path, tmp_path: Path) -> None:
    model = trained(base_folder)
    tensors = adapter_tensors(model.transformer)
    tensors["head.modulation"] = torch.full_like(tensors["head.modulation"], float("nan"))
    save_adapted(tmp_path, tensors, name="x", base=model, defaults=model.defaults)
    with pytest.raises(DamagedModel, match="NaN"):
        load_adapted(tmp_path, base_folder, "cpu", torch.float32)


def test_merging_adds_the_product_of_the_pair(base_folder: Path, tmp_path: Path) -> None:
    model = trained(base_folder)
    tensors = adapter_tensors(model.transformer)
    plain = load_pocket(base_folder, "cpu", torch.float32)
    save_adapter(tmp_path / ADAPTER_FILE, tensors, base=plain, config=plain.transformer_config)
    adapter = read_adapter(tmp_path / ADAPTER_FILE, base=plain)
    merged = adapted_weights(plain.transformer.state_dict(), adapter)
    name = "blocks.1.ffn.0"
    pair = [adapter.tensors[f"{name}.lora_{half}.weight"] for half in "BA"]
    expected = plain.transformer.state_dict()[f"{name}.weight"] + pair[0] @ pair[1]
    assert torch.equal(merged[f"{name}.weight"], expected)


def test_a_row_with_a_base_needs_and_checks_both_folders(
    base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained(base_folder)
    tiny_model(name="base").save(tmp_path / "base")
    save_adapted(
        tmp_path / "adapter",
        adapter_tensors(model.transformer),
        name="adapted",
        base=model,
        defaults=model.defaults,
    )
    rows = {
        name: {"family": "pocket", "summary": "", "folder": name, "files": _facts(tmp_path / name)}
        for name in ("base", "adapter")
    }
    rows["adapter"]["base"] = "base"
    known = {name: row_from(name, entry) for name, entry in rows.items()}
    monkeypatch.setattr(catalogue, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(catalogue, "_rows", lambda: known)
    assert catalogue.load_text_model("adapter").name == "adapted"
    (tmp_path / "base" / "vae.safetensors").write_bytes(b"other")
    with pytest.raises(DamagedModel):
        catalogue.verify_model("adapter")
    (tmp_path / "base" / "vae.safetensors").unlink()
    assert {row["name"]: row["here"] for row in catalogue.list_models()}["adapter"] is False


def _facts(folder: Path) -> dict:
    return {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in folder.iterdir()
    }
