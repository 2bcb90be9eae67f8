"""Linear-VM trained by Adam: independent checks of the closed form in ``ftir.calibration``.

``train`` minimises the penalties of Buteau's thesis, section 4.2.4: means, weighted as
in the thesis's published code (reconstruction 1, prediction 5, positivity 1,
normalisation 1, small X 0.1, linear 1e-4, smooth 0.2); the rate falls as a cosine.
Random starts often collapse to zero reconstruction, so X starts as a ridge regression
of the known mixtures, and A as its least-squares answer.

``minimise`` lets Adam solve the problems that the closed form solves, with the same
weights and as many rounds: A for given paths, X for given paths. What it and the closed
form differ by is numerical. What ``train`` and the closed form differ by is the choice of
penalties and of stopping: the thesis holds the size of X by the root of its mean square
over the path and hardly smooths it, the closed form is a ridge with smoothness; and where
paths are free until the sum no longer falls, they take up what is misfit of the model,
and compositions get worse.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ftir.calibration import Samples
from ftir.mixtures import excess_operator, pair_amounts, pairs, thesis_operator
from ftir.penalties import Penalties

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
    encoder, own = _ridge_start(known, ratio * path / path.mean())
    scale = own.square().mean().sqrt()
    own, encoder = own / scale, encoder * scale
    pair = (own.T[:, :, None] + own.T[:, None, :]) / 2  # M, N, N
    raw = torch.log(torch.expm1(pair.clamp(min=1e-3)))
    return encoder.clone(), raw.clone().requires_grad_()


def minimise(
    samples: Samples,
    penalties: Penalties = Penalties(),  # noqa: B008 - frozen
    steps: int = 3000,
    rate: float = 1e-2,
) -> AdamModel:
    """The closed form's A and X of known mixtures, each minimised by Adam from Beer's law.

    Unknown and virtual mixtures are left out: they enter by steps of their own.
    """
    samples = samples.checked()
    size = float(np.sqrt(np.square(samples.absorbance).mean()))
    spectra = torch.tensor(samples.absorbance / size, dtype=torch.float64)
    ratio = torch.tensor(samples.mass_ratio, dtype=torch.float64)
    amounts = torch.tensor(pair_amounts(samples.mass_ratio), dtype=torch.float64)
    path = spectra.abs().mean(dim=1)
    path = path / path.mean()
    encoder, own = _ridge_start(spectra / path[:, None], ratio)
    raw = torch.stack([(own[j] + own[k]) / 2 for j, k in pairs(ratio.shape[1])])
    for number in range(penalties.rounds + 1):
        if number:
            unit = amounts @ raw.clamp(min=0)
            path = (unit * spectra).sum(dim=1) / unit.square().sum(dim=1)
        design = path[:, None] * amounts
        raw = _descend(
            raw, partial(_spectra_penalty, spectra, design, penalties=penalties), steps, rate
        )
        level = raw.clamp(min=0).square().mean().sqrt()
        raw, path = raw / level, path * level
    unit = spectra / path[:, None]
    encoder, _ = _ridge_start(unit, ratio)
    of_encoder = partial(_encoder_penalty, unit, ratio, penalties=penalties)
    encoder = _descend(encoder, of_encoder, steps, rate)
    count = ratio.shape[1]
    modes = np.zeros((spectra.shape[1], count, count))
    for row, (j, k) in zip(raw.clamp(min=0).numpy(), pairs(count), strict=True):
        modes[:, j, k] = modes[:, k, j] = row
    return AdamModel(encoder.numpy() / size, modes * size)


def _descend(start: Tensor, loss: Callable[[Tensor], Tensor], steps: int, rate: float) -> Tensor:
    """Adam with the rate falling as a cosine, in units of the root mean square of the start."""
    size = float(start.square().mean().sqrt())
    scaled = (start / size).detach().requires_grad_()
    optimiser = torch.optim.Adam([scaled], lr=rate)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        optimiser.zero_grad()
        loss(size * scaled).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        fall.step()
    return (size * scaled).detach()


def _spectra_penalty(spectra: Tensor, design: Tensor, raw: Tensor, penalties: Penalties) -> Tensor:
    """Misfit, second differences and mixing of A (P, M), per mean diagonal of the design."""
    scale = float(design.detach().square().sum()) / design.shape[1]
    count = int((np.sqrt(8 * len(raw) + 1) - 1) / 2)
    form = excess_operator if penalties.mixing_form == "excess" else thesis_operator
    mixed = torch.tensor(form(count)) @ raw
    curved = raw[:, 2:] - 2 * raw[:, 1:-1] + raw[:, :-2]
    return (
        (spectra - design @ raw).square().sum() / scale
        + penalties.mixing * mixed.square().sum()
        + penalties.smooth_spectra * curved.square().sum()
    ) / spectra.shape[1]


def _encoder_penalty(unit: Tensor, ratio: Tensor, encoder: Tensor, penalties: Penalties) -> Tensor:
    """Misfit, size and second differences of X (N, M) for spectra of path 1."""
    scale = float(unit.square().sum()) / unit.shape[1]
    curved = encoder[:, 2:] - 2 * encoder[:, 1:-1] + encoder[:, :-2]
    return (
        (ratio - unit @ encoder.T).square().sum()
        + penalties.encoder * scale * encoder.square().sum()
        + penalties.smooth_encoder * scale * curved.square().sum()
    )


def _ridge_start(known: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """X (N, M) by ridge regression of concentrations, A_jj (N, M) by least squares."""
    gram = known @ known.T
    gram = gram + 1e-3 * gram.diagonal().mean() * torch.eye(len(known), dtype=known.dtype)
    encoder = torch.linalg.solve(gram, target).T @ known
    own = torch.linalg.lstsq(target, known).solution.clamp(min=1e-3)
    return encoder.clone(), own
