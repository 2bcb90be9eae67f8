"""Trains the impedance network on the lab's own spectra and keeps it as a version."""

import importlib.util
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.contrib.auth import get_user_model
from django.urls import reverse

from battery_db.lib.errors import LabError
from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from battery_db.lib.spectra import Spectrum
from eis.models import GuessNetwork, ImpedanceSpectrum
from eis.network_guess import SHIPPED, header
from eis.services.networks import keep_network
from eis.services.spectra import measured
from ml.services.impedance import FEWEST_SPECTRA, own_spectra

MOST_SPECTRA = 20_000
HELD_OUT = 10  # one group of ten is kept out of the training
GENERATED = 400  # spectra of known make that both networks are tried on
POINTS_OF_LOSS = 200


def train_impedance(context: JobContext) -> Done:
    """Job: train, compare with the shipped network on spectra neither has seen, keep.

    Nothing changes for fits before an admin chooses the new version.
    """
    if importlib.util.find_spec("torch") is None:
        raise LabError(
            "This worker has no PyTorch, so it can not train.",
            fix="Install the extra `ml` for workers of the queue ml (see Operations).",
        )
    from ml.impedance_training import TrainingOptions, train, write_network

    started = time.monotonic()
    own, kept_out = _own(context, int(context.params["seed"]))
    options = TrainingOptions(
        steps=int(context.params["steps"] or header(SHIPPED).get("steps", 3000)),
        seed=int(context.params["seed"]),
        own_share=float(context.params["own_share"]),
        progress=lambda done, total, loss: context.progress(done, total, f"loss {loss:.3f}"),
    )
    losses: list[float] = []
    network = train(options, own, losses=losses)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "impedance.onnx"
        write_network(network, options, path)
        quality = _quality(kept_out, path, options.seed)
        story = {
            **header(path),
            "own_spectra": len(own),
            "own_share": options.own_share,
            "seconds": round(time.monotonic() - started),
            "losses": _thinned(losses),
        }
        content = path.read_bytes()
    row = _keep(content, story, quality, context)
    return Done({"network": row.number, **quality}, url=reverse("ml:impedance"))


def _own(context: JobContext, seed: int) -> tuple[list[Spectrum], list[Spectrum]]:
    """The lab's spectra, and those that are kept out: whole files, where there are enough."""
    rng = np.random.default_rng(seed)
    ids = np.array(own_spectra().order_by("pk").values_list("pk", flat=True))
    if len(ids) > MOST_SPECTRA:
        ids = np.sort(rng.choice(ids, MOST_SPECTRA, replace=False))
    rows = ImpedanceSpectrum.objects.filter(pk__in=ids.tolist()).select_related("source")
    by_source: dict[int, list[ImpedanceSpectrum]] = defaultdict(list)
    for row in rows.order_by("pk"):
        by_source[row.source_id].append(row)
    groups: list[list[Spectrum]] = []
    for done, group in enumerate(by_source.values()):
        context.progress(done, len(by_source), "reading spectra")
        try:
            groups.append([*measured(group).values()])
        except (LabError, OSError) as error:
            context.log(f"{group[0]} is left out: {error}", "warning")
    if len(groups) < HELD_OUT:
        groups = [[spectrum] for group in groups for spectrum in group]
    order = rng.permutation(len(groups))
    out = {int(place) for place in order[: max(1, len(groups) // HELD_OUT)]}
    own = [s for place, group in enumerate(groups) if place not in out for s in group]
    if len(own) < FEWEST_SPECTRA // 2:
        raise LabError(
            f"Only {len(own)} of {len(ids)} spectra could be read.",
            fix="Import their files again; the nightly run does so by itself.",
        )
    return own, [spectrum for place in sorted(out) for spectrum in groups[place]]


def _quality(kept_out: Sequence[Spectrum], path: Path, seed: int) -> dict[str, Any]:
    """Errors of guesses on what was kept out of training, of both networks."""
    from eis.generated import generate_spectra
    from ml.guess_quality import guess_errors, summary

    # A seed of its own: the training draws from ``seed`` itself.
    made = generate_spectra(GENERATED, np.random.default_rng([seed, 987])).spectra()
    return {
        name: {
            "new": summary(guess_errors(spectra, path)),
            "shipped": summary(guess_errors(spectra)),
        }
        for name, spectra in (("own", list(kept_out)), ("generated", made))
    }


def _keep(
    content: bytes, story: dict[str, Any], quality: dict[str, Any], context: JobContext
) -> GuessNetwork:
    by = None
    if context.requested_by_id:
        by = get_user_model().objects.filter(pk=context.requested_by_id).first()
    with context.fenced():
        return keep_network(content, story=story, quality=quality, by=by)


def _thinned(losses: Sequence[float]) -> list[list[float]]:
    """Step and loss, at most ``POINTS_OF_LOSS`` of them."""
    places = np.unique(np.linspace(0, len(losses) - 1, min(len(losses), POINTS_OF_LOSS)).round())
    return [[int(place) + 1, round(losses[int(place)], 5)] for place in places]
