"""Import and fit of impedance files: whole, repeatable, and what people decided is kept."""

import pytest

from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from cells.models import Folder
from eis import formats
from eis.cycles import COUNT_SWEEPS
from eis.jobs import importing
from eis.models import CircuitFit, ImpedanceFile, ImpedanceSpectrum, SpectrumDecision
from eis.services import spectra as services
from eis.services import staleness
from tests.eis.lab import CIRCUIT, FREQUENCY, add_file, eis_text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_circuit(settings):
    settings.EIS_CIRCUIT = CIRCUIT


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "eis"
    path.mkdir()
    return Folder.objects.create(name="Potentiostat", path=str(path))


def run(kind: str, **params) -> Job:
    job = engine.enqueue(kind, params, trigger=Job.Trigger.COMMAND)
    engine.drain()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error
    return job


def import_and_fit(*files) -> None:
    run("eis.import_files", file_ids=[file.pk for file in files])
    run("eis.fit_spectra", spectrum_ids=staleness.stale_spectra())


def test_a_file_becomes_spectra_with_fits_of_known_truth(folder):
    file = add_file(folder, "three.csv", eis_text(1, 2, 4), start_cycle=100)

    import_and_fit(file)

    spectra = list(ImpedanceSpectrum.objects.of_cell(10001).in_life_order())
    assert [spectrum.point_count for spectrum in spectra] == [len(FREQUENCY)] * 3
    assert [spectrum.cycle for spectrum in spectra] == [100] * 3
    arcs = [fit.parameters["ZARC1_R"]["value"] for fit in CircuitFit.objects.order_by("spectrum")]
    assert arcs == pytest.approx([0.05, 0.1, 0.2], rel=1e-2)


def with_cycles(*numbers: int) -> bytes:
    """Three points per number, under the header of a table that counts cycles."""
    lines = [f"{hertz},1,{-n},{n}" for n in numbers for hertz in (100, 10, 1)]
    return "\n".join(["Frequency/Hz,Z'/Ohm,Z''/Ohm,cycle number", *lines, ""]).encode()


def test_numbers_that_count_cycles_go_on_from_the_start_of_the_file(folder):
    begun = add_file(folder, "c100.csv", with_cycles(1, 2, 50), start_cycle=100)
    whole = add_file(folder, "whole.csv", with_cycles(3, 4), cell_id=10002)
    bare = add_file(folder, "bare.csv", eis_text(), cell_id=10003, start_cycle=7)

    run("eis.import_files", file_ids=[begun.pk, whole.pk, bare.pk])

    spectra = ImpedanceSpectrum.objects
    assert list(spectra.of_cell(10001).in_life_order().values_list("cycle", flat=True)) == [
        101, 102, 150,
    ]  # fmt: skip
    assert list(spectra.of_cell(10002).cycles().values()) == [3, 4]
    assert spectra.of_cell(10003).with_cycle().get().cycle == 7


def test_numbers_that_count_sweeps_do_not(folder, real_data):
    path = real_data / "eis/dgbowl__yadg/tests/test_x_eclab/peis.issue_149.mpt"
    if not path.exists():
        pytest.skip(f"absent: {path.name}")
    file = add_file(folder, path.name, path.read_bytes(), start_cycle=100)

    run("eis.import_files", file_ids=[file.pk])

    spectra = ImpedanceSpectrum.objects.in_life_order()
    assert ImpedanceFile.objects.get().format_name == "biologic_mpt"
    assert [(s.cycle_count, s.cycle) for s in spectra] == [(n, 100) for n in (1, 2, 3, 4)]


def test_formats_that_count_sweeps_are_formats():
    assert {format_.name for format_ in formats.FORMATS} >= COUNT_SWEEPS


def test_nothing_is_done_twice(folder):
    file = add_file(folder, "one.csv", eis_text())

    import_and_fit(file)

    assert list(importing.stale()) == []
    assert staleness.stale_spectra() == []


def test_a_mask_makes_the_fit_stale_and_changes_it(folder, people):
    content = eis_text().decode().splitlines()
    content[20] = content[20].replace(content[20].split(",")[1], "0.9")
    file = add_file(folder, "spike.csv", "\n".join([*content, ""]).encode())
    import_and_fit(file)
    spectrum = ImpedanceSpectrum.objects.get()
    before = CircuitFit.objects.get().scaled_error

    services.mask_points(spectrum, [19], reason="spike", by=people["curator"])
    run("eis.fit_spectra", spectrum_ids=staleness.stale_spectra())

    assert CircuitFit.objects.get().scaled_error < before / 10
    decision = SpectrumDecision.objects.get()
    assert (decision.made_by, decision.in_words()) == (people["curator"], "1 masked")


def test_undoing_a_mask_puts_the_points_back(folder, people):
    import_and_fit(add_file(folder, "one.csv", eis_text()))
    spectrum = ImpedanceSpectrum.objects.get()
    services.mask_points(spectrum, [3, 4], by=people["curator"])
    services.mask_points(spectrum, [9], by=people["curator"])
    older, newer = SpectrumDecision.objects.order_by("pk")

    with pytest.raises(services.NotAllowed, match="later"):
        services.undo(spectrum, older.pk, by=people["curator"])
    services.undo(spectrum, newer.pk, by=people["curator"])
    services.undo(spectrum, older.pk, by=people["curator"])

    spectrum.refresh_from_db()
    assert spectrum.masked_points == []


def test_what_people_decided_outlives_a_new_import(folder, people):
    file = add_file(folder, "one.csv", eis_text())
    import_and_fit(file)
    spectrum = ImpedanceSpectrum.objects.get()
    services.mask_points(spectrum, [5], by=people["curator"])
    services.review(spectrum, "accepted", by=people["curator"])
    services.choose_circuit(spectrum, "R0-p(R1,CPE1)", by=people["curator"])

    ImpedanceFile.objects.update(reader_version=0)
    assert list(importing.stale()) == [file]
    import_and_fit(file)

    again = ImpedanceSpectrum.objects.get()
    assert (again.pk, again.masked_points, again.review) == (spectrum.pk, [5], "accepted")
    assert CircuitFit.objects.get(is_chosen=True).circuit == "R0-p(R1,CPE1)"


def test_a_content_with_other_points_drops_the_mask_and_the_fits(folder, people):
    file = add_file(folder, "one.csv", eis_text())
    import_and_fit(file)
    services.mask_points(ImpedanceSpectrum.objects.get(), [5], by=people["curator"])

    shorter = b"\n".join(eis_text().splitlines()[:30])
    run("eis.import_files", file_ids=[add_file(folder, "one.csv", shorter).pk])

    assert ImpedanceSpectrum.objects.get().masked_points == []
    assert not CircuitFit.objects.exists()


def decide(spectrum, people) -> None:
    services.mask_points(spectrum, [5], by=people["curator"])
    services.review(spectrum, "accepted", by=people["curator"])
    services.choose_circuit(spectrum, "R0-p(R1,CPE1)", by=people["curator"])


def decided(spectrum) -> tuple:
    return (spectrum.masked_points, spectrum.review, spectrum.circuit)


def test_a_file_overwritten_by_another_run_of_the_same_sweep_inherits_no_decision(folder, people):
    import_and_fit(add_file(folder, "one.csv", eis_text()))
    decide(ImpedanceSpectrum.objects.get(), people)

    run("eis.import_files", file_ids=[add_file(folder, "one.csv", eis_text(1.1)).pk])

    spectrum = ImpedanceSpectrum.objects.get()
    assert spectrum.point_count == len(FREQUENCY)
    assert (*decided(spectrum), spectrum.validity) == ([], "open", "", {})
    told = next(f["text"] for f in spectrum.findings if f["code"] == "decisions_reset")
    assert "the mask of 1 points, the review (accepted), the choice of R0-p(R1,CPE1)" in told
    assert not SpectrumDecision.objects.filter(undone_at=None).exists()
    assert not CircuitFit.objects.exists()


def test_a_file_that_grew_keeps_what_was_decided_of_its_first_spectra(folder, people):
    import_and_fit(add_file(folder, "one.csv", eis_text(1, 2)))
    first = ImpedanceSpectrum.objects.get(number=1)
    decide(first, people)

    import_and_fit(add_file(folder, "one.csv", eis_text(1, 2, 4)))

    assert decided(ImpedanceSpectrum.objects.get(pk=first.pk)) == (
        [5], "accepted", "R0-p(R1,CPE1)",
    )  # fmt: skip
    assert ImpedanceSpectrum.objects.count() == 3
    assert SpectrumDecision.objects.filter(undone_at=None).count() == 3


@pytest.mark.parametrize(("growth", "is_lost", "stays"), [
    (1.0, False, True), (1.1, False, False), (1.0, True, True), (1.1, True, False),
])  # fmt: skip
def test_spectra_of_earlier_versions_are_compared_by_their_stored_points(
    folder, people, growth, is_lost, stays
):
    import_and_fit(add_file(folder, "one.csv", eis_text()))
    decide(ImpedanceSpectrum.objects.get(), people)
    ImpedanceSpectrum.objects.update(points_digest="")
    if is_lost:  # under the name that a reader of before gave it
        name = ImpedanceFile.objects.get().series_name
        ImpedanceFile.objects.update(series_name=name.replace(".r", ".r0"))

    run("eis.import_files", file_ids=[add_file(folder, "one.csv", eis_text(growth)).pk])

    assert (ImpedanceSpectrum.objects.get().masked_points == [5]) is stays


def test_bad_files_are_recorded_and_the_batch_goes_on(folder):
    files = [
        add_file(folder, "empty.csv", b""),
        add_file(folder, "time.csv", b"Time/s,Voltage/V,Current/A\n1,2,3\n2,2,3\n3,2,3\n"),
        add_file(folder, "good.csv", eis_text()),
        add_file(folder, "words.txt", b"nothing but words"),
    ]

    job = run("eis.import_files", file_ids=[file.pk for file in files])

    assert (job.result["imported"], job.result["failed"]) == (1, 3)
    assert {failure["name"] for failure in job.result["failures"]} == {
        "empty.csv", "time.csv", "words.txt",
    }  # fmt: skip
    assert all(
        source.error and source.fix for source in ImpedanceFile.objects.filter(status="failed")
    )
    assert list(importing.stale()) == []


def test_three_points_are_a_spectrum_whose_fit_says_why_there_is_none(folder):
    short = b"Frequency/Hz,Z',Z''\n100,1,-1\n10,2,-1\n1,3,-1\n"

    import_and_fit(add_file(folder, "three.csv", short))

    fit = CircuitFit.objects.get()
    assert (fit.status, fit.parameters) == ("failed", {})
    assert "at least" in fit.reason
    assert staleness.stale_spectra() == []


def test_a_failure_later_keeps_the_spectra_that_were_there(folder):
    file = add_file(folder, "one.csv", eis_text())
    import_and_fit(file)

    run("eis.import_files", file_ids=[add_file(folder, "one.csv", b"damaged now").pk])

    assert ImpedanceFile.objects.get().status == ImpedanceFile.Status.FAILED
    assert ImpedanceSpectrum.objects.count() == 1


def test_a_spectrum_without_a_cell_is_imported_too(folder):
    import_and_fit(add_file(folder, "one.csv", eis_text(), cell_id=None))

    assert CircuitFit.objects.get().status == "fitted"


def test_lost_points_are_told_on_the_fit_and_come_back_with_the_file(folder):
    file = add_file(folder, "one.csv", eis_text())
    run("eis.import_files", file_ids=[file.pk])
    storage("series").delete(ImpedanceFile.objects.get().series_name)

    run("eis.fit_spectra", spectrum_ids=staleness.stale_spectra())

    assert CircuitFit.objects.get().status == "failed"
    assert staleness.stale_spectra() == [ImpedanceSpectrum.objects.get().pk]


def test_the_kramers_kronig_test_is_kept_beside_the_spectrum(folder):
    import_and_fit(add_file(folder, "one.csv", eis_text()))

    validity = ImpedanceSpectrum.objects.get().validity
    assert validity["verdict"] == "valid"
    assert validity["outliers"] == []


def test_inductive_and_negative_points_are_kept_and_labelled(folder):
    lines = eis_text().decode().splitlines()
    f, _, b = lines[1].split(",")
    lines[1] = f"{f},-0.001,{b}"
    f, a, _ = lines[2].split(",")
    lines[2] = f"{f},{a},0.002"

    import_and_fit(add_file(folder, "one.csv", "\n".join([*lines, ""]).encode()))

    spectrum = ImpedanceSpectrum.objects.get()
    assert spectrum.point_count == len(FREQUENCY)
    assert (spectrum.validity["inductive"], spectrum.validity["negative_real"]) == (1, 1)


def test_the_night_fits_the_spectra_of_a_cell_together(folder):
    files = [
        add_file(folder, f"{cycle}.csv", eis_text(1 + cycle / 100), start_cycle=cycle)
        for cycle in (0, 100, 200)
    ]
    run("eis.import_files", file_ids=[file.pk for file in files])

    run("eis.fit_spectra", spectrum_ids=staleness.stale_spectra(), series=True)

    fits = CircuitFit.objects.order_by("spectrum__source__file__metadata__start_cycle")
    assert [fit.parameters["ZARC1_R"]["value"] for fit in fits] == pytest.approx(
        [0.05, 0.1, 0.15], rel=5e-2
    )
    assert all("series" in str(fit.versions) + fit.method for fit in fits)


def series_of(folder, *cycles: int) -> list[ImpedanceSpectrum]:
    """Fitted spectra of one cell at these cycles, with an arc that grows."""
    files = [
        add_file(folder, f"{cycle}.csv", eis_text(1 + cycle / 100), start_cycle=cycle)
        for cycle in cycles
    ]
    run("eis.import_files", file_ids=[file.pk for file in files])
    run("eis.fit_spectra", spectrum_ids=staleness.stale_spectra(), series=True)
    return list(ImpedanceSpectrum.objects.in_life_order())


def test_a_series_is_fitted_again_whole_when_one_of_it_changes(folder, people):
    first, second, third = series_of(folder, 0, 100, 200)
    other = add_file(folder, "other.csv", eis_text(), cell_id=10002)
    import_and_fit(other)
    assert staleness.stale_spectra() == []

    services.mask_points(second, [3], by=people["curator"])

    assert staleness.stale_spectra() == [first.pk, second.pk, third.pk]


def test_a_new_spectrum_makes_its_series_stale_and_no_other(folder):
    old = series_of(folder, 0, 100, 200)

    run("eis.import_files", file_ids=[add_file(folder, "300.csv", eis_text(4), start_cycle=300).pk])

    new = ImpedanceSpectrum.objects.latest("pk")
    assert staleness.stale_spectra() == [*(s.pk for s in old), new.pk]
    run("eis.fit_spectra", spectrum_ids=staleness.stale_spectra(), series=True)
    assert staleness.stale_spectra() == []


def test_a_spectrum_fitted_alone_meanwhile_goes_back_into_its_series(folder):
    spectra = series_of(folder, 0, 100, 200)

    run("eis.fit_spectra", spectrum_ids=[spectra[1].pk])

    assert "series" not in CircuitFit.objects.get(spectrum=spectra[1]).method
    assert staleness.stale_spectra() == [spectrum.pk for spectrum in spectra]


def test_a_rejected_spectrum_leaves_its_series(folder, people):
    spectra = series_of(folder, 0, 100, 200, 300)

    services.review(spectra[0], "rejected", by=people["curator"])
    run("eis.fit_spectra", spectrum_ids=staleness.stale_spectra(), series=True)

    methods = dict(CircuitFit.objects.values_list("spectrum", "method"))
    assert "series" not in methods[spectra[0].pk]
    assert all("series of 3" in methods[spectrum.pk] for spectrum in spectra[1:])


def test_parts_of_the_night_never_divide_a_series(folder):
    for cell in (10001, 10002, 10003):
        for cycle in range(4):
            name, content = f"{cell}-{cycle}.csv", eis_text(1 + cell / 1e5 + cycle / 100)
            run("eis.import_files", file_ids=[
                add_file(folder, name, content, cell_id=cell, start_cycle=cycle).pk])  # fmt: skip

    parts = staleness.stale_parts(5)

    cells = dict(ImpedanceSpectrum.objects.values_list("pk", "source__file__metadata__cell_id"))
    assert [sorted({cells[pk] for pk in part}) for part in parts] == [[10001, 10002], [10003]]


def test_voltages_about_a_rounding_edge_are_one_series(folder):
    files = []
    for cycle, volts in enumerate((3.749, 3.751, 3.7495, 4.1, 4.1, 4.1)):
        lines = [f"{hertz},1,-1,{volts}" for hertz in (100, 10, 1)]
        text = "\n".join(["Frequency/Hz,Z'/Ohm,Z''/Ohm,Voltage/V", *lines, f"# {cycle}", ""])
        files.append(add_file(folder, f"{cycle}.csv", text.encode(), start_cycle=cycle).pk)
    run("eis.import_files", file_ids=files)

    plans = staleness.plans_of(ImpedanceSpectrum.objects.all(), together=True)

    series = [plan.series for plan in sorted(plans, key=lambda plan: plan.spectrum_id)]
    assert None not in series
    assert (len(set(series[:3])), len(set(series[3:])), len(set(series))) == (1, 1, 2)
