"""Model, range and penalties of a calibration, as a person sets them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from battery_db.lib.errors import LabError
from ftir.models import Calibration
from ftir.penalties import Penalties
from ftir.services import spectra
from ftir.services.calibrations import must_be_draft

COUNTS = ("rounds", "virtual_mixtures")
NO_WEIGHTS = ("kind", "first_per_cm", "last_per_cm", "mixing_form")


def model_of(calibration: Calibration) -> dict[str, Any]:
    """Kind, range and every penalty of a calibration, as the form shows them."""
    span = {"first_per_cm": calibration.first_per_cm, "last_per_cm": calibration.last_per_cm}
    return {"kind": calibration.kind, **span, **asdict(Penalties()), **calibration.penalties}


def check_model(given: Mapping[str, Any]) -> None:
    """Raises what ``set_model`` would raise for a new draft, before there is one."""
    _checked(model_of(Calibration()), given)


def set_model(calibration: Calibration, given: Mapping[str, Any], by: Any = None) -> None:
    """Kind, range and penalties of a draft; what is not given stays.

    Raises LabError for an unknown name, a range under 100 1/cm, no number, and a count
    that is not whole.
    """
    must_be_draft(calibration)
    values = _checked(model_of(calibration), given)
    default = asdict(Penalties())
    calibration.kind = values.pop("kind")
    calibration.first_per_cm = values.pop("first_per_cm")
    calibration.last_per_cm = values.pop("last_per_cm")
    calibration.penalties = {n: v for n, v in values.items() if v != default[n]}
    calibration._history_user = spectra._person(by)  # type: ignore[attr-defined]
    calibration.save(update_fields=["kind", "first_per_cm", "last_per_cm", "penalties"])


def _checked(values: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """All values of a model with the given ones in their places."""
    strange = sorted(set(given) - set(values))
    if strange:
        raise LabError(
            f"There is no penalty {', '.join(strange)}.", fix=f"Known: {', '.join(values)}."
        )
    values = {**values, **given}
    first, last = values["first_per_cm"], values["last_per_cm"]
    if not last - first >= 100:
        raise LabError(
            f"The range runs from {first:g} to {last:g} 1/cm.",
            fix="Give at least 100 1/cm, the smaller number first.",
        )
    if values["kind"] not in Calibration.Kind.values or values["mixing_form"] not in (
        "excess",
        "thesis",
    ):
        raise LabError("There is no such model or form of mixing.", fix="Choose from the list.")
    _check_penalties({n: v for n, v in values.items() if n not in NO_WEIGHTS})
    return values


def _check_penalties(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and 0 <= value <= 2000):
            raise LabError(f"{name} is {value!r}.", fix="Give a number from 0 to 2000.")
        if name in COUNTS and value != int(value):
            raise LabError(f"{name} is {value!r}.", fix="Give a whole number.")
    for name in ("smooth_spectra", "encoder"):
        if not values[name]:
            raise LabError(
                f"{name} is 0: the fit would have no single answer.", fix="Give a small number."
            )
