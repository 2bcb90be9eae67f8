"""Published errors to read ours beside, and sets of samples kept as one .npz file."""

from pathlib import Path

import numpy as np

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
