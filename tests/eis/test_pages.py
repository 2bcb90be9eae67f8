"""Pages, panels, downloads and REST of impedance."""

import io
import json

import polars as pl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import Dataset, DatasetCell, Folder, WetCell
from eis.models import CircuitFit, ImpedanceSpectrum, SpectrumDecision
from eis.services import fits
from tests.eis.lab import CIRCUIT, add_file, eis_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def spectra(settings, tmp_path):
    """Three fitted spectra of cell 10001."""
    settings.EIS_CIRCUIT = CIRCUIT
    path = tmp_path / "eis"
    path.mkdir()
    folder = Folder.objects.create(name="Potentiostat", path=str(path))
    file = add_file(folder, "three.csv", eis_text(1, 2, 4), start_cycle=50)
    engine.enqueue("eis.take_in", {"file_ids": [file.pk]}, trigger=Job.Trigger.COMMAND)
    engine.drain()
    assert CircuitFit.objects.filter(status="fitted").count() == 3
    return list(ImpedanceSpectrum.objects.order_by("number"))


def figure(client, spectrum, kind):
    answer = client.get(reverse("eis:figure", args=[spectrum.pk, kind]))
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def test_the_nyquist_plot_has_equal_axes_points_fit_and_marks(client_as, spectra):
    drawn = figure(client_as("viewer"), spectra[0], "nyquist")

    names = {trace["name"] for trace in drawn["data"]}
    assert {"measured", "characteristic frequency"} <= names
    assert drawn["layout"]["yaxis"]["scaleanchor"] == "x"
    marks = next(t for t in drawn["data"] if t["name"] == "characteristic frequency")
    assert marks["text"] == ["ZARC1<br>10 Hz"]
    assert "mΩ" in drawn["layout"]["xaxis"]["title"]["text"]


def test_masked_points_are_drawn_apart(client_as, spectra):
    client = client_as("curator")
    client.post(reverse("eis:mask", args=[spectra[0].pk]), {"points": "0,1,2", "reason": "noise"})

    drawn = figure(client, spectra[0], "bode")

    masked = next(trace for trace in drawn["data"] if trace["name"] == "masked")
    assert masked["customdata"] == [0, 1, 2]
    assert Job.objects.filter(kind="eis.fit_spectra", state=Job.State.QUEUED).exists()


def test_residuals_leave_out_masked_points(client_as, spectra):
    client = client_as("curator")
    before = figure(client, spectra[0], "residuals")
    client.post(reverse("eis:mask", args=[spectra[0].pk]), {"points": "0,1,2"})

    after = figure(client, spectra[0], "residuals")

    assert len(before["data"][0]["x"]) - len(after["data"][0]["x"]) == 3


def test_a_member_may_fit_but_not_mask_or_review(client_as, spectra):
    client = client_as("member")
    page = reverse("eis:spectrum", args=[spectra[0].pk])

    assert (
        client.post(reverse("eis:mask", args=[spectra[0].pk]), {"points": "1"}).status_code == 403
    )
    assert client.post(reverse("eis:decide", args=[spectra[0].pk])).status_code == 403
    assert (
        client.post(
            reverse("eis:fit", args=[spectra[0].pk]), {"circuit": "zarc1-series"}
        ).status_code
        == 302
    )
    assert "Mask and fit again" not in client.get(page).text


def test_another_circuit_is_fitted_and_shown_beside_the_first(client_as, spectra):
    client = client_as("member")
    client.post(reverse("eis:fit", args=[spectra[0].pk]), {"circuit": "R0-p(R1,CPE1)-CPE2"})
    engine.drain()

    page = client.get(reverse("eis:spectrum", args=[spectra[0].pk])).text

    assert "R0-p(R1,CPE1)-CPE2" in page
    assert "Circuits compared" in page


def test_a_circuit_that_can_not_be_read_is_said_so(client_as, spectra):
    answer = client_as("member").post(
        reverse("eis:fit", args=[spectra[0].pk]), {"circuit": "R0-(("}, follow=True
    )

    assert "can not be read" in answer.text
    assert not SpectrumDecision.objects.exists()


def test_the_review_shows_the_worst_first_and_moves_on(client_as, spectra):
    CircuitFit.objects.filter(spectrum=spectra[1]).update(scaled_error=0.5, status="poor")
    client = client_as("curator")

    first = client.get(reverse("eis:review")).text
    assert f">{spectra[1].name}</a></h2>" in first
    client.post(
        reverse("eis:decide", args=[spectra[1].pk]),
        {"verdict": "rejected", "next": reverse("eis:review") + "?at=0"},
    )
    second = client.get(reverse("eis:review") + "?at=0").text

    assert f">{spectra[1].name}</a></h2>" not in second
    assert "1 of 2" in second


def test_the_review_never_redirects_to_another_site(client_as, spectra):
    answer = client_as("curator").post(
        reverse("eis:decide", args=[spectra[0].pk]),
        {"verdict": "accepted", "next": "https://evil.example/"},
    )

    assert answer["Location"].startswith("/eis/spectra/")


def test_the_list_costs_the_same_for_any_number_of_spectra(
    client_as, spectra, django_assert_max_num_queries
):
    client = client_as("viewer")
    client.get(reverse("eis:spectra"))

    with django_assert_max_num_queries(10):
        answer = client.get(
            reverse("eis:spectra") + "?sort=worst&cell=10001&fit=fitted&review=open"
        )

    assert all(spectrum.name in answer.text for spectrum in spectra)


def test_the_cell_panel_shows_resistances_against_cycle(client_as, spectra):
    client = client_as("viewer")

    panel = client.get(reverse("eis:cell-panel", args=[10001])).text
    drawn = json.loads(
        client.get(reverse("eis:trend-figure", args=[10001]) + "?parameter=ZARC1_R").content
    )

    assert "parameter=ZARC1_R" in panel
    assert drawn["data"][0]["y"] == pytest.approx([0.05, 0.1, 0.2], rel=1e-2)
    assert drawn["layout"]["xaxis"]["title"]["text"] == "Cycle number"
    assert client.get(reverse("eis:cell-panel", args=[1])).text.count("card") == 0


def test_a_dataset_is_exported_with_a_row_per_spectrum(client_as, spectra, people):
    cell = WetCell.objects.create(cell_id=10001)
    dataset = Dataset.objects.create(name="Set", slug="set")
    DatasetCell.objects.create(dataset=dataset, wet_cell=cell)
    ImpedanceSpectrum.objects.filter(pk=spectra[2].pk).update(review="rejected")
    client = client_as("viewer")

    answer = client.get(reverse("eis:dataset-fits", args=["set", "parquet"]))
    frame = pl.read_parquet(io.BytesIO(answer.content))
    text = client.get(reverse("eis:dataset-fits", args=["set", "csv"])).text

    assert frame["ZARC1_R / Ω"].to_list() == pytest.approx([0.05, 0.1], rel=1e-2)
    assert {"ZARC1_R initial / Ω", "ZARC1_R low / Ω", "cell_id", "scaled_error"} <= set(
        frame.columns
    )
    assert len(text.strip().split("\n")) == 3


def test_the_page_and_rest_give_time_constant_and_capacitance_of_each_arc(client_as, spectra):
    client = client_as("viewer")
    fit = spectra[0].fits.get()

    page = client.get(spectra[0].get_absolute_url())
    (told,) = client.get(f"/api/v1/eis/fits/{fit.pk}/").json()["arcs"]

    # 0.05 Ω at 10 Hz
    assert told["time_constant_s"] == pytest.approx(0.0159, rel=0.02)
    assert told["capacitance_f"] == pytest.approx(0.318, rel=0.03)
    table = page.text.split('id="arcs"')[1].split("</table>")[0]
    assert all(unit in table for unit in ("mΩ", "Hz", "ms", "mF", "ZARC1"))


def test_page_and_rest_write_a_fit_as_another_circuit(client_as, spectra):
    client = client_as("viewer")
    fit = spectra[0].fits.get()

    (told,) = client.get(f"/api/v1/eis/fits/{fit.pk}/equivalents/").json()
    page = client.get(spectra[0].get_absolute_url()).text
    fit.parameters["ZARC1_R"]["value"] = 0.0
    fit.save()
    limited = client.get(spectra[0].get_absolute_url()).text

    assert told["circuit"] == "R0-p(R1,CPE1)-CPE0"
    values = {row["name"]: row["value"] for row in told["parameters"]}
    # (R Q)^(1/φ) is the time constant of 0.05 Ω at 10 Hz.
    assert (values["R1"] * values["CPE1_Q"]) ** (1 / values["CPE1_phi"]) == pytest.approx(
        1 / (2 * 3.14159 * 10), rel=0.02
    )
    assert "The same spectrum, with constant phase elements" in page
    assert "Not possible with these numbers. ZARC1" in limited


def test_an_export_says_what_a_fit_is_signed_with(client_as, spectra):
    ImpedanceSpectrum.objects.filter(pk=spectra[0].pk).update(
        state_of_charge=0.5, temperature_celsius=25.0, masked_points=[1]
    )
    spectra[0].refresh_from_db()
    fit = spectra[0].fits.get()
    fit.parameters["R0"]["identifiable"] = False
    fit.save()

    frame = fits.fit_table(CircuitFit.objects.order_by("pk"))

    row = frame.row(0, named=True)
    assert (row["state_of_charge"], row["temperature_celsius"], row["cycle"]) == (0.5, 25.0, 50)
    assert (row["R0 identifiable"], row["ZARC1_R identifiable"]) == (False, True)
    assert row["R0 standard error / Ω"] == pytest.approx(fit.parameters["R0"]["error"])
    assert row["kramers_kronig_verdict"] == spectra[0].validity["verdict"]
    assert row["kramers_kronig_outliers"] == len(spectra[0].validity["outliers"])
    assert (row["method"], row["start_method"]) == (fit.method, fit.start_method)
    assert json.loads(row["versions"]) == fit.versions
    assert row["fitted_at"] == fit.fitted_at
    assert frame.height == 3


def test_an_export_of_too_many_fits_is_refused_in_words(client_as, spectra, monkeypatch):
    monkeypatch.setattr(fits, "MOST_FITS", 2)
    cell = WetCell.objects.create(cell_id=10001)
    dataset = Dataset.objects.create(name="Set", slug="set")
    DatasetCell.objects.create(dataset=dataset, wet_cell=cell)

    answer = client_as("viewer").get(reverse("eis:dataset-fits", args=["set", "csv"]), follow=True)

    assert "at most 2 fits" in answer.text
    assert "text/html" in answer["Content-Type"]


def test_lists_and_pages_say_charge_and_temperature(client_as, spectra):
    for spectrum, charge, degrees in zip(spectra, (50, None, None), (25.5, 45, None), strict=True):
        ImpedanceSpectrum.objects.filter(pk=spectrum.pk).update(
            state_of_charge=charge, temperature_celsius=degrees
        )
    metadata = spectra[2].source.file.metadata
    metadata.temperature_celsius = -10
    metadata.save()
    client = client_as("viewer")

    shown = [
        client.get(address).text
        for address in (reverse("eis:spectra"), reverse("eis:cell-panel", args=[10001]))
    ]

    for page in shown:
        assert all(f"{number} °C" in page for number in ("25.5", "45", "-10"))
        assert "SOC" in page
    assert "State of charge, as in the file" in client.get(spectra[0].get_absolute_url()).text


def test_the_overlay_leaves_out_masked_points_and_rejected_spectra(client_as, spectra):
    ImpedanceSpectrum.objects.filter(pk=spectra[0].pk).update(masked_points=[0, 1, 5])
    ImpedanceSpectrum.objects.filter(pk=spectra[1].pk).update(review="rejected")
    client = client_as("viewer")
    address = reverse("eis:overlay-figure", args=[10001])

    drawn = client.get(address).json()["data"]
    ImpedanceSpectrum.objects.update(review="rejected")
    none = client.get(address).json()

    count = spectra[0].point_count
    assert [len(trace["x"]) for trace in drawn] == [count - 3, count]
    assert len(drawn[0]["text"]) == count - 3
    assert "no spectrum" in none["empty"]


def test_the_cell_panel_costs_the_same_for_any_number(
    client_as, spectra, django_assert_max_num_queries
):
    client = client_as("viewer")
    client.get(reverse("eis:cell-panel", args=[10001]))

    with django_assert_max_num_queries(8):
        client.get(reverse("eis:cell-panel", args=[10001]))


def test_points_are_downloaded_with_mask_and_fit(client_as, spectra):
    answer = client_as("viewer").get(reverse("eis:points", args=[spectra[0].pk, "csv"]))

    frame = pl.read_csv(io.BytesIO(answer.content))
    assert frame.columns[:3] == ["frequency_hertz", "real_impedance_ohm", "imaginary_impedance_ohm"]
    assert (frame["fitted_real_impedance_ohm"] - frame["real_impedance_ohm"]).abs().max() < 1e-3


def test_an_upload_is_imported_fitted_and_linked_to_its_cell(client_as, settings):
    settings.EIS_CIRCUIT = CIRCUIT
    client = client_as("member")
    sent = SimpleUploadedFile("mine.csv", eis_text())

    answer = client.post(
        reverse("eis:upload"), {"documents": sent, "cell_id": "10007", "start_cycle": "12"}
    )
    engine.drain()

    job = Job.objects.get(kind="eis.take_in")
    assert answer["Location"] == job.get_absolute_url()
    spectrum = ImpedanceSpectrum.objects.of_cell(10007).in_life_order().get()
    assert (spectrum.cycle, spectrum.fits.get().status) == (12, "fitted")
    assert job.result_url == spectrum.get_absolute_url()


def test_the_same_upload_twice_is_kept_once(client_as, settings):
    settings.EIS_CIRCUIT = CIRCUIT
    client = client_as("member")
    for name in ("one.csv", "other.csv"):
        client.post(reverse("eis:upload"), {"documents": SimpleUploadedFile(name, eis_text())})
        engine.drain()

    assert ImpedanceSpectrum.objects.count() == 1


def test_an_unreadable_upload_says_why_on_its_job(client_as):
    client_as("member").post(
        reverse("eis:upload"), {"documents": SimpleUploadedFile("words.txt", b"only words")}
    )
    engine.drain()

    job = Job.objects.get(kind="eis.take_in")
    assert "recognises" in job.result["failures"][0]["error"]


def test_rest_gives_spectra_points_and_fits(client_as, spectra):
    client = client_as("viewer")

    listed = client.get("/api/v1/eis/spectra/?cell_id=10001").json()["results"]
    rows = client.get(f"/api/v1/eis/fits/?spectrum={spectra[0].pk}").json()["results"]
    points = client.get(f"/api/v1/eis/spectra/{spectra[0].pk}/points/?format=csv")

    assert [row["fit_status"] for row in listed] == ["fitted"] * 3
    assert rows[0]["parameters"]["ZARC1_fc"]["value"] == pytest.approx(10, rel=1e-2)
    assert points.text.startswith("frequency_hertz")


def test_rest_masks_reviews_and_fits(client_as, spectra):
    client = client_as("curator")
    base = f"/api/v1/eis/spectra/{spectra[0].pk}"
    kind = {"content_type": "application/json"}

    masked = client.post(f"{base}/mask/", {"points": [1, 2]}, **kind)
    reviewed = client.post(f"{base}/review/", {"verdict": "accepted"}, **kind)
    fit = client.post(f"{base}/fit/", {"circuit": "zarc2-series"}, **kind)
    batch = client.post("/api/v1/eis/fits/", {"spectra": [s.pk for s in spectra]}, **kind)
    wrong = client.post(f"{base}/mask/", {"points": [99999]}, **kind)

    assert masked.json()["masked_points"] == [1, 2]
    assert reviewed.json()["review"] == "accepted"
    assert (fit.status_code, batch.status_code, wrong.status_code) == (202, 202, 400)


def test_rest_and_page_fit_again_after_a_mask(client_as, spectra):
    client = client_as("curator")
    before = spectra[0].fits.get().fingerprint

    answer = client.post(
        f"/api/v1/eis/spectra/{spectra[0].pk}/mask/",
        {"points": [3]},
        content_type="application/json",
    )
    job = Job.objects.get(pk=answer.json()["job"])
    engine.drain()

    assert job.trigger == Job.Trigger.API
    assert client.get(f"/api/v1/jobs/{job.pk}/").json()["state"] == "succeeded"
    assert spectra[0].fits.get().fingerprint != before


@pytest.mark.parametrize(
    ("role", "action", "status"),
    [
        ("viewer", "fit", 403),
        ("member", "fit", 202),
        ("member", "mask", 403),
        ("member", "review", 403),
        ("curator", "fit", 202),
        ("curator", "mask", 200),
    ],
)
def test_rest_asks_for_the_same_role_as_the_page(client_as, spectra, role, action, status):
    sent = {"fit": {"circuit": "R0-ZARC1"}, "mask": {"points": [3]}, "review": {"verdict": "open"}}

    answer = client_as(role).post(
        f"/api/v1/eis/spectra/{spectra[0].pk}/{action}/",
        sent[action],
        content_type="application/json",
    )

    assert answer.status_code == status
