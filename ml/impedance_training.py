"""Training of the impedance network: no parameters are ever given to it, only spectra.

The loss is how well the spectrum is reconstructed through the circuit (thesis 3.3.4),
measured as in 3.5.10, with the penalties of 3.5.4 to 3.5.6. The thesis weighs penalties by
the present loss, held constant under differentiation (3.5.7); here the loss of each
spectrum is divided by its own present value as well, so a good fit learns as much as a bad
one. Each spectrum meets a random circuit, told by switches (3.6).
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from battery_db.lib.spectra import FloatArray, Spectrum
from eis.batches import Batch, make_batch
from eis.circuits import NAMED_CIRCUITS, Circuit
from eis.coordinates import prior_of
from eis.elements import (
    constant_phase,
    inductive_constant_phase,
    inductive_zarc,
    nested_zarc,
    zarc,
)
from eis.generated import generate_spectra
from eis.initial_guess import SubsetGuess
from eis.network_guess import INPUTS
from eis.universal import GLOBAL_FEATURES, POINT_FEATURES, UNIVERSAL, network_inputs, place_of
from ml.networks.impedance import ARCHITECTURES, random_mask

FLOOR = 1e-6  # misfits below are as good as any: a scaled error of 0.001
CLIP = 40.0  # coordinates beyond e^±40 mean nothing


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """One training: the same options and seed give the same weights on the same machine."""

    architecture: str = "convolutional"
    steps: int = 3000
    batch: int = 64
    circuits_per_batch: int = 2
    learning_rate: float = 2e-3
    seed: int = 1
    own_share: float = 0.5  # of each batch from the lab's own spectra, where there are any
    progress: Callable[[int, int, float], None] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Spectra that meet one circuit, with the guess that the network corrects."""

    circuit: Circuit
    batch: Batch
    base: FloatArray


def train(
    options: TrainingOptions,
    own: Sequence[Spectrum] = (),
    *,
    losses: list[float] | None = None,
) -> torch.nn.Module:
    """A trained network; ``own`` spectra are mixed with generated ones (thesis 3.7.6).

    The running mean of the loss is appended to ``losses`` after every step.
    """
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    masks = torch.Generator().manual_seed(options.seed)
    network = ARCHITECTURES[options.architecture]()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1.0, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, options))
    smooth = math.nan
    for step in range(options.steps):
        parts = []
        for circuit in _circuits(options.circuits_per_batch, rng):
            size = options.batch // options.circuits_per_batch
            parts.append(_loss(network, _example(circuit, size, own, options, rng), masks))
        loss = torch.cat(parts).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        value = loss.item()
        smooth = value if math.isnan(smooth) else 0.98 * smooth + 0.02 * value
        if losses is not None:
            losses.append(smooth)
        if options.progress:
            options.progress(step + 1, options.steps, smooth)
    return network.eval()


def _rate(step: int, options: TrainingOptions) -> float:
    """A warm-up of a twentieth, then half a cosine down to a hundredth."""
    warm = max(options.steps // 20, 1)
    if step < warm:
        return options.learning_rate * (step + 1) / warm
    share = (step - warm) / max(options.steps - warm, 1)
    return options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def _circuits(count: int, rng: np.random.Generator) -> list[Circuit]:
    """The thesis circuit for half of the examples, and any of the 24 for the others."""
    names = list(NAMED_CIRCUITS)
    half = count // 2
    return [UNIVERSAL] * half + [
        NAMED_CIRCUITS[names[i]] for i in rng.integers(0, len(names), count - half)
    ]


def _example(
    circuit: Circuit,
    size: int,
    own: Sequence[Spectrum],
    options: TrainingOptions,
    rng: np.random.Generator,
) -> Example:
    kept = [own[i] for i in rng.integers(0, len(own), int(size * options.own_share))] if own else []
    made = generate_spectra(size - len(kept), rng).spectra()
    batch = make_batch([*made, *(augmented(spectrum, rng) for spectrum in kept)])
    return Example(circuit, batch, SubsetGuess().starts(circuit, batch)[0])


def augmented(spectrum: Spectrum, rng: np.random.Generator) -> Spectrum:
    """A measured spectrum, cropped at high frequency and a little scaled and shifted (3.5.9).

    Only points above the one where the spectrum turns capacitive are cropped.
    """
    usable = spectrum.usable
    order = np.argsort(-spectrum.frequency_hz[usable])
    frequency = spectrum.frequency_hz[usable][order]
    impedance = spectrum.impedance_ohm[usable][order]
    inductive = int(np.argmax(impedance.imag <= 0))
    first = int(rng.integers(0, inductive + 1))
    scale, shift = np.exp(rng.normal(0, 0.1, 2))
    return Spectrum(frequency[first:] * shift, impedance[first:] * scale, name=spectrum.name)


def _loss(network: torch.nn.Module, example: Example, masks: torch.Generator) -> Tensor:
    """Loss (B,) of each spectrum: ln of the misfit, and the penalties."""
    place = place_of(example.circuit)
    points, whole, mask = (
        torch.from_numpy(array)
        for array in network_inputs(example.circuit, example.base, example.batch)
    )
    seen = random_mask(mask, masks)
    step = network(points * seen[..., None], whole, seen)
    base = torch.zeros_like(step)
    base[:, place.columns] = torch.from_numpy(example.base.astype(np.float32))
    u = (base + step).clamp(-CLIP, CLIP)
    return reconstruction_loss(u, place.switches, example)


def reconstruction_loss(u: Tensor, switches: FloatArray, example: Example) -> Tensor:
    """Loss (B,) at universal coordinates ``u`` (B, 17) of one circuit's spectra."""
    batch = example.batch
    log_omega = torch.from_numpy(batch.log_omega.astype(np.float32))
    target = torch.from_numpy(batch.impedance.astype(np.complex64))
    weight = torch.from_numpy((batch.weight / (2 * batch.points[:, None])).astype(np.float32))
    spread = torch.from_numpy(batch.spread.astype(np.float32))
    low, high = (torch.from_numpy(x.astype(np.float32))[:, None] for x in (batch.low, batch.high))
    away = universal_impedance(u, switches, log_omega, low, high) - target
    square = (away.real / spread[:, :1]) ** 2 + (away.imag / spread[:, 1:]) ** 2
    misfit = (square * weight).sum(dim=1)
    loss: Tensor = 0.5 * torch.log(misfit + FLOOR) + _penalties(u, example, low, high)
    return loss


def universal_impedance(
    u: Tensor, switches: FloatArray, log_omega: Tensor, low: Tensor, high: Tensor
) -> Tensor:
    """Impedance (B, F) of universal coordinates; the formulas are those of ``eis.elements``."""
    coil, coil_arc, nested, second, third = (bool(s) for s in switches)
    omega = torch.exp(log_omega)
    p = {name: u[:, i : i + 1] for i, name in enumerate(UNIVERSAL.parameter_names)}

    def fraction(name: str) -> Tensor:
        return torch.sigmoid(p[name]).clamp(1e-4, 1 - 1e-4)

    def arc(name: str) -> tuple[Tensor, Tensor, Tensor]:
        return p[f"{name}_R"].exp(), p[f"{name}_fc"].exp(), fraction(f"{name}_phi")

    phi = fraction("CPE0_phi")
    Q = torch.exp(-p["CPE0_Q"] - phi * low)
    total = p["R0"].exp() + 0j * omega
    if nested:
        total = total + nested_zarc(omega, *arc("ZARC1"), Q, phi)
    else:
        total = total + zarc(omega, *arc("ZARC1")) + constant_phase(omega, Q, phi)
    for name in ["ZARC2"] * second + ["ZARC3"] * third:
        total = total + zarc(omega, *arc(name))
    if coil:
        alpha = fraction("La0_alpha")
        L = torch.exp(p["La0_L"] - alpha * high)
        total = total + inductive_constant_phase(omega, L, alpha)
    if coil_arc:
        total = total + inductive_zarc(omega, *arc("LZARC0"))
    whole: Tensor = total
    return whole


def _penalties(u: Tensor, example: Example, low: Tensor, high: Tensor) -> Tensor:
    """Distance from the prior, order and window of arcs, complexity; (B,) (3.5.4 to 3.5.6)."""
    place = place_of(example.circuit)
    prior = prior_of(example.circuit, example.batch)
    mean = torch.from_numpy(prior.mean.astype(np.float32))
    deviation = torch.from_numpy(prior.deviation.astype(np.float32))
    away = ((u[:, place.columns] - mean) / deviation) ** 2
    arcs = [name for name in ("ZARC1", "ZARC2", "ZARC3") if name in _leaf_names(example.circuit)]
    index = UNIVERSAL.parameter_names.index
    centre = u[:, [index(f"{name}_fc") for name in arcs]] + math.log(2 * math.pi)
    swapped = torch.relu(centre[:, :-1] - centre[:, 1:]).sum(dim=1)
    beyond = (torch.relu(low - centre) + torch.relu(centre - high)).sum(dim=1)
    resistance = u[:, [index(f"{name}_R") for name in arcs]].clamp(max=8).exp()
    sparse = resistance.sum(dim=1) + resistance.sqrt().sum(dim=1) ** 2
    penalty: Tensor = 1e-3 * away.sum(dim=1) + 0.02 * swapped + 0.02 * beyond + 2e-3 * sparse
    return penalty


def _leaf_names(circuit: Circuit) -> set[str]:
    return {leaf.name.replace("ZARCW", "ZARC") for leaf in circuit.leaves}


def write_network(network: torch.nn.Module, options: TrainingOptions, path: Path) -> None:
    """Write ``network`` where ``NetworkGuess`` reads it, with its story in the header."""
    story = {
        "inputs": INPUTS,
        "architecture": options.architecture,
        "seed": str(options.seed),
        "steps": str(options.steps),
        "batch": str(options.batch),
        "torch": torch.__version__,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    export_onnx(network, str(path), story)


def export_onnx(network: torch.nn.Module, path: str, metadata: dict[str, str]) -> None:
    """Write ``network`` as ONNX, batch and frequencies free, with ``metadata`` in its header."""
    import onnx

    example = (
        torch.zeros(2, 40, POINT_FEATURES),
        torch.zeros(2, GLOBAL_FEATURES),
        torch.ones(2, 40),
    )
    free = {0: torch.export.Dim("spectra", min=1, max=100_000)}
    both = {**free, 1: torch.export.Dim("frequencies", min=4, max=4096)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's exporter warns of its own deprecations
        program: Any = torch.onnx.export(
            network.eval(),
            example,
            dynamo=True,
            input_names=["points", "whole", "mask"],
            output_names=["step"],
            dynamic_shapes=(both, free, both),
            verbose=False,
        )
    model = program.model_proto
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)
