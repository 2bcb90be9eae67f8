"""A fitted calibration as one file: NumPy arrays and a JSON description, no pickle."""

import io
import json
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from battery_db.lib.errors import UnreadableFile
from ftir.calibration import VibrationModel
from ftir.confidence import Confidence

VERSION = 1
PLAIN = ("components", "kind", "leverage_ridge")


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model with what it knows of its errors."""

    model: VibrationModel
    confidence: Confidence


def dump(fitted: Fitted) -> bytes:
    """The calibration as the bytes of an .npz file."""
    head: dict[str, Any] = {"version": VERSION}
    arrays: dict[str, Any] = {}
    for prefix, part in (("model", fitted.model), ("confidence", fitted.confidence)):
        for field in fields(part):
            value = getattr(part, field.name)
            if isinstance(value, np.ndarray):
                arrays[f"{prefix}.{field.name}"] = value
            else:
                head[f"{prefix}.{field.name}"] = value
    target = io.BytesIO()
    np.savez_compressed(target, head=np.array(json.dumps(head)), **arrays)
    return target.getvalue()


def load(content: bytes) -> Fitted:
    """The calibration of ``dump``; raises UnreadableFile for anything else."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            head = json.loads(str(file["head"]))
            values = {**head, **{name: file[name] for name in file.files if name != "head"}}
        if head["version"] != VERSION:
            raise KeyError(f"version {head['version']}")
        values["model.components"] = tuple(values["model.components"])
        values["model.leverage_ridge"] = tuple(values["model.leverage_ridge"])
        return Fitted(
            VibrationModel(**{f.name: values[f"model.{f.name}"] for f in fields(VibrationModel)}),
            Confidence(**{f.name: values[f"confidence.{f.name}"] for f in fields(Confidence)}),
        )
    except (ValueError, KeyError, OSError, TypeError, EOFError) as error:
        raise UnreadableFile(
            f"The stored calibration can not be read ({error}).", fix="Fit it again."
        ) from error
