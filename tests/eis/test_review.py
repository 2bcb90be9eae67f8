"""The batch review: filters, the place in the queue, undoing, and a fit that is under way."""

import pytest
from django.urls import reverse

from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import Dataset, DatasetCell, Folder, WetCell
from eis.models import CircuitFit, ImpedanceSpectrum
from tests.eis.lab import CIRCUIT, add_file, eis_text

pytestmark = pytest.mark.django_db
REVIEW = "/eis/review/"


@pytest.fixture
def spectra(settings, tmp_path):
    """Two spectra each of cells 10001 and 10002, with errors 0.1, 0.2, 0.3, 0.4."""
    settings.EIS_CIRCUIT = CIRCUIT
    path = tmp_path / "eis"
    path.mkdir()
    folder = Folder.objects.create(name="Potentiostat", path=str(path))
    ids = [
        add_file(folder, f"{cell}.csv", eis_text(1, 2), cell_id=cell).pk for cell in (10001, 10002)
    ]
    engine.enqueue("eis.take_in", {"file_ids": ids}, trigger=Job.Trigger.COMMAND)
    engine.drain()
    rows = list(ImpedanceSpectrum.objects.order_by("name"))
    for place, row in enumerate(rows, 1):
        row.fits.update(scaled_error=place / 10)
    return rows


def shown(page: str) -> str:
    return page.split("</a></h2>")[0].rsplit(">", 1)[1]


def test_the_review_is_of_one_cell_dataset_or_circuit(client_as, spectra):
    dataset = Dataset.objects.create(name="Set", slug="set")
    cell = WetCell.objects.create(cell_id=10001)
    DatasetCell.objects.create(dataset=dataset, wet_cell=cell)
    CircuitFit.objects.filter(spectrum=spectra[2]).update(circuit="R0-C1")
    client = client_as("curator")

    pages = {
        name: client.get(f"{REVIEW}?{name}={value}").text
        for name, value in (("cell", 10002), ("dataset", "set"), ("circuit", "R0-C1"))
    }

    assert {name: shown(page) for name, page in pages.items()} == {
        "cell": "10002 #2",
        "dataset": "10001 #2",
        "circuit": "10002 #1",
    }
    assert ["1 of 2" in pages[name] for name in ("cell", "dataset")] == [True, True]
    assert '<option value="set" selected>' in pages["dataset"]


@pytest.mark.parametrize("query", ["?cell=99999999999999", "?at=-1", "?spectrum=x", "?at=9999999"])
def test_an_address_that_makes_no_sense_shows_the_queue(client_as, spectra, query):
    assert "of 4" in client_as("viewer").get(REVIEW + query).text


def test_a_spectrum_that_is_fitted_again_stays_in_view(client_as, spectra):
    client = client_as("curator")
    page = client.get(REVIEW).text
    stay = f"{REVIEW}?&spectrum={spectra[3].pk}"
    assert stay.replace("&", "&amp;") in page

    answer = client.post(
        reverse("eis:fit", args=[spectra[3].pk]), {"circuit": "R0-ZARC1", "next": stay}
    )
    before = client.get(answer["Location"]).text
    engine.drain()
    CircuitFit.objects.filter(spectrum=spectra[3], is_chosen=True).update(scaled_error=0.15)
    after = client.get(answer["Location"]).text

    assert "being fitted again" in before
    assert "being fitted again" not in after
    assert (shown(after), "3 of 4" in after) == ("10002 #2", True)


def test_the_end_of_a_fit_reloads_the_page(client_as, spectra):
    client = client_as("member")
    address = reverse("eis:pending", args=[spectra[0].pk])
    client.post(reverse("eis:fit", args=[spectra[0].pk]), {"circuit": "R0-ZARC1"})

    running = client.get(address)
    engine.drain()
    ended = client.get(address)

    assert "being fitted again" in running.text
    assert ended["HX-Refresh"] == "true"


def test_the_last_review_is_undone_and_comes_back(client_as, spectra):
    client = client_as("curator")
    here = f"{REVIEW}?at=0"
    client.post(reverse("eis:decide", args=[spectra[3].pk]), {"verdict": "rejected", "next": here})
    page = client.get(here).text
    decision = spectra[3].decisions.get()

    answer = client.post(reverse("eis:undo", args=[spectra[3].pk, decision.pk]), {"next": here})

    assert "Undo last" in page
    assert answer["Location"] == here
    assert "1 of 4" in client.get(here).text
    assert not Job.objects.active().exists()  # a verdict changes no fit


def test_failed_fits_come_first_and_have_a_place(client_as, spectra):
    CircuitFit.objects.filter(spectrum=spectra[0]).update(scaled_error=None, status="failed")
    client = client_as("viewer")

    assert shown(client.get(REVIEW).text) == "10001 #1"
    assert "1 of 4" in client.get(f"{REVIEW}?spectrum={spectra[0].pk}").text
    assert "2 of 4" in client.get(f"{REVIEW}?spectrum={spectra[3].pk}").text


def test_the_percentile_does_not_move_with_verdicts(client_as, spectra):
    client = client_as("curator")
    address = f"{REVIEW}?spectrum={spectra[1].pk}"

    before = client.get(address).context["percentile"]
    ImpedanceSpectrum.objects.filter(pk__in=[spectra[0].pk, spectra[3].pk]).update(
        review="accepted"
    )
    after = client.get(address)

    assert (before, after.context["percentile"]) == (50, 50)
    assert "2 of 2" in after.text


def test_the_review_says_what_the_kramers_kronig_test_found(client_as, spectra):
    validity = {"verdict": "invalid", "reason": "The cell changed.", "root_mean_square": 0.0123,
                "outliers": [2]}  # fmt: skip
    ImpedanceSpectrum.objects.filter(pk=spectra[3].pk).update(validity=validity)
    client = client_as("viewer")

    pages = [client.get(address).text for address in (REVIEW, spectra[3].get_absolute_url())]

    for page in pages:
        assert "invalid, 1.23 %, 1 outlier" in page
        assert "The cell changed." in page


def test_the_review_costs_the_same_for_any_number(
    client_as, spectra, django_assert_max_num_queries
):
    client = client_as("curator")
    client.get(REVIEW)

    with django_assert_max_num_queries(26):
        client.get(f"{REVIEW}?cell=10001&at=1")


def test_outliers_are_offered_to_be_chosen(client_as, spectra):
    validity = {"verdict": "valid", "reason": "", "root_mean_square": 0.01, "outliers": [4, 7]}
    ImpedanceSpectrum.objects.filter(pk=spectra[3].pk).update(validity=validity)

    page = client_as("curator").get(REVIEW).text

    assert 'data-points="4,7"' in page
    assert "Choose 2 outliers" in page
