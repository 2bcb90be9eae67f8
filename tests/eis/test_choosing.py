"""Circuits that the lab composes, and the comparison of circuits on one spectrum."""

import pytest
from django.urls import reverse

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import Folder
from eis.circuits import NAMED_CIRCUITS
from eis.models import CircuitFit, ImpedanceSpectrum, LabCircuit, SpectrumDecision
from eis.services import circuits
from eis.services import spectra as services
from tests.eis.lab import CIRCUIT, add_file, eis_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def spectrum(settings, tmp_path):
    settings.EIS_CIRCUIT = CIRCUIT
    path = tmp_path / "eis"
    path.mkdir()
    folder = Folder.objects.create(name="Potentiostat", path=str(path))
    file = add_file(folder, "one.csv", eis_text())
    engine.enqueue("eis.take_in", {"file_ids": [file.pk]}, trigger=Job.Trigger.COMMAND)
    engine.drain()
    return ImpedanceSpectrum.objects.get()


def compare(spectrum, *texts: str, **params) -> Job:
    job = engine.enqueue(
        "eis.compare_circuits",
        {"spectrum_ids": [spectrum.pk], "circuits": [*texts], **params},
        trigger=Job.Trigger.PAGE,
    )
    engine.drain()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error
    return job


def in_use() -> CircuitFit:
    return CircuitFit.objects.get(is_chosen=True)


def test_the_circuit_that_made_the_spectrum_is_preferred(spectrum):
    job = compare(spectrum, "R0-CPE1", CIRCUIT, "R0-ZARC1-ZARC2-CPE0")

    preferred = CircuitFit.objects.get(is_preferred=True)
    assert preferred.circuit == CIRCUIT
    assert job.result["preferred"] == {CIRCUIT: 1}
    by_circuit = dict(CircuitFit.objects.values_list("circuit", "criterion"))
    assert by_circuit["R0-CPE1"] > by_circuit[CIRCUIT] + 100


def test_a_comparison_leaves_the_circuit_in_use(spectrum):
    compare(spectrum, "R0-CPE1", "R0-ZARC1")

    assert in_use().circuit == CIRCUIT
    assert CircuitFit.objects.count() == 3


def test_a_comparison_may_choose_for_the_spectrum(spectrum):
    services.choose_circuit(spectrum, "R0-CPE1")

    compare(spectrum, "R0-CPE1", CIRCUIT, use=True)

    spectrum.refresh_from_db()
    assert (spectrum.circuit, in_use().circuit) == (CIRCUIT, CIRCUIT)


def test_a_circuit_that_no_number_of_points_holds_is_named_and_the_others_stay(spectrum):
    spectrum.masked_points = list(range(6, spectrum.point_count))
    spectrum.save()

    job = compare(spectrum, "thesis", "R0-C1")

    assert job.result["preferred"] == {"R0-C1": 1}
    assert CircuitFit.objects.get(circuit=NAMED_CIRCUITS["thesis"].text).criterion is None


def test_a_person_compares_and_uses_another_circuit_at_once(client_as, spectrum):
    client = client_as("member")
    page = reverse("eis:spectrum", args=[spectrum.pk])

    answer = client.post(reverse("eis:compare", args=[spectrum.pk]), {"family": "arcs"})
    engine.drain()
    shown = client.get(page).text
    other = CircuitFit.objects.get(circuit=NAMED_CIRCUITS["zarc2-l-lzarc-series"].text)
    used = client.post(reverse("eis:use", args=[spectrum.pk, other.pk]))

    assert answer["Location"] == Job.objects.get(kind="eis.compare_circuits").get_absolute_url()
    assert "preferred" in shown
    assert used["Location"] == page
    spectrum.refresh_from_db()
    assert in_use() == other
    assert spectrum.circuit == other.circuit
    assert SpectrumDecision.objects.get().kind == "circuit"


def test_a_fit_of_other_points_is_made_again_when_it_is_used(client_as, spectrum):
    compare(spectrum, "R0-ZARC1")
    old = CircuitFit.objects.get(circuit="R0-ZARC1")
    services.mask_points(spectrum, [2, 3])

    answer = client_as("member").post(reverse("eis:use", args=[spectrum.pk, old.pk]))
    engine.drain()

    assert answer["Location"] == Job.objects.latest("created_at").get_absolute_url()
    assert in_use().circuit == "R0-ZARC1"
    assert services.is_of_today(in_use(), ImpedanceSpectrum.objects.get())


def test_rest_compares_many_and_chooses(client_as, spectrum):
    client = client_as("member")
    sent = {"spectra": [spectrum.pk], "family": "arcs", "use": True}

    answer = client.post("/api/v1/eis/fits/compare/", sent, content_type="application/json")
    engine.drain()

    assert answer.status_code == 202
    assert client.get(answer["Location"]).json()["state"] == "succeeded"
    assert in_use().is_preferred


def test_the_preview_draws_a_circuit_or_says_where_it_is_wrong(client_as):
    client = client_as("viewer")
    address = reverse("eis:circuit-preview")

    good = client.get(address, {"circuit": "R0-p(R1,CPE1)-Wo1"}).text
    wrong = client.get(address, {"circuit": "R0-p(R1,"}).text
    name = client.get(address, {"circuit": "zarc1-series"}).text

    assert "<svg" in good
    assert "6 parameters" in good
    assert "<svg" not in wrong
    assert "alert" in wrong
    assert NAMED_CIRCUITS["zarc1-series"].text in name


def test_a_composed_circuit_is_named_and_chosen_by_its_name(client_as, spectrum):
    client = client_as("member")
    sent = {"name": "sym-cell", "circuit": " R0 - p(R1, CPE1) - W1 ", "note": "symmetric cells"}

    client.post(reverse("eis:circuits"), sent)
    client.post(reverse("eis:fit", args=[spectrum.pk]), {"circuit": "sym-cell"})
    engine.drain()

    page = client.get(reverse("eis:circuits")).text
    assert in_use().circuit == "R0-p(R1,CPE1)-W1"
    assert "1 fit in use" in page
    assert "sym-cell" in client.get(reverse("eis:spectrum", args=[spectrum.pk])).text


def test_forgetting_a_name_keeps_the_fits(client_as, spectrum):
    own = circuits.save_circuit("sym-cell", CIRCUIT)

    assert client_as("member").post(reverse("eis:delete-circuit", args=[own.pk])).status_code == 403
    client_as("curator").post(reverse("eis:delete-circuit", args=[own.pk]))

    assert not LabCircuit.objects.exists()
    assert in_use().circuit == CIRCUIT


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("Sym Cell", CIRCUIT, "can not be the name"),
        ("thesis", CIRCUIT, "is a circuit already"),
        ("taken", CIRCUIT, "called 'taken'"),
        ("fine", "R0-p(R1", "can not be read"),
    ],
)
def test_a_name_or_a_circuit_that_can_not_be_is_refused_in_words(name, text, message):
    circuits.save_circuit("taken", "R0-C1")

    with pytest.raises(LabError, match=message):
        circuits.save_circuit(name, text)


def test_the_page_shows_every_built_in_circuit_in_few_queries(
    client_as, django_assert_max_num_queries
):
    for number in range(4):
        circuits.save_circuit(f"own-{number}", CIRCUIT)
    client = client_as("viewer")
    client.get(reverse("eis:circuits"))

    with django_assert_max_num_queries(8):
        page = client.get(reverse("eis:circuits")).text

    assert page.count('class="circuit"') == len(NAMED_CIRCUITS) + 4 + 1


def test_rest_lists_names_and_refuses_circuits(client_as):
    client = client_as("curator")
    kind = {"content_type": "application/json"}
    sent = {"name": "sym-cell", "circuit": "R0-p(R1,CPE1)"}

    made = client.post("/api/v1/eis/circuits/", sent, **kind)
    again = client.post("/api/v1/eis/circuits/", sent, **kind)
    wrong = client.post("/api/v1/eis/circuits/", {"name": "x-y", "circuit": "R0-("}, **kind)
    built_in = client.get("/api/v1/eis/circuits/built-in/").json()
    gone = client.delete(f"/api/v1/eis/circuits/{made.json()['id']}/")

    assert (made.status_code, again.status_code, wrong.status_code) == (201, 400, 400)
    assert "fix" in wrong.json()
    assert len(built_in) == 25
    assert built_in[0]["parameters"]["R0"] == "Ω"
    assert gone.status_code == 204
