"""Published errors to read ours beside, and sets of samples kept as one .npz file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.errors import UnreadableFile
from ftir.calibration import Samples

# Buteau's thesis, section 4.3, 30 % held out, real spectra: percent of the largest mass
# ratio; the reconstruction is percent of the absorbance.
THESIS: tuple[tuple[str, str], ...] = (
    ("LiPF6", "1-2"),
    ("EC", "2-3"),
    ("EMC", "1-2"),
    ("DMC", "1-2"),
    ("DEC", "1-2"),
    ("reconstruction", "10 (Linear-VM), 20 (Constant-VM)"),
)
# The first study of these methods, on the synthetic hard set: percent of the largest mass
# ratio of LiPF6, EC, EMC, DMC and DEC at 30 % held out, and percent of the absorbance.
STUDIED = ("LiPF6", "EC", "EMC", "DMC", "DEC")
METHODS: tuple[tuple[str, tuple[float, ...], float | None], ...] = (
    ("Linear-VM, virtual mixtures", (1.29, 0.71, 0.57, 0.51, 0.24), 10.0),
    ("Linear-VM, unknown mixtures", (1.39, 0.68, 0.65, 0.85, 0.56), 10.0),
    ("Constant-VM", (1.26, 0.62, 0.69, 0.84, 0.55), 18.9),
    ("PLS (area)", (2.86, 1.61, 1.48, 1.99, 1.54), None),
    ("ridge (SNV)", (1.46, 0.95, 1.63, 1.33, 1.44), None),
    ("classical least squares", (3.47, 1.37, 2.87, 2.12, 1.84), 15.2),
)
# By held-out share: mean over the components, and reconstruction, of Linear-VM with
# unknown mixtures; the mean of PLS.
SHARES: tuple[tuple[float, float, float, float], ...] = (
    (0.1, 0.76, 9.8, 1.69),
    (0.2, 0.72, 9.7, 1.80),
    (0.3, 0.83, 10.0, 1.90),
    (0.5, 1.35, 10.5, 2.22),
    (0.7, 2.20, 12.2, 2.91),
    (0.9, 10.3, 19.6, 21.3),
)
Array = NDArray[np.float64]
KEYS = ("wavenumber_per_cm", "components", "labelled_absorbance", "labelled_mass_ratio")


def load_samples(path: Path) -> Samples:
    """Samples of an .npz with ``wavenumber_per_cm`` (M,), ``components`` (N,),
    ``labelled_absorbance`` (n, M), ``labelled_mass_ratio`` (n, N) and, if there are,
    ``unlabelled_absorbance`` (u, M).
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*KEYS, "unlabelled_absorbance") if name in file}
    except (OSError, ValueError) as error:
        raise UnreadableFile(f"{path} is no .npz file ({error}).", fix="Check the path.") from error
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        raise UnreadableFile(f"{path} lacks {', '.join(missing)}.", fix="Add these arrays.")
    wavenumber = arrays["wavenumber_per_cm"].astype(np.float64)
    unknown = arrays.get("unlabelled_absorbance", np.zeros((0, len(wavenumber))))
    return Samples(
        tuple(str(name) for name in arrays["components"]),
        wavenumber,
        arrays["labelled_absorbance"].astype(np.float64),
        arrays["labelled_mass_ratio"].astype(np.float64),
        unknown.astype(np.float64),
    ).checked()


def table() -> dict[str, Any]:
    """The published figures, as plain rows to print beside ours."""
    methods = [
        {
            "method": title,
            "percent_of_max": dict(zip(STUDIED, errors, strict=True)),
            "mean": float(np.mean(errors)),
            "reconstruction_error": None if rebuilt is None else rebuilt / 100,
        }
        for title, errors, rebuilt in METHODS
    ]
    names = ("held_out", "mean", "reconstruction", "pls_mean")
    return {
        "methods": methods,
        "shares": [dict(zip(names, row, strict=True)) for row in SHARES],
    }


@dataclass(frozen=True, slots=True)
class Unseen:
    """Spectra that no calibration sees: mixtures drawn over the whole simplex, and some
    of them with ``contaminant_ratio`` of a species that is no component.
    """

    absorbance: Array  # (t, M)
    mass_ratio: Array  # (t, N)
    contaminated: Array  # (c, M)
    contaminant: tuple[str, ...]  # (c,)
    contaminant_ratio: Array  # (c,) mass fraction


def load_unseen(path: Path) -> Unseen | None:
    """The ``test_…`` and ``contaminat…`` arrays of an .npz of samples; None without them."""
    with np.load(path, allow_pickle=False) as file:
        names = [
            "test_absorbance",
            "test_mass_ratio",
            "contaminated_absorbance",
            "contaminant",
            "contaminant_mass_ratio",
        ]
        if any(name not in file for name in names):
            return None
        absorbance, ratio, strange, species, share = (file[name] for name in names)
    return Unseen(
        absorbance.astype(np.float64),
        ratio.astype(np.float64),
        strange.astype(np.float64),
        tuple(str(name) for name in species),
        share.astype(np.float64),
    )
