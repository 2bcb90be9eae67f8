"""Model, range and penalties of a calibration, as a person sets them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from battery_db.lib.errors import LabError
from ftir.models import Calibration
from ftir.penalties import Penalties
from ftir.services import spectra
from ftir.services.calibrations import must_be_draft


def model_of(calibration: Calibration) -> dict[str, Any]:
    """Kind, range and every penalty of a calibration, as the form shows them."""
    span = {"first_per_cm": calibration.first_per_cm, "last_per_cm": calibration.last_per_cm}
    return {"kind": calibration.kind, **span, **asdict(Penalties()), **calibration.penalties}


def set_model(calibration: Calibration, given: Mapping[str, Any], by: Any = None) -> None:
    """Kind, range and penalties of a draft; what is not given stays.

    Raises LabError for an unknown name, a range under 100 1/cm, and no number.
    """
    must_be_draft(calibration)
    values = model_of(calibration)
    strange = sorted(set(given) - set(values))
    if strange:
        raise LabError(
            f"There is no penalty {', '.join(strange)}.", fix=f"Known: {', '.join(values)}."
        )
    values |= given
    span = values.pop("first_per_cm"), values.pop("last_per_cm")
    if span[1] - span[0] < 100:
        raise LabError(
            f"The range runs from {span[0]:g} to {span[1]:g} 1/cm.",
            fix="Give at least 100 1/cm, the smaller number first.",
        )
    kind, default = values.pop("kind"), asdict(Penalties())
    if kind not in Calibration.Kind.values or values["mixing_form"] not in ("excess", "thesis"):
        raise LabError("There is no such model or form of mixing.", fix="Choose from the list.")
    _check_penalties(values)
    calibration.kind, (calibration.first_per_cm, calibration.last_per_cm) = kind, span
    calibration.penalties = {n: v for n, v in values.items() if v != default[n]}
    calibration._history_user = spectra._person(by)  # type: ignore[attr-defined]
    calibration.save(update_fields=["kind", "first_per_cm", "last_per_cm", "penalties"])


def _check_penalties(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name != "mixing_form" and not (isinstance(value, int | float) and 0 <= value <= 2000):
            raise LabError(f"{name} is {value!r}.", fix="Give a number from 0 to 2000.")
    for name in ("smooth_spectra", "encoder"):
        if not values[name]:
            raise LabError(
                f"{name} is 0: the fit would have no single answer.", fix="Give a small number."
            )
