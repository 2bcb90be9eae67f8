"""Pages, figures, API and commands."""

import json
from io import StringIO

import numpy as np
import polars as pl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from python_calamine import CalamineWorkbook

from ftir import archive
from ftir.models import Calibration, Composition, InfraredSpectrum
from ftir.services import calibrations, compositions, fit_settings, spectra
from tests.ftir.conftest import as_csv

pytestmark = pytest.mark.django_db
GOOD = [0.10, 0.30, 0.35, 0.25, 0.0]


@pytest.fixture
def spectrum(calibration, mixture):
    kept = spectra.add_spectrum("sample.csv", as_csv(*mixture(GOOD)))
    compositions.estimate(kept, calibration)
    return kept


def test_an_upload_leads_to_its_verdict(client_as, calibration, mixture):
    file = SimpleUploadedFile("sample.csv", as_csv(*mixture(GOOD)))

    page = client_as("member").post("/ftir/spectra/", {"spectra": [file]}, follow=True)

    text = page.content.decode()
    assert "In calibration" in text
    assert "sample.csv" in text
    assert "Ours, version 1" in text


def test_bad_uploads_are_named_and_good_ones_kept(client_as, calibration, mixture):
    files = [
        SimpleUploadedFile("good.csv", as_csv(*mixture(GOOD))),
        SimpleUploadedFile("bad.csv", b"no spectrum"),
    ]

    page = client_as("member").post("/ftir/spectra/", {"spectra": files}, follow=True)

    assert "bad.csv: " in page.content.decode()
    assert InfraredSpectrum.objects.get().name == "good.csv"


AXIS = np.arange(640.0, 4000.0, 1.86)
BANDS = 0.5 / (1 + ((AXIS - 1750) / 12) ** 2) + 0.4 / (1 + ((AXIS - 1260) / 18) ** 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "bad.csv: "),
        (as_csv(AXIS, np.full_like(AXIS, 0.2)), "everywhere"),
        (as_csv(AXIS[:20], BANDS[:20]), "20 points"),
        (as_csv(AXIS / 1e4, BANDS), "wavenumbers"),
        (b"Cycle,Time/s,Current/A,Voltage/V\n1,0,1.0,3.6\n1,10,1.0,3.7\n", "bad.csv"),
        (as_csv(AXIS[AXIS > 1500], BANDS[AXIS > 1500]), "Not judged"),
        (as_csv(AXIS, 8 * BANDS), "saturated"),
        (as_csv(AXIS[::5], BANDS[::5]), "1/cm apart"),
        (as_csv(AXIS, BANDS + 0.1 / (1 + ((AXIS - 2350) / 10) ** 2)), "carbon dioxide"),
        (as_csv(AXIS, 110 * 10**-BANDS).replace(b"Absorbance", b"%T"), "above 1"),
    ],
    ids=[
        "empty", "constant", "few points", "micrometres", "cycling", "wrong range", "saturated",
        "other resolution", "carbon dioxide", "transmittance above 1",
    ],
)  # fmt: skip
def test_bad_input_has_a_clear_outcome_on_the_page(client_as, calibration, content, words):
    file = SimpleUploadedFile("bad.csv", content)

    page = client_as("member").post("/ftir/spectra/", {"spectra": [file]}, follow=True)

    assert page.status_code == 200
    assert words in page.content.decode()


@pytest.mark.parametrize("figure", ["measured", "explained", "partial", "composition"])
def test_figures_have_axes_with_units(client_as, spectrum, figure):
    answer = client_as("viewer").get(f"/ftir/spectra/{spectrum.pk}/{figure}.json")

    drawn = answer.json()
    assert answer.status_code == 200
    assert drawn["data"]
    assert "/" in drawn["layout"].get("xaxis", drawn["layout"]["yaxis"])["title"]


def test_figures_without_a_calibration_say_so(client_as, db, mixture):
    kept = spectra.add_spectrum("sample.csv", as_csv(*mixture(GOOD)))

    answer = client_as("viewer").get(f"/ftir/spectra/{kept.pk}/explained.json")

    assert answer.status_code == 409
    assert "No calibration" in answer.json()["error"]


@pytest.mark.parametrize("encoding", ["csv", "jdx"])
def test_points_can_be_taken_away(client_as, spectrum, encoding):
    answer = client_as("viewer").get(f"/ftir/spectra/{spectrum.pk}/points.{encoding}")

    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]


def test_the_list_asks_the_same_however_long(
    client_as, calibration, mixture, django_assert_max_num_queries
):
    for seed in range(6):
        kept = spectra.add_spectrum(f"{seed}.csv", as_csv(*mixture(GOOD, seed)))
        compositions.estimate(kept, calibration)
    client = client_as("viewer")
    client.get("/ftir/spectra/")

    with django_assert_max_num_queries(14):
        client.get("/ftir/spectra/")


def test_a_draft_is_entered_by_upload_and_grid(client_as, molecules, upload):
    table, files = upload
    files = [*files, *((f"more-{n}.csv", files[-1][1]) for n in range(160))]  # 228, as labs have
    client = client_as("member")
    given = {
        "name": "Ours",
        "kind": "linear",
        "table": SimpleUploadedFile("ratios.csv", table.encode()),
        "spectra": [SimpleUploadedFile(name, content) for name, content in files],
        "notes": "",
    }

    page = client.post("/ftir/calibrations/new/", given, follow=True)

    made = Calibration.objects.get()
    assert made.samples.count() == 228
    assert page.context["calibration"] == made
    grid = {
        f"ratio-{sample.pk}-{place}": "" if not value else f"{value}"
        for sample, ratios in page.context["samples"]
        for place, value in enumerate(ratios)
    }
    assert len(grid) == 1000  # beside it the token of the form
    told = client.post(
        f"{made.get_absolute_url()}ratios/",
        {**grid, "page": 1, "csrfmiddlewaretoken": "x"},
        follow=True,
    )
    assert "48 mixtures are known" in told.content.decode()
    assert len(client.get(made.get_absolute_url(), {"page": 2}).context["samples"]) == 28
    sample = made.samples.filter(mass_ratio__isnull=True).first()
    client.post(f"{made.get_absolute_url()}ratios/", {f"ratio-{sample.pk}-1": "1"})
    sample.refresh_from_db()
    assert sample.mass_ratio == [0, 1, 0, 0, 0]
    plan = client.get(made.get_absolute_url(), {"count": 3})
    assert len(plan.context["design"]) == 3


def test_the_model_of_a_draft_is_set_on_its_page(client_as, molecules, upload):
    draft = calibrations.create("Ours", *upload)
    client = client_as("member")
    page = client.get(draft.get_absolute_url())
    given = {**page.context["model_form"].initial, "encoder": "0.05", "first_per_cm": "700"}

    told = client.post(f"{draft.get_absolute_url()}model/", given, follow=True)
    refused = client.post(
        f"{draft.get_absolute_url()}model/", {**given, "rounds": "many"}, follow=True
    )

    draft.refresh_from_db()
    assert (draft.penalties, draft.first_per_cm) == ({"encoder": 0.05}, 700)
    assert "The model is set" in told.content.decode()
    assert "encoder 0.05" in told.content.decode()
    assert "Rounds of paths: Enter a whole number" in refused.content.decode()


def test_the_plan_of_a_fitted_calibration_tells_its_gain(client_as, calibration):
    page = client_as("viewer").get(calibration.get_absolute_url(), {"count": 3})

    assert len(page.context["design_errors"]) == 5
    assert "Expected mean error over all mixtures, in wt%: LiPF6" in page.content.decode()


def test_the_page_tells_prediction_from_reconstruction_and_an_unknown_lot(client_as, spectrum):
    client = client_as("member")

    page = client.get(spectrum.get_absolute_url())
    told = client.post(
        f"{spectrum.get_absolute_url()}estimate/", {"baseline": "none", "lot": "X-1"}, follow=True
    )

    assert "Prediction and reconstruction agree" in page.content.decode()
    assert "No lot of electrolyte is called X-1" in told.content.decode()


def test_corrections_without_a_calibration_in_use_keep_what_was_said(client_as, spectrum):
    Calibration.objects.update(in_use=False)
    address = spectrum.get_absolute_url()

    page = client_as("member").post(f"{address}estimate/", {"baseline": "arpls"}, follow=True)

    assert "No calibration is in use, so nothing was judged" in page.content.decode()
    assert "Made with other corrections (none)" in page.content.decode()
    assert spectrum.compositions.count() == 1
    drawn = client_as("viewer").get(f"{address}composition.json")
    assert drawn.status_code == 200
    calibration = Calibration.objects.get()
    explained = client_as("viewer").get(f"{address}explained.json?calibration={calibration.pk}")
    assert explained.json()["data"]


def test_a_sample_of_a_calibration_is_not_corrected_on_its_page(client_as, calibration, mixture):
    sample = spectra.add_spectrum("s.csv", as_csv(*mixture(GOOD)), for_calibration=True)

    text = client_as("member").get(sample.get_absolute_url()).content.decode()

    assert "Judge again" not in text
    assert "as measured, without corrections" in text


def test_a_calibration_says_what_was_tried_and_what_is_nominal(client_as, calibration):
    empty = {key: [0.1] * 5 for key in ("error", "error_95", "largest")}
    calibration.report = {
        **empty,
        "methods": [],
        "false_alarm": 0.05,
        "interval_level": 0.9,
        "tried": 0,
    }
    calibration.save()
    bare = client_as("viewer").get(calibration.get_absolute_url()).content.decode()
    calibration.report |= {"tried": 42, "refused": 0.024, "interval_held": 0.93}
    calibration.report |= {"tried_unknown": 300, "refused_unknown": 0.04}
    calibration.save()
    tried = client_as("viewer").get(calibration.get_absolute_url()).content.decode()

    assert "nominal 5 %, not measured" in bare
    assert "2 % of 42 known, 4 % of 300 unknown mixtures held out" in tried
    assert "93 % of held out" in tried


def test_a_figure_that_is_not_there_is_not_found(client_as, spectrum):
    assert client_as("viewer").get(f"{spectrum.get_absolute_url()}sketch.json").status_code == 404


def test_the_panel_of_a_cell_names_columns_beside_what_was_not_judged(
    client_as, calibration, monkeypatch, spectrum
):
    refused = Composition(spectrum=spectrum, calibration=calibration, error="Half a spectrum.")
    judged = spectrum.compositions.get()
    calibration.is_demonstration = judged.calibration.is_demonstration = True
    monkeypatch.setattr(
        compositions,
        "of_cell",
        lambda cell_id: compositions.CellCompositions([judged, refused], None, []),
    )

    text = client_as("viewer").get("/ftir/cells/7/panel/").content.decode()

    assert ">EMC</th>" in text
    assert "Half a spectrum." in text
    assert "made from literature" in text


def test_a_wrong_upload_keeps_the_form_and_says_why(client_as, molecules, upload):
    table, files = upload
    given = {
        "name": "Ours",
        "kind": "linear",
        "table": SimpleUploadedFile("ratios.csv", table.encode()),
        "spectra": [SimpleUploadedFile(*files[0])],
    }

    page = client_as("member").post("/ftir/calibrations/new/", given)

    assert "47 files that are not there" in page.content.decode()
    assert not Calibration.objects.exists()


def test_the_api_judges_an_upload_and_lists_compositions(client_as, calibration, mixture):
    client = client_as("member")
    file = SimpleUploadedFile("sample.csv", as_csv(*mixture(GOOD)))

    answer = client.post("/api/v1/ftir/spectra/", {"file": file})

    assert answer.status_code == 201
    assert answer.json()["in_calibration"] is True
    listed = client.get("/api/v1/ftir/compositions/?in_calibration=true").json()["results"]
    assert len(listed) == 1
    assert client.get(f"/api/v1/ftir/calibrations/{calibration.pk}/samples/").json() == []
    one = client.get(f"/api/v1/ftir/calibrations/{calibration.pk}/").json()
    assert one["components"] == ["LiPF6", "EC", "EMC", "DMC", "DEC"]
    points = client.get(f"/api/v1/ftir/spectra/{answer.json()['spectrum']}/points/")
    assert points.content.startswith(b"wavenumber")


def test_predict_ftir_writes_tables_plots_and_numbers(fitted, mixture, tmp_path):
    """Without a database: nothing here asks for one."""
    model = tmp_path / "model.npz"
    model.write_bytes(archive.dump(fitted))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.csv").write_bytes(as_csv(*mixture(GOOD)))
    (tmp_path / "in" / "bad.csv").write_bytes(b"nothing")
    out = StringIO()

    with pytest.raises(CommandError, match=r"1 failed.*bad\.csv"):
        call_command(
            "predict_ftir",
            str(tmp_path / "in"),
            to=tmp_path / "out",
            model=model,
            json=True,
            stdout=out,
        )

    assert json.loads(out.getvalue())["predicted"] == 1
    table = pl.read_csv(tmp_path / "out" / "compositions.csv")
    assert table["EC (wt%)"][0] == pytest.approx(30, abs=3)
    workbook = CalamineWorkbook.from_path(tmp_path / "out" / "compositions.xlsx")
    assert len(workbook.get_sheet_by_index(0).to_python()) == 2
    numbers = pl.read_csv(tmp_path / "out" / "good.csv")
    assert {"wavenumber (1/cm)", "measured", "reconstructed", "LiPF6"} <= set(numbers.columns)
    assert (tmp_path / "out" / "good.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "out" / "good.html").exists()
    assert (tmp_path / "out" / "plotly.min.js").exists()


def test_predict_ftir_does_not_read_its_own_results(fitted, mixture, tmp_path):
    model = tmp_path / "model.npz"
    model.write_bytes(archive.dump(fitted))
    given = tmp_path / "in"
    (given / "again").mkdir(parents=True)
    for name in ("compositions.csv", "again/a.csv", "a.csv", "a (2).csv"):
        (given / name).write_bytes(as_csv(*mixture(GOOD)))
    to = given / "results"

    for _ in range(2):
        call_command("predict_ftir", str(given), to=to, model=model, stdout=StringIO())

    table = pl.read_csv(to / "compositions.csv")
    assert len(table) == 4
    assert table["EC unclamped (wt%)"][0] == pytest.approx(30, abs=3)
    written = {path.stem for path in to.glob("*.png")}
    assert written == {"compositions (2)", "a", "a (2)", "a (3)"}
    with pytest.raises(CommandError, match="would overwrite the spectra"):
        call_command("predict_ftir", str(given), to=given, model=model)


def test_a_file_that_can_not_be_opened_does_not_stop_the_others(
    fitted, mixture, tmp_path, monkeypatch
):
    from ftir import formats

    model = tmp_path / "model.npz"
    model.write_bytes(archive.dump(fitted))
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(as_csv(*mixture(GOOD)))
    read = formats.read

    def refuse(path):
        if path.name == "a.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(formats, "read", refuse)
    out = StringIO()
    with pytest.raises(CommandError, match=r"a\.csv.*Permission denied"):
        call_command(
            "predict_ftir",
            str(tmp_path / "a.csv"),
            str(tmp_path / "b.csv"),
            to=tmp_path / "out",
            model=model,
            json=True,
            stdout=out,
        )

    assert json.loads(out.getvalue())["predicted"] == 1


def test_a_mistyped_penalty_leaves_no_draft(molecules, upload, tmp_path):
    table = tmp_path / "ratios.csv"
    table.write_text(upload[0])

    with pytest.raises(CommandError, match="no penalty encodr"):
        call_command("calibrate_ftir", str(table), penalty=["encodr=1"])

    assert not Calibration.objects.exists()


def test_an_amount_above_all_is_shown(client_as, spectrum):
    found = spectrum.compositions.get()
    found.amounts[0] |= {"mass_ratio": 1.0, "unclamped": 1.25}
    found.save()

    page = client_as("viewer").get(spectrum.get_absolute_url())

    assert ">125.00</span>" in page.content.decode()


def test_cross_validate_ftir_prints_ours_beside_others(samples, tmp_path, capsys):
    path = tmp_path / "set.npz"
    np.savez(
        path,
        wavenumber_per_cm=samples.wavenumber_per_cm[::2],
        components=np.array(samples.components),
        labelled_absorbance=samples.absorbance[:, ::2],
        labelled_mass_ratio=samples.mass_ratio,
    )

    call_command("cross_validate_ftir", str(path), shares=[0.3], repeats=1)

    text = capsys.readouterr().out
    assert "Linear-VM" in text
    assert "PLS" in text
    assert "thesis" in text
    assert "mean error, 30 % held out" in text
    assert "whole simplex" not in text  # that needs a test set, which this file lacks
    assert "PLS (area), published, hard set" in text
    assert "30 %, published (PLS 1.90)" in text


def test_cross_validate_ftir_takes_a_calibration_as_it_is_and_aims_at_nothing(
    molecules, upload, monkeypatch, capsys
):
    from ftir import report, validation

    made = calibrations.create("Ours", *upload, kind="constant")
    fit_settings.set_model(made, {"encoder": 0.02})
    seen = []

    def by_share(samples, shares, repeats, penalties, kind):
        seen.append((penalties.encoder, kind))
        error = np.full(5, 0.01)
        return [validation.ShareResult(share, error, 100 * error, 0.1) for share in shares]

    monkeypatch.setattr(validation, "by_share", by_share)
    monkeypatch.setattr(report, "compare", lambda samples, penalties, repeats: [])

    call_command("cross_validate_ftir", "Ours", shares=[0.3], repeats=1)

    text = capsys.readouterr().out
    assert seen == [(0.02, "constant")]
    assert "held out, constant" in text
    assert "target" not in text
    assert "published" not in text


def test_commands_say_what_is_missing(db, tmp_path):
    with pytest.raises(CommandError, match="No calibration is in use"):
        call_command("predict_ftir", str(tmp_path), to=tmp_path / "out")
    with pytest.raises(CommandError, match="No calibration is in use"):
        call_command("cross_validate_ftir")
    with pytest.raises(CommandError, match="No table"):
        call_command("calibrate_ftir")
