"""Linear-VM trained by Adam from the equations of Buteau's thesis, section 4.2.4.

An independent check of the closed form in ``ftir.calibration``: nothing but the
samples is shared. The penalties are means, weighted as in the thesis's published code
(reconstruction 1, prediction 5, positivity 1, normalisation 1, small X 0.1, linear 1e-4,
smooth 0.2), the rate falls as a cosine. Random starts often collapse to zero reconstruction, so X starts as
a ridge regression of the known mixtures, and A as its least-squares answer.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ftir.calibration import Samples

Array = NDArray[np.float64]
TINY = 1e-10


@dataclass(frozen=True, slots=True)
class AdamModel:
    """Encoder X (N, M) and modes A (M, N, N)."""

    encoder: Array
    modes: Array

    def predict(self, absorbance: Array) -> Array:
        """Spectra (n, M) as mass ratios (n, N)."""
        positive = np.maximum(absorbance @ self.encoder.T, 0.0)
        ratio: Array = positive / (positive.sum(axis=1, keepdims=True) + TINY)
        return ratio

    def reconstruct(self, absorbance: Array) -> Array:
        """The spectra of the predicted concentrations, (n, M)."""
        positive = np.maximum(absorbance @ self.encoder.T, 0.0)
        total = positive.sum(axis=1)[:, None] + TINY
        rebuilt: Array = np.einsum("bj,ijk,bk->bi", positive, self.modes, positive) / total
        return rebuilt


def train(
    samples: Samples, steps: int = 4000, rate: float = 5e-3, batch: int = 64, seed: int = 0
) -> AdamModel:
    """Minimise the weighted sum of penalties; known and unknown mixtures drawn 4 to 1."""
    samples = samples.checked()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    size = float(np.sqrt(np.square(samples.absorbance).mean()))
    known = torch.tensor(samples.absorbance / size, dtype=torch.float32)
    ratio = torch.tensor(samples.mass_ratio, dtype=torch.float32)
    unknown = torch.tensor(samples.unknown_absorbance / size, dtype=torch.float32)
    encoder, raw = _start(known, ratio)
    # As in the published code: X is kept at a size of 1 beside the logarithm of its scale,
    # so that Adam's steps are relative ones.
    size_of_encoder = float(encoder.square().mean().sqrt())
    unit = (encoder / size_of_encoder).requires_grad_()
    scale = torch.tensor(np.log(size_of_encoder), dtype=torch.float32, requires_grad=True)
    optimiser = torch.optim.Adam([unit, scale, raw], lr=rate)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        encoder = scale.exp() * unit
        of_known = batch if not len(unknown) else round(0.8 * batch)
        rows = torch.from_numpy(rng.integers(len(known), size=of_known))
        spectra, truth = known[rows], ratio[rows]
        if len(unknown):
            others = torch.from_numpy(rng.integers(len(unknown), size=batch - of_known))
            spectra = torch.cat([spectra, unknown[others]])
        loss = penalty(encoder, raw, spectra, truth)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([unit, scale, raw], 10.0)
        optimiser.step()
        fall.step()
    encoder = scale.exp() * unit
    modes = _modes(raw).detach().numpy().astype(np.float64)
    return AdamModel(encoder.detach().numpy().astype(np.float64) / size, modes * size)


def penalty(encoder: Tensor, raw: Tensor, spectra: Tensor, truth: Tensor) -> Tensor:
    """The total penalty of 4.2.4; the first ``len(truth)`` spectra are known mixtures.

    M wavenumbers, N components, B spectra.
    """
    modes = _modes(raw)  # M, N, N
    concentration = spectra @ encoder.T  # B, N
    positive = torch.relu(concentration)
    total = positive.sum(dim=1, keepdim=True) + TINY
    rebuilt = torch.einsum("bj,ijk,bk->bi", positive, modes, positive) / total
    predicted = positive / total
    both = modes + modes.transpose(1, 2)
    small = encoder.square().mean().sqrt() / total.mean()
    curved = (modes[2:] - 2 * modes[1:-1] + modes[:-2]).square().mean()
    curved_encoder = (encoder[:, 2:] - 2 * encoder[:, 1:-1] + encoder[:, :-2]).square().mean()
    return (
        (spectra - rebuilt).square().mean()
        + 5.0 * (truth - predicted[: len(truth)]).square().mean()
        + torch.relu(-concentration).mean()
        + (1 - modes.square().mean()).square()
        + 0.1 * small
        + 1e-4 * (both - both.mean(dim=2, keepdim=True)).square().mean()
        + 0.2 * (curved + 0.1 * curved_encoder)
    )


def _modes(raw: Tensor) -> Tensor:
    """A, positive and symmetric in j and k: the softplus of the upper triangle, mirrored."""
    positive = torch.nn.functional.softplus(raw)
    upper = torch.triu(positive)
    return upper + torch.triu(positive, diagonal=1).transpose(1, 2)


def _start(known: Tensor, ratio: Tensor) -> tuple[Tensor, Tensor]:
    """X by ridge regression of paths times ratios, A by least squares of Beer's law."""
    path = known.abs().mean(dim=1, keepdim=True)
    target = ratio * path / path.mean()
    gram = known @ known.T
    gram = gram + 1e-3 * gram.diagonal().mean() * torch.eye(len(known))
    encoder = torch.linalg.solve(gram, target).T @ known
    own = torch.linalg.lstsq(target, known).solution.clamp(min=1e-3)  # N, M
    scale = own.square().mean().sqrt()
    own, encoder = own / scale, encoder * scale
    pair = (own.T[:, :, None] + own.T[:, None, :]) / 2  # M, N, N
    raw = torch.log(torch.expm1(pair.clamp(min=1e-3)))
    return encoder.clone(), raw.clone().requires_grad_()
