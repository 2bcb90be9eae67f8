"""Networks that look at an impedance spectrum and correct a guess of its circuit.

Two architectures of the thesis: convolutions over frequency with attentive pooling (3.7),
and a Transformer with positional encodings of log frequency (3.8). Both take

    points (B, F, C)   what each frequency shows, see eis.universal.network_inputs
    whole  (B, G)      what is known of the spectrum as a whole
    mask   (B, F)      1 for points, 0 for padding

and give steps (B, P) in the universal coordinates of all named circuits. The last layer
starts at zero, so an untrained network gives back the guess (3.5.3).
"""

import math

import torch
from torch import Tensor, nn

from eis.universal import GLOBAL_FEATURES, POINT_FEATURES, UNIVERSAL

LARGEST_STEP = 6.0


class AttentivePooling(nn.Module):
    """Averages over frequency whose weights each position sets itself (3.7.4).

    Each head begins as a bump at its own place in the window, so together they begin as the
    spectrum on an even grid, whatever the number and spacing of its points.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, heads)
        self.centre = nn.Parameter(torch.linspace(-1, 1, heads))
        self.sharpness = nn.Parameter(torch.full((heads,), math.log(heads / 2)))

    def forward(self, x: Tensor, place: Tensor, mask: Tensor) -> Tensor:
        away = (place[..., None] - self.centre) * self.sharpness.exp()
        score = (self.score(x) - away**2 / 2).masked_fill(mask[..., None] == 0, -1e4)
        weight = torch.softmax(score, dim=1)  # (B, F, H)
        pooled: Tensor = (weight.transpose(1, 2) @ x).flatten(1)  # (B, H * C)
        return pooled


class Head(nn.Module):
    """From pooled features and the whole spectrum's to a step in coordinates."""

    def __init__(self, pooled: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(pooled + GLOBAL_FEATURES, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
            nn.Linear(width, width),
            nn.GELU(),
        )
        self.last = nn.Linear(width, len(UNIVERSAL))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, pooled: Tensor, whole: Tensor) -> Tensor:
        step = self.last(self.layers(torch.cat([pooled, whole], dim=1)))
        return LARGEST_STEP * torch.tanh(step / LARGEST_STEP)


class ConvolutionalNetwork(nn.Module):
    """A convolution over frequency, a mixing of channels, then attentive pooling (3.7).

    The convolution spans three points and is written as a product with shifted copies:
    channels stay last, which takes half the time of Conv1d. Padding is zero, as is what
    lies beyond the ends.
    """

    def __init__(self, width: int = 32, heads: int = 24) -> None:
        super().__init__()
        self.enter = nn.Sequential(
            nn.Linear(3 * POINT_FEATURES, width), nn.GELU(), nn.Linear(width, width)
        )
        self.norm = nn.LayerNorm(width)
        self.pool = AttentivePooling(width, heads)
        self.head = Head(heads * width, 512)

    def forward(self, points: Tensor, whole: Tensor, mask: Tensor) -> Tensor:
        around = nn.functional.pad(points, (0, 0, 1, 1))
        x = self.enter(torch.cat([around[:, :-2], points, around[:, 2:]], dim=-1))
        step: Tensor = self.head(self.pool(self.norm(x), points[..., 1], mask), whole)
        return step


class Attention(nn.Module):
    """Self-attention and a perceptron, each beside the identity; only measured points speak."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        B, F, C = x.shape
        q, k, v = self.project(self.first(x)).view(B, F, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        score = q @ k.transpose(-1, -2) / math.sqrt(C / self.heads)  # (B, H, F, F)
        score = score.masked_fill(mask[:, None, None] == 0, -1e4)
        mixed = (torch.softmax(score, dim=-1) @ v).transpose(1, 2).reshape(B, F, C)
        x = x + self.out(mixed)
        out: Tensor = x + self.perceptron(self.second(x))
        return out


class Transformer(nn.Module):
    """Attention between frequencies, which sine and cosine of their logarithms place (3.8)."""

    def __init__(
        self, width: int = 32, attention_heads: int = 4, layers: int = 2, heads: int = 24
    ) -> None:
        super().__init__()
        # Periods of ln ω from 32, wider than any window, down to 1/2 in powers of two.
        periods = 32.0 * 0.5 ** torch.arange(7)
        self.turns: Tensor
        self.register_buffer("turns", 2 * math.pi / periods)
        self.enter = nn.Linear(POINT_FEATURES + 2 * len(periods), width)
        self.layers = nn.ModuleList(Attention(width, attention_heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.pool = AttentivePooling(width, heads)
        self.head = Head(heads * width, 512)

    def forward(self, points: Tensor, whole: Tensor, mask: Tensor) -> Tensor:
        angle = 4 * points[..., :1] * self.turns  # the first feature is ln ω / 4
        x = self.enter(torch.cat([points, torch.sin(angle), torch.cos(angle)], dim=-1))
        for layer in self.layers:
            x = layer(x, mask)
        step: Tensor = self.head(self.pool(self.norm(x), points[..., 1], mask), whole)
        return step


ARCHITECTURES: dict[str, type[nn.Module]] = {
    "convolutional": ConvolutionalNetwork,
    "transformer": Transformer,
}


def random_mask(mask: Tensor, generator: torch.Generator) -> Tensor:
    """Hide points of a quarter of the spectra, so that gaps and cropped ends are learned (3.8.4).

    An eighth loses single points at random, an eighth an end of the window.
    """
    B, F = mask.shape
    kind = torch.rand(B, 1, generator=generator)
    single = torch.rand(B, F, generator=generator) < 0.8
    position = torch.arange(F)[None] / mask.sum(dim=1, keepdim=True)
    cut = 0.25 * torch.rand(B, 1, generator=generator)
    ends = torch.where(kind < 0.1875, position >= cut, position < 1 - cut)
    kept = torch.where(
        kind < 0.125, single, torch.where(kind < 0.25, ends, torch.ones_like(single))
    )
    return mask * kept
