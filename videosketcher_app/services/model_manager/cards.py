"""Cards: data sheets of graphics cards, for estimates on machines that nobody has measured.

Matrix rates are those of dense 16-bit products that add up in 32 bits. NVIDIA's GeForce cards do
two of them for every 32-bit operation of their shaders; the others are given as such.
"""

from __future__ import annotations

from dataclasses import dataclass

from videosketcher_app.services.model_manager.speed import Rates
from videosketcher_app.services.model_manager.views import GIB

# What an H200 reached of its data sheet, torch 2.11 (facts: performance, 4.0): 785 TFLOP/s in
# matrix products and 565 in attention of 989, 51 GB/s of a 64 GB/s link.
MATMUL_SHARE, ATTENTION_SHARE = 785 / 989, 565 / 989
LINK_SHARE = 51 / 64
SAME_MEMORY = 0.15  # a driver keeps some of what was sold
SOURCE = "computed from the card's data sheet"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One graphics card.

    Attributes:
        memory_gb: as sold.
        tflops: dense bfloat16 products.
        memory_gb_s: bandwidth of its memory.
        link_gb_s: of its connector, one way: PCIe 4 with 8 lanes has 16, with 16 lanes 32.
    """

    name: str
    memory_gb: int
    tflops: float
    memory_gb_s: float
    link_gb_s: float

    @property
    def rates(self) -> Rates:
        """What it is expected to reach."""
        return Rates(
            matmul_flops=MATMUL_SHARE * self.tflops * 1e12,
            attention_flops=ATTENTION_SHARE * self.tflops * 1e12,
            memory_bytes_s=self.memory_gb_s * 1e9,
            copy_bytes_s=LINK_SHARE * self.link_gb_s * 1e9,
            source=SOURCE,
        )


def _geforce(
    name: str, memory_gb: int, shader_tflops: float, memory_gb_s: float, link_gb_s: float
) -> Card:
    return Card(
        name=name,
        memory_gb=memory_gb,
        tflops=2 * shader_tflops,
        memory_gb_s=memory_gb_s,
        link_gb_s=link_gb_s,
    )


# One common card for each size of memory.
CARDS = (
    _geforce("GeForce RTX 3050 6GB", 6, 6.77, 168, 16),
    _geforce("GeForce RTX 4060", 8, 15.11, 272, 16),
    _geforce("GeForce RTX 4070", 12, 29.15, 504, 32),
    _geforce("GeForce RTX 4060 Ti 16GB", 16, 22.06, 288, 16),
    _geforce("GeForce RTX 4090", 24, 82.58, 1008, 32),
    Card(name="L40S", memory_gb=48, tflops=362.05, memory_gb_s=864, link_gb_s=32),
    Card(name="H100 80GB HBM3", memory_gb=80, tflops=989, memory_gb_s=3350, link_gb_s=64),
    Card(name="H200", memory_gb=141, tflops=989, memory_gb_s=4800, link_gb_s=64),
)


def card_of(name: str, total_bytes: int) -> Card | None:
    """The card that a driver calls so; None for one that is not listed.

    Cards of one name may differ in memory, and then in more; laptops' cards have names of their own.
    """
    said = name.removeprefix("NVIDIA ").casefold()
    for card in CARDS:
        names = (card.name.casefold(), card.name.rsplit(" ", 1)[0].casefold())
        if said in names and abs(total_bytes / GIB / card.memory_gb - 1) < SAME_MEMORY:
            return card
    return None
