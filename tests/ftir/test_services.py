"""Spectra, calibrations and compositions as a person and the night use them."""

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs.engine import drain
from battery_db.lib.runs.models import Job
from cells.models import FileMetadata, Folder, RawFile, WetCell
from cells.services import registry
from ftir import ratio_tables
from ftir.bands import BANDS
from ftir.jobs import importing
from ftir.models import Calibration, Composition, InfraredSpectrum
from ftir.services import calibrations, compositions, plans, spectra
from tests.ftir.conftest import as_csv

pytestmark = pytest.mark.django_db
GOOD = [0.10, 0.30, 0.35, 0.25, 0.0]


@pytest.fixture
def lab_file(tmp_path):
    """``lab_file("a.csv", content)``: a settled FTIR file of cell 10001, as a scan leaves it."""
    folder = Folder.objects.create(name="FTIR", path=str(tmp_path), time_zone="UTC")

    def make(name: str, content: bytes, start_cycle: int | None = 0) -> RawFile:
        path = Path(folder.path) / name
        path.write_bytes(content)
        os.utime(path, (1.6e9, 1.6e9))
        found = path.stat()
        file, _ = RawFile.objects.update_or_create(
            folder=folder,
            path=name,
            defaults={
                "name": name,
                "size": found.st_size,
                "modified_at": datetime.fromtimestamp(found.st_mtime, UTC),
                "mtime_ns": found.st_mtime_ns,
                "sha256": hashlib.sha256(content).hexdigest(),
                "state": RawFile.State.STABLE,
                "changed_at": datetime.now(UTC),
            },
        )
        FileMetadata.objects.update_or_create(
            file=file,
            defaults={
                "experiment": "ftir",
                "cell_id": 10001,
                "start_cycle": start_cycle,
                "is_valid": True,
            },
        )
        return file

    return make


def test_a_spectrum_is_kept_once_and_judged(calibration, mixture):
    content = as_csv(*mixture(GOOD))

    first = spectra.add_spectrum("folder\\sample.csv", content)
    again = spectra.add_spectrum("sample.csv", content)
    found = compositions.estimate(first, calibration)

    assert first == again
    assert first.name == "sample.csv"
    assert found.in_calibration, found.concerns
    assert [row["mass_ratio"] for row in found.amounts] == pytest.approx(GOOD, abs=0.03)


def test_exports_read_back_as_the_same_spectrum(mixture, tmp_path):
    axis, absorbance = mixture(GOOD)
    kept = spectra.add_spectrum("sample.csv", as_csv(axis, absorbance))

    for name, text in (("a.csv", spectra.as_csv(kept)), ("a.jdx", spectra.as_jcamp(kept))):
        again = spectra.points_of(spectra.add_spectrum(name, text.encode()))
        assert again.absorbance == pytest.approx(absorbance, abs=2e-6)


def test_a_file_that_is_no_spectrum_is_refused_with_its_name():
    with pytest.raises(LabError, match=r"notes\.txt: "):
        spectra.add_spectrum("notes.txt", b"to do: buy electrolyte")
    assert not InfraredSpectrum.objects.exists()


def test_what_can_not_be_judged_is_kept_with_its_reason(calibration, mixture):
    axis, absorbance = mixture(GOOD)
    half = spectra.add_spectrum("half.csv", as_csv(axis[axis > 1500], absorbance[axis > 1500]))

    found = compositions.estimate(half, calibration)

    assert "needs 650-2080" in found.error
    assert found.fix


def test_corrections_are_recorded_and_judged_again(calibration, mixture):
    axis, absorbance = mixture(GOOD)
    kept = spectra.add_spectrum("tilted.csv", as_csv(axis, absorbance + 0.05))
    before = compositions.estimate(kept, calibration)

    spectra.set_corrections(kept, "offset", False, None)
    after = compositions.estimate(kept, calibration)

    assert not before.in_calibration
    assert after.in_calibration, after.concerns
    assert "the spectra of the calibration were not" in after.verdict
    assert "were not" not in before.verdict
    assert (before.corrected, after.corrected) == ("", "baseline by constant offset")
    assert kept.history.count() == 2


def test_samples_of_a_calibration_are_not_corrected(db, mixture):
    sample = spectra.add_spectrum("s.csv", as_csv(*mixture(GOOD)), for_calibration=True)

    with pytest.raises(NotAllowed, match="as measured"):
        spectra.set_corrections(sample, "arpls", False, None)


def test_other_corrections_keep_what_was_judged_and_let_it_wait(calibration, samples, mixture):
    kept = spectra.add_spectrum("a.csv", as_csv(*mixture(GOOD)))
    older = calibrations.start("Older", samples.components)
    Composition.objects.create(spectrum=kept, calibration=older, estimated_at=timezone.now())
    compositions.estimate(kept, calibration)

    spectra.set_corrections(kept, "none", False, None)  # as it is
    assert not compositions.waiting().exists()
    assert kept.history.count() == 1

    spectra.set_corrections(kept, "arpls", True, None)
    assert kept.compositions.count() == 2
    assert list(compositions.waiting()) == [kept]

    assert compositions.estimate(kept, calibration).corrected == "baseline by arPLS, ATR correction"
    assert not compositions.waiting().exists()
    assert kept.compositions.get(calibration=older).corrected == ""


def test_files_are_imported_by_the_night_and_only_once(calibration, mixture, lab_file):
    file = lab_file("good.csv", as_csv(*mixture(GOOD)))
    bad = lab_file("bad.csv", b"cycle,voltage,current\n" + b"1,3.1,0.1\n" * 9)

    outcomes = [importing.import_file(f) for f in importing.stale()]

    assert {(o.file_id, o.status) for o in outcomes} == {(file.pk, "imported"), (bad.pk, "failed")}
    assert not importing.stale().exists()
    assert "cycling file" in InfraredSpectrum.objects.get(file=bad).error
    assert list(compositions.waiting()) == [InfraredSpectrum.objects.get(file=file)]


def test_a_changed_file_is_read_and_judged_again(calibration, mixture, lab_file):
    importing.import_file(lab_file("a.csv", as_csv(*mixture(GOOD))))
    spectrum = InfraredSpectrum.objects.get()
    compositions.estimate(spectrum, calibration)

    importing.import_file(lab_file("a.csv", as_csv(*mixture([0, 0.3, 0.7, 0, 0], 2))))

    spectrum.refresh_from_db()
    assert not spectrum.compositions.exists()
    assert list(compositions.waiting()) == [spectrum]


def test_the_night_has_the_steps(calibration, mixture, lab_file):
    from battery_db import nightly

    lab_file("a.csv", as_csv(*mixture(GOOD)))

    parts = list(nightly.import_spectra())
    importing.import_files(FakeContext(parts[0].params))

    assert parts[0].kind == "ftir.import_files"
    assert [part.kind for part in nightly.estimate()] == ["ftir.estimate_compositions"]


class FakeContext:
    def __init__(self, params):
        self.params = params

    def progress(self, *args): ...

    def check_cancelled(self): ...

    def fenced(self):
        from contextlib import nullcontext

        return nullcontext()


def test_the_composition_of_a_cell_over_its_life(calibration, mixture, lab_file, molecules):
    recipe = registry.define_electrolyte("70%EMC+30%EC + 1mLiPF6")
    registry.register_cell(10001, recipe)
    for cycle in (0, 100):
        content = as_csv(*mixture([0.1, 0.27, 0.63, 0, 0], cycle))
        importing.import_file(lab_file(f"c{cycle}.csv", content, cycle))
    for spectrum in compositions.waiting():
        compositions.estimate(spectrum, calibration)

    found = compositions.of_cell(10001)

    assert [row.spectrum.file.metadata.start_cycle for row in found.rows] == [0, 100]
    assert found.nominal["LiPF6"] == pytest.approx(0.1519 / 1.1519, abs=1e-4)
    assert sum(found.nominal.values()) == pytest.approx(1)
    assert WetCell.objects.count() == 1


def test_a_table_of_ratios_is_read_and_its_mistakes_named():
    names, known = ratio_tables.parse_ratios("file;EC;DMC\na;30;70\nb;0,3;0,7\nc;;\n")

    assert names == ("EC", "DMC")
    assert known == {"a": [0.3, 0.7], "b": [0.3, 0.7], "c": None}
    for text, words in (
        ("file,EC,DMC\na,0.3,0.3\n", "Line 2"),
        ("file,EC,DMC\na,x,0.3\n", "not a number"),
        ("file,EC,DMC\na,0.3,0.7\na,0.3,0.7\n", "named before"),
        ("file\n", "header"),
    ):
        with pytest.raises(LabError, match=words):
            ratio_tables.parse_ratios(text)


def test_a_calibration_from_an_upload_is_all_or_nothing(molecules, upload):
    table, files = upload

    with pytest.raises(LabError, match="48 files that are not there"):
        calibrations.create("Ours", table, [("x.csv", files[0][1])])
    with pytest.raises(LabError, match="called FOO"):
        calibrations.create("Ours", table.replace("DEC", "FOO", 1), files)
    with pytest.raises(LabError, match=r"bad\.csv"):
        calibrations.create("Ours", table, [*files, ("bad.csv", b"nothing")])

    assert not Calibration.objects.exists()
    assert not InfraredSpectrum.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_from_upload_to_a_refused_contamination(molecules, upload, mixture):
    table, files = upload
    made = calibrations.create("Ours", table, files)
    calibrations.request_fit(made, use=True, by=None, trigger=Job.Trigger.PAGE)
    good = spectra.add_spectrum("good.csv", as_csv(*mixture(GOOD)))
    axis, absorbance = mixture(GOOD)
    for band in BANDS["VC"]:
        distance = (axis - band.wavenumber_per_cm) / band.half_width_per_cm
        absorbance = absorbance + 0.4 * 0.08 * band.strength / (1 + distance**2)
    strange = spectra.add_spectrum("strange.csv", as_csv(axis, absorbance))

    drain()

    made.refresh_from_db()
    assert made.state == "ready", made.error
    assert made.in_use
    assert made.report["known"] == 48
    assert len(made.report["shares"]) == 5
    assert calibrations.report_arrays(made)["prepared"].shape == (48, 5)
    assert Composition.objects.get(spectrum=good).in_calibration
    refused = Composition.objects.get(spectrum=strange)
    assert not refused.in_calibration
    assert any(abs(region[2] - 1831) < 25 for region in refused.regions)
    with pytest.raises(NotAllowed, match="does not change"):
        calibrations.set_ratios(made, {})
    draft = calibrations.new_version(made, None)
    assert (draft.version, draft.samples.count()) == (2, made.samples.count())


def test_typed_ratios_are_checked_and_kept(molecules, upload):
    table, files = upload
    made = calibrations.create("Ours", table, files)
    unknown = made.samples.filter(mass_ratio__isnull=True).first()

    calibrations.set_ratios(made, {unknown.pk: ["10", "30", "60", "", ""]})

    unknown.refresh_from_db()
    assert unknown.mass_ratio == pytest.approx([0.1, 0.3, 0.6, 0, 0])
    with pytest.raises(LabError, match=r"sum to 0\.5"):
        calibrations.set_ratios(made, {unknown.pk: ["0.5", "", "", "", ""]})


def test_a_fit_that_can_not_be_says_why(molecules, upload):
    table, files = upload
    short = "\n".join(table.split("\n")[:4]) + "\n"
    made = calibrations.create("Ours", short, files[:3])
    job = calibrations.request_fit(made, use=True, by=None, trigger=Job.Trigger.PAGE)

    from ftir.jobs import fitting

    with pytest.raises(LabError, match="3 known mixtures"):
        fitting.fit_calibration(FakeContext(job.params))

    made.refresh_from_db()
    assert made.state == "failed"
    assert "3 known" in made.error


def test_one_calibration_is_in_use(calibration, samples):
    other = calibrations.start("Other", samples.components)
    with pytest.raises(NotAllowed, match="not fitted"):
        calibrations.put_in_use(other)
    other.state = Calibration.State.READY
    other.save()

    calibrations.put_in_use(other)

    assert list(Calibration.objects.filter(in_use=True)) == [other]


def test_uploads_can_be_removed_and_samples_not(molecules, upload, mixture):
    table, files = upload
    calibrations.create("Ours", table, files)
    free = spectra.add_spectrum("free.csv", as_csv(*mixture(GOOD)))

    spectra.remove(free)

    with pytest.raises(NotAllowed, match="sample of a calibration"):
        spectra.remove(InfraredSpectrum.objects.first())


def test_the_plan_asks_for_mixtures_within_what_is_known(molecules, upload):
    table, files = upload
    made = calibrations.create("Ours", table, files)

    plan = plans.plan(made, 4)

    assert plan.design.mass_ratio.sum(axis=1) == pytest.approx(1)
    assert plan.design.expected_error < plan.design.expected_error_before
    assert plan.error_now == []  # it is not fitted yet


def test_the_template_is_a_table_that_is_read_back():
    names, known = ratio_tables.parse_ratios(calibrations.template())

    assert names == ("LiPF6", "EC", "EMC", "DMC", "DEC")
    assert len(known) == 48
    assert np.array(list(known.values())).sum(axis=1) == pytest.approx(1)
