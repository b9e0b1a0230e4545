"""A tiny Qwen2 that was taught one reply by heart: real classes and files, half a megabyte."""

from __future__ import annotations

from pathlib import Path

CHAT_TEMPLATE = (
    "{% for m in messages %}{{ m.role }} {% endfor %}{% if add_generation_prompt %}say{% endif %}"
)


PIECE = 12
LEARNED = 0.05  # mean cross entropy: every token has far more than half of the probability


def write_tiny_chat_model(folder: Path, reply: str) -> None:
    """Writes a chat model into `folder` that answers every conversation with `reply`."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = {token: i for i, token in enumerate(["<end>", *alphabet])}
    words = Tokenizer(models.BPE(vocab=tokens, merges=[]))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token="<end>", pad_token="<end>"
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    # A few long tokens are learned in a second; every letter for itself takes twenty.
    tokenizer.add_tokens([reply[i : i + PIECE] for i in range(0, len(reply), PIECE)])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = Qwen2Config(
            vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=1,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
            bos_token_id=None, eos_token_id=0, pad_token_id=0, tie_word_embeddings=False,
        )  # fmt: skip
        model = Qwen2ForCausalLM(config)
        prompt = tokenizer.encode("system user say")
        ids = torch.tensor([[*prompt, *tokenizer.encode(reply), 0]])
        labels = ids.clone()
        labels[:, : len(prompt)] = -100
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        loss = torch.tensor(1.0)
        for _ in range(300):
            if loss.item() < LEARNED:
                break
            loss = model(input_ids=ids, labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert loss.item() < LEARNED, "the tiny model did not learn its reply"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
