"""Calibrations: their model, their plan, merged molecules, lots, and a killed fit."""

import pytest

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs.models import Job
from cells.models import ElectrolyteLot
from cells.services import registry
from cells.services.materials import define_molecule
from cells.services.merging import merge
from ftir import report
from ftir.jobs import fitting
from ftir.models import Calibration
from ftir.services import calibrations, compositions, fit_settings, plans, spectra
from tests.ftir.conftest import as_csv

pytestmark = pytest.mark.django_db
GOOD = [0.10, 0.30, 0.35, 0.25, 0.0]


class Context:
    """A job's context, as far as a fit asks for one."""

    def __init__(self, params, each=lambda: None) -> None:
        self.params, self.each = params, each

    def progress(self, done, total, text) -> None:
        self.each()


@pytest.fixture
def quick_report(fitted, samples, monkeypatch):
    """The report of a fit without its cross-validations."""
    made = report.Report(fitted, {"error": [0.0] * 5}, {"predicted": samples.mass_ratio})
    monkeypatch.setattr(fitting.reports, "calibrate", lambda *given: made)


def test_a_fitted_calibration_says_what_the_plan_gains(calibration):
    plan = plans.plan(calibration, 4)

    assert len(plan.error_now) == 5
    assert all(then < now for now, then in zip(plan.error_now, plan.error_then, strict=True))


def test_the_model_of_a_draft_can_be_set_and_of_a_fit_not(molecules, upload, calibration):
    draft = calibrations.create("Other", *upload)

    fit_settings.set_model(draft, {"first_per_cm": 700, "encoder": 0.02, "rounds": 2})

    assert draft.penalties == {"encoder": 0.02}  # two rounds are the default
    assert calibrations.load_samples(draft).wavenumber_per_cm[0] == pytest.approx(700, abs=2)
    assert calibrations.new_version(draft, None).first_per_cm == 700
    for given, words in (
        ({"encodr": 1}, "no penalty encodr"),
        ({"last_per_cm": 720}, "700 to 720"),
        ({"encoder": 0}, "single answer"),
        ({"smooth_encoder": "much"}, "smooth_encoder is 'much'"),
        ({"rounds": 2.5}, "rounds is 2.5. Give a whole number"),
        ({"virtual_mixtures": 0.5}, "whole number"),
        ({"first_per_cm": float("nan")}, "range runs from nan"),
        ({"kind": "cubic"}, "no such model"),
    ):
        with pytest.raises(LabError, match=words):
            fit_settings.set_model(draft, given)
    with pytest.raises(NotAllowed, match="does not change"):
        fit_settings.set_model(calibration, {"encoder": 0.02})


def test_what_a_fit_depends_on_is_in_its_digest(molecules, upload):
    draft = calibrations.create("Ours", *upload)
    before = calibrations.digest_of(draft)

    fit_settings.set_model(draft, {"last_per_cm": 1900})

    assert calibrations.digest_of(draft) != before


def test_a_spectrum_is_linked_to_a_lot_and_compared_with_its_recipe(calibration, mixture):
    recipe = registry.define_electrolyte("70%EMC+30%EC + 1mLiPF6")
    ElectrolyteLot.objects.create(
        blueprint=recipe, label="B-17", name="a lot", digest="a", name_digest="b"
    )
    spectrum = spectra.add_spectrum("bottle.csv", as_csv(*mixture(GOOD)))

    spectra.set_lot(spectrum, "b-17", None)

    assert compositions.nominal_of(spectrum)["EC"] == pytest.approx(0.26, abs=0.01)
    with pytest.raises(LabError, match="No lot"):
        spectra.set_lot(spectrum, "B-18", None)
    spectra.set_lot(spectrum, "", None)
    assert compositions.nominal_of(spectrum) is None


def test_merging_a_molecule_takes_its_calibrations_along(calibration, molecules):

    twin = define_molecule("Ethylene carbonate, old", default_role="solvent")

    merge(twin, molecules["EC"])

    assert "Ethylene carbonate, old" in Calibration.objects.get().component_names


def test_two_components_of_one_calibration_are_not_merged(calibration, molecules):

    with pytest.raises(NotAllowed, match="holds both EC and EMC"):
        merge(molecules["EC"], molecules["EMC"])

    assert len(Calibration.objects.get().component_names) == 5


def test_a_killed_fit_leaves_a_draft_that_fits_again(molecules, upload, quick_report, monkeypatch):
    """As after SIGKILL: the archive lies there, and the row does not know of it."""
    draft = calibrations.create("Ours", *upload)
    job = calibrations.request_fit(draft, use=True, by=None, trigger=Job.Trigger.COMMAND)

    def kill(arrays):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(fitting.reports, "dump_arrays", kill)
        with pytest.raises(KeyboardInterrupt):
            fitting.fit_calibration(Context(job.params))
    draft.refresh_from_db()
    left = draft.state, draft.archive_name, draft.in_use
    fitting.fit_calibration(Context(job.params)).save()
    draft.refresh_from_db()

    assert left == (Calibration.State.DRAFT, "", False)
    assert draft.state == Calibration.State.READY
    assert draft.in_use
    assert compositions.fitted_of(draft).model.components == draft.component_names
    assert draft.report["range"]["first"] == pytest.approx(650)
    assert draft.report["step_per_cm"] == pytest.approx(4)


def test_samples_changed_while_they_were_fitted_are_not_taken_for_it(
    molecules, upload, quick_report
):
    draft = calibrations.create("Ours", *upload)
    job = calibrations.request_fit(draft, use=True, by=None, trigger=Job.Trigger.COMMAND)
    done = fitting.fit_calibration(Context(job.params))
    fit_settings.set_model(draft, {"last_per_cm": 1900})

    with pytest.raises(NotAllowed, match="changed while"):
        done.save()


def test_ratios_typed_during_the_fit_are_not_taken_for_what_was_fitted(
    molecules, upload, fitted, samples, monkeypatch
):
    draft = calibrations.create("Ours", *upload)
    sample = draft.samples.filter(mass_ratio__isnull=False).first()
    made = report.Report(fitted, {"error": [0.0] * 5}, {"predicted": samples.mass_ratio})

    def calibrate(read, penalties, kind, progress):
        progress(0, 1, "Fitting the model")
        return made

    def edit():
        calibrations.set_ratios(draft, {sample.pk: ["", "1", "", "", ""]})

    monkeypatch.setattr(fitting.reports, "calibrate", calibrate)
    done = fitting.fit_calibration(Context({"calibration_id": draft.pk}, edit))

    with pytest.raises(NotAllowed, match="changed while"):
        done.save()
    draft.refresh_from_db()
    assert (draft.state, draft.archive_name) == (Calibration.State.DRAFT, "")
