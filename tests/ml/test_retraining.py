"""The impedance network trained on the lab's own spectra: a version, chosen by an admin."""

import pytest
from django.urls import reverse

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from cells.models import Folder
from eis.models import CircuitFit, GuessNetwork, ImpedanceSpectrum
from eis.network_guess import INPUTS
from eis.services import networks
from ml.services import impedance as services
from tests.eis.lab import add_file, eis_text

pytestmark = pytest.mark.django_db
CIRCUIT = "zarc1-series"  # one that the network knows


@pytest.fixture
def spectra(settings, tmp_path):
    """Twenty-four spectra of twelve files; no fit yet."""
    settings.EIS_CIRCUIT = CIRCUIT
    path = tmp_path / "eis"
    path.mkdir()
    folder = Folder.objects.create(name="Potentiostat", path=str(path))
    ids = [
        add_file(folder, f"{i}.csv", eis_text(1 + i / 20, 2 + i / 20), start_cycle=i).pk
        for i in range(12)
    ]
    engine.enqueue("eis.import_files", {"file_ids": ids}, trigger=Job.Trigger.COMMAND)
    engine.drain()
    return list(ImpedanceSpectrum.objects.order_by("pk"))


def train(people, **wanted) -> Job:
    pytest.importorskip("torch")
    job = services.request_training(
        steps=2, by=people["curator"], trigger=Job.Trigger.PAGE, **wanted
    )
    engine.drain()
    job.refresh_from_db()
    return job


def fit_one(spectrum) -> CircuitFit:
    engine.enqueue("eis.fit_spectra", {"spectrum_ids": [spectrum.pk]}, trigger=Job.Trigger.COMMAND)
    engine.drain()
    return CircuitFit.objects.get(spectrum=spectrum)


def kept(content: bytes = b"no network at all", **story) -> GuessNetwork:
    return networks.keep_network(content, story={"inputs": INPUTS, **story}, quality={})


@pytest.mark.slow  # PyTorch, its exporter and ONNX Runtime take seconds to load
def test_a_training_becomes_a_version_that_starts_fits_once_it_is_chosen(spectra, people):
    job = train(people)

    assert job.state == Job.State.SUCCEEDED, job.error
    row = GuessNetwork.objects.get()
    assert job.result_url == reverse("ml:impedance")
    assert (row.number, row.is_in_use, row.trained_by) == (1, False, people["curator"])
    assert row.story["inputs"] == INPUTS
    assert row.story["own_spectra"] == 22  # a file of two is kept out
    assert [step for step, _ in row.story["losses"]] == [1, 2]
    assert row.quality["own"]["new"]["spectra"] == 2
    assert row.quality["generated"]["shipped"]["median"] < 1
    assert storage("weights").size(row.weights_name) == row.size_bytes

    networks.choose_network(1, by=people["admin"])
    fit = fit_one(spectra[0])
    networks.choose_network(None, by=people["admin"])
    other = fit_one(spectra[1])

    assert fit.versions["network"].startswith("network 1 (")
    assert other.versions["network"] == networks.shipped_version()
    assert (fit.status, other.status) == ("fitted", "fitted")


def test_weights_that_can_not_be_read_cost_no_fit(spectra):
    row = kept()
    networks.choose_network(row.number)

    fit = fit_one(spectra[0])

    assert (fit.status, fit.versions["network"]) == ("fitted", networks.shipped_version())
    job = Job.objects.get(kind="eis.fit_spectra")
    assert "network 1 can not be used" in job.log_lines.get().text


def test_a_network_of_other_inputs_is_refused(spectra):
    row = networks.keep_network(b"old", story={"inputs": "impedance-inputs/0"}, quality={})

    with pytest.raises(LabError, match="impedance-inputs/0"):
        networks.choose_network(row.number)


def test_a_training_is_cancelled_between_steps(spectra, people, monkeypatch):
    pytest.importorskip("torch")
    from ml import impedance_training

    def one_step(options, own, *, losses):
        engine.cancel(Job.objects.get(kind=services.KIND))
        options.progress(options.steps, options.steps, 0.1)
        raise AssertionError("went on")

    monkeypatch.setattr(impedance_training, "train", one_step)

    assert train(people).state == Job.State.CANCELLED
    assert not GuessNetwork.objects.exists()


def test_too_few_spectra_are_said_so_before_anything_starts(people):
    with pytest.raises(LabError, match="has 0 spectra"):
        services.request_training(by=people["curator"], trigger=Job.Trigger.PAGE)


def test_curators_train_and_admins_choose_on_the_page(spectra, client_as):
    kept(steps="2", own_spectra=22, seed="1", seconds=3, losses=[[1, 2.0], [2, 1.5]])
    page, choose = reverse("ml:impedance"), reverse("ml:choose-impedance")
    sent = {"steps": "2", "own_share": "0.5", "seed": "1"}

    assert client_as("member").post(page, sent).status_code == 403
    assert client_as("curator").post(choose, {"number": "1"}).status_code == 403
    started = client_as("curator").post(page, sent)
    client_as("admin").post(choose, {"number": "1"})
    chosen = client_as("viewer").get(page).text
    client_as("admin").post(choose)
    drawn = client_as("viewer").get(reverse("ml:impedance-losses", args=[1])).json()

    assert started["Location"] == services.training_now().get_absolute_url()
    assert (
        "network 1, trained on the lab&#x27;s spectra" in chosen or "network 1, trained" in chosen
    )
    assert "A training is under way" in chosen
    assert drawn["data"][0]["y"] == [2.0, 1.5]
    assert not GuessNetwork.objects.filter(is_in_use=True).exists()


def test_a_second_click_starts_no_second_training(spectra, people):
    first, second = (
        services.request_training(by=people["curator"], trigger=Job.Trigger.PAGE) for _ in range(2)
    )

    assert first == second


def test_rest_lists_trains_and_chooses(spectra, client_as):
    kept()
    kind = {"content_type": "application/json"}
    base = "/api/v1/ml/impedance-network"

    listed = client_as("viewer").get(f"{base}s/").json()["results"]
    started = client_as("curator").post(f"{base}s/", {"steps": 2}, **kind)
    refused = client_as("curator").post(f"{base}-in-use/", {"number": 1}, **kind)
    chosen = client_as("admin").post(f"{base}-in-use/", {"number": 1}, **kind)
    unknown = client_as("admin").post(f"{base}-in-use/", {"number": 7}, **kind)

    assert [row["number"] for row in listed] == [1]
    assert (started.status_code, refused.status_code, unknown.status_code) == (202, 403, 400)
    assert chosen.json() == client_as("viewer").get(f"{base}-in-use/").json() == {"number": 1}
