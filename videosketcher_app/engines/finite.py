"""A drawing whose numbers are no numbers fails at its step: it never becomes an empty video."""

from __future__ import annotations

import torch

from videosketcher_app.core.errors import AppError


def require_finite(values: torch.Tensor, *, step: int, num_steps: int) -> None:
    """Refuses latents, or the pixels that were decoded from them.

    Args:
        step: denoising steps done; beyond `num_steps` they are being decoded.

    Raises:
        AppError: a value is NaN or infinite; names the step.
    """
    if bool(torch.isfinite(values).all()):
        return
    where = f"step {step} of {num_steps}" if step <= num_steps else "the decoder"
    raise AppError(
        f"The drawing became not finite at {where}.",
        hint=f"Draw without LoRAs, or in another precision than {values.dtype}.",
    )
