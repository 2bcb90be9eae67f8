"""The network's guess of where a fit starts: ONNX Runtime, without PyTorch.

The file is made by ``train_inverse_model``; its header says which version of the inputs it
was trained on, and a file of another version is refused. ``eis/weights/`` holds the one
that is shipped, and its model card.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from battery_db.lib.errors import LabError
from battery_db.lib.spectra import FloatArray
from eis.batches import Batch
from eis.circuits import Circuit
from eis.universal import NAMED_TEXTS, corrected, first_guess, network_inputs

INPUTS = "impedance-inputs/2"  # raise it when ``network_inputs`` or the coordinates change
CORRECTIONS = 3  # the network looks again at what its own correction leaves
SHIPPED = Path(__file__).parent / "weights" / "impedance.onnx"


@dataclass(frozen=True, slots=True)
class NetworkGuess:
    """A trained network's correction of the prior's mean, and of that again; knows the named circuits."""

    path: Path = SHIPPED
    name: str = "network"

    def starts(self, circuit: Circuit, batch: Batch) -> list[FloatArray]:
        if circuit.text not in NAMED_TEXTS:
            return []
        u, session = first_guess(circuit, batch), _session(self.path)
        for _ in range(CORRECTIONS):
            points, whole, mask = network_inputs(circuit, u, batch)
            (step,) = session.run(None, {"points": points, "whole": whole, "mask": mask})
            u = corrected(circuit, u, step)
        return [u]


def header(path: Path = SHIPPED) -> dict[str, str]:
    """What the file says of itself: version of inputs, architecture, seed, steps."""
    return dict(_session(path).get_modelmeta().custom_metadata_map)


@lru_cache(maxsize=4)
def _session(path: Path) -> Any:
    import onnxruntime

    if not path.is_file():
        raise LabError(
            f"No impedance network at {path}.",
            fix="Train one with `manage.py train_inverse_model`, or restore the file.",
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # small products: threads would wait for each other
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found = session.get_modelmeta().custom_metadata_map.get("inputs", "none")
    if found != INPUTS:
        raise LabError(
            f"The impedance network {path.name} was trained on inputs {found}, and this version "
            f"of battery_db gives {INPUTS}.",
            fix="Train it again with `manage.py train_inverse_model`.",
        )
    return session
