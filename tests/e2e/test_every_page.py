"""Every page of the site in a browser, on a phone and on a desk, in both themes."""

import tempfile
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.core.files import File
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse

from battery_db.accounts.services import create_token
from battery_db.lib.runs.models import Job
from battery_db.lib.spectra import Spectrum
from battery_db.lib.storage import storage
from cells.compositions import Component, Recipe
from cells.kinds import KINDS
from cells.models import (
    BLUEPRINTS,
    LOTS,
    PARTS,
    Dataset,
    DatasetCell,
    DatasetFilter,
    FileMetadata,
    FilterRange,
    Folder,
    Molecule,
    RawFile,
    Snapshot,
    WetCell,
)
from cells.search_tree import Node
from cells.services.materials import edit_electrolyte
from cells.services.nodes import save_lot, save_node
from cycling.models import CellState, CycleGroup, CyclingTest, HalfCycle
from eis.fitting import fit_spectra
from eis.jobs import fitting
from eis.models import ImpedanceFile, ImpedanceSpectrum, SpectrumDecision
from eis.points import write_points
from eis.services.circuits import circuit_of
from ftir.models import (
    Calibration,
    CalibrationComponent,
    CalibrationSample,
    Composition,
    InfraredSpectrum,
)
from tests.accounts.routes import all_routes
from tests.e2e.waiting import wait_until
from tests.eis.lab import CIRCUIT, FREQUENCY, impedance

pytestmark = pytest.mark.django_db(transaction=True)

JOB = uuid.UUID(int=1)
NOW = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
LONG = "Sb_CYC_10001_NW_c46_42V_40C_1C1C_" + "a-very-long-part-of-a-name" * 4 + ".txt"
# Each object of the lab has the key 1, or one of these.
KEYS = {
    "cell_id": 10001,
    "slug": "a-dataset",
    "job_id": JOB,
    "quantity": "discharge_capacity",
    "figure": "composition",
    "plot": "nyquist",
    "encoding": "csv",
}
WORD = "a-very-long-part-of-a-name"
# Both electrodes are cathodes, so that they can be merged.
VALUES = {
    "smiles": "C1COC(=O)O1",
    "lower_cutoff_voltage": 2.5,
    "polarity": "cathode",
    "anode": None,
}
# Pages that show more when they are asked something.
QUESTIONS = {
    "cells:node-merge": ["gone=2"],
    "cells:search-tree": [
        "find=cells&visuals=on",
        *(f"find={node}&among=all" for node in Node),
    ],
}
WIDER_THAN_THE_SCREEN = """
    document.documentElement.scrollWidth - document.documentElement.clientWidth
"""
# Longer than its own element: the footer lies over it.
LONGER_THAN_ITS_PLACE = """
    (main => main.scrollHeight > main.clientHeight)(document.getElementById("main"))
"""

LOADING = ".htmx-request:not(#jobs-widget), .plot[data-plot-state=loading]"
SETTLED = f"() => window.htmx && !document.querySelector('{LOADING}')"


@pytest.fixture
def lab(people):
    """One object of each kind, with names as long as they get."""
    electrolyte, dry_cell = make_nodes()
    cell = WetCell.objects.create(
        pk=1,
        cell_id=10001,
        electrolyte=electrolyte,
        electrolyte_lot=electrolyte.lots.get(),
        dry_cell=dry_cell,
        dry_cell_lot=dry_cell.lots.get(),
    )
    folder = Folder.objects.create(pk=1, name="Neware", path="/nowhere/at/all")
    file = RawFile.objects.create(
        pk=1,
        folder=folder,
        path=f"rack/{LONG}",
        name=LONG,
        size=10,
        modified_at=NOW,
        mtime_ns=1,
        sha256="a" * 64,
        state=RawFile.State.STABLE,
        changed_at=NOW,
    )
    FileMetadata.objects.create(pk=1, file=file, cell_id=10001, experiment="cycling", is_valid=True)
    Job.objects.create(pk=JOB, kind="a.kind", title="Import", queue="default", trigger="page")
    create_token(people["admin"], "script")
    make_dataset(cell)
    make_cycles(file)
    make_spectra()
    make_impedance(folder)


def make_nodes():
    """One node of each kind under key 1, with a lot, and a second one to merge into it."""
    made = {}
    for key, kind in KINDS.items():
        for row in nodes_of(key, made):
            groups = [] if key == "electrolyte" else kind.parts
            save_node(
                row,
                [
                    PARTS[key, group](
                        material=made[part], amount=3 if group == "inactives" else 100
                    )
                    for group, part in groups
                    if part in made
                ],
            )
            made.setdefault(key, row)
        if kind.has_lots:
            label = {LOTS[key].label_field: f"{WORD}-{key}"}
            save_lot(LOTS[key](pk=1, blueprint=made[key], vendor=WORD, notes=WORD, **label))
    solvent = Component(made["molecule"].name, "solvent", Decimal(100), "wt%")
    edit_electrolyte(made["electrolyte"], Recipe((solvent,), f"{WORD} 1", True))
    return made["electrolyte"], made["dry-cell"]


def nodes_of(key, made):
    """Two unsaved rows with all that their kind can say, the first with key 1."""
    model, kind = BLUEPRINTS[key], KINDS[key]
    for number in (1, 2):
        row = model(pk=number, notes=f"{WORD} {number}", proprietary=True, shown=kind.flagged)
        for found in kind.attributes:
            value = made[found.refers_to] if found.refers_to else value_of(row, found)
            setattr(row, found.field, VALUES.get(found.field, value))
        if kind.head:
            setattr(row, kind.head, f"{WORD}-{number}")
        if key == "molecule":
            row.default_role = "solvent"
        yield row


def value_of(row, attribute):
    if attribute.type == "choice":
        return row._meta.get_field(attribute.field).choices[-1][0]
    return 12 if attribute.type == "number" else WORD


def make_spectra():
    spectrum = InfraredSpectrum.objects.create(
        pk=1, name=LONG, sha256="c" * 64, status="imported", imported_at=NOW
    )
    calibration = Calibration.objects.create(pk=1, name="A calibration " * 7)
    solvent = Molecule.objects.get(pk=1)
    CalibrationComponent.objects.create(calibration=calibration, molecule=solvent, position=0)
    CalibrationSample.objects.create(calibration=calibration, spectrum=spectrum, mass_ratio=[1.0])
    Composition.objects.create(
        spectrum=spectrum,
        calibration=calibration,
        verdict="Out of calibration: not explained near 1831 1/cm.",
        concerns=["A concern. " * 20],
        estimated_at=NOW,
    )


def make_dataset(cell):
    dataset = Dataset.objects.create(pk=1, name="A dataset", slug="a-dataset")
    DatasetCell.objects.create(pk=1, dataset=dataset, wet_cell=cell, name="control " * 20)
    chosen = DatasetFilter.objects.create(pk=1, dataset=dataset, name="C/2")
    FilterRange.objects.create(
        filter=chosen, polarity="charge", attribute="constant_rate", minimum=0.4
    )
    snapshot = Snapshot.objects.create(
        pk=1, title=dataset.name, digest="b" * 64, selection={"cells": []}
    )
    snapshot.datasets.add(dataset, through_defaults={"position": 0})


def make_cycles(file):
    test = CyclingTest.objects.create(
        pk=1, file=file, sha256=file.sha256, status="imported", imported_at=NOW, row_count=100
    )
    state = CellState.objects.create(cell_id=10001, theoretical_capacity_ah=0.24)
    group = CycleGroup.objects.create(cell=state, polarity="discharge", number=1, size=20)
    HalfCycle.objects.bulk_create(
        HalfCycle(
            test=test,
            group=group,
            polarity="discharge",
            ordinal=cycle,
            cycle_count=cycle,
            first_row=cycle,
            last_row=cycle + 1,
            start_time_second=cycle * 3600,
            duration_second=3600,
            capacity_ah=0.24 - cycle * 0.001,
            energy_wh=0.9,
        )
        for cycle in range(1, 21)
    )


def make_impedance(folder):
    file = RawFile.objects.create(
        pk=2, folder=folder, path=f"eis/{LONG}", name=LONG, size=10, modified_at=NOW, mtime_ns=1,
        sha256="c" * 64, state=RawFile.State.STABLE, changed_at=NOW,
    )  # fmt: skip
    FileMetadata.objects.create(
        pk=2, file=file, cell_id=10001, experiment="impedance", is_valid=True
    )
    with tempfile.TemporaryFile() as draft:
        write_points([Spectrum(FREQUENCY, impedance())], draft, {})
        draft.seek(0)
        storage("series").save("eis/one.parquet", File(draft))
    source = ImpedanceFile.objects.create(
        pk=1, file=file, sha256=file.sha256, status="imported", imported_at=NOW,
        series_name="eis/one.parquet",
    )  # fmt: skip
    spectrum = ImpedanceSpectrum.objects.create(
        pk=1, source=source, number=1, name=LONG, point_count=len(FREQUENCY),
        lowest_hertz=FREQUENCY[-1], highest_hertz=FREQUENCY[0], masked_points=[1, 2],
    )  # fmt: skip
    (result,) = fit_spectra([Spectrum(FREQUENCY, impedance())], circuit_of(CIRCUIT))
    with transaction.atomic():
        fitting.save_fits([fitting.make_fit(spectrum, circuit_of(CIRCUIT), result)])
    SpectrumDecision.objects.create(
        pk=1, spectrum=spectrum, kind="mask", before=[], after=[1, 2], reason="a reason " * 20
    )


def pages_of(user) -> list[str]:
    """Addresses that answer GET with a whole page: no fragment, figure or download."""
    client = Client()
    client.force_login(user)
    found = []
    for route in all_routes():
        if route.api_class is not None or route.is_admin_site:
            continue
        for address in addresses_of(route):
            answer = client.get(address)
            is_page = answer["Content-Type"].startswith("text/html") and answer.status_code == 200
            if is_page and not answer.streaming and 'id="main"' in answer.text:
                found.append(address)
            answer.close()
    return found


def addresses_of(route) -> list[str]:
    """The address with the keys of the lab, for every kind of node, and with its questions."""
    kinds = KINDS if "kind" in route.parameters else [""]
    addresses = []
    for kind in kinds:
        keys = {name: kind if name == "kind" else KEYS.get(name, 1) for name in route.parameters}
        try:
            address = reverse(route.name, kwargs=keys)
        except NoReverseMatch:
            if kind:
                continue
            address = route.path
        addresses.append(address)
        if route.name in QUESTIONS:
            addresses += [f"{address}?{question}" for question in QUESTIONS[route.name]]
    return addresses


def test_every_page_fits_and_complains_of_nothing(page, sign_in, lab, people):
    addresses = pages_of(people["admin"])
    sign_in("admin")
    too_wide = {}
    too_long = set()

    for address in addresses:
        page.goto(address)
        wait_until(page, SETTLED)
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 800})
            overhang = page.evaluate(WIDER_THAN_THE_SCREEN)
            if overhang > 0:
                too_wide[address, width] = overhang
            if page.evaluate(LONGER_THAN_ITS_PLACE):
                too_long.add((address, width))

    assert too_wide == {}
    assert too_long == set()
    assert len(addresses) > 80


def test_a_plot_is_drawn_and_follows_the_theme(page, sign_in, lab):
    sign_in("viewer")
    page.goto("/cells/10001/")
    plot = page.locator(".plot.js-plotly-plot").first
    plot.wait_for()
    ink = "document.querySelector('.plot .xtick text').style.fill"
    light = page.evaluate(ink)

    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Dark").click()
    wait_until(page, f"{ink} !== '{light}'")
    page.reload()

    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def test_the_keyboard_reaches_search_and_content(page, sign_in, lab):
    sign_in("viewer")
    page.goto("/files/")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("/")
    page.keyboard.type("10001")
    page.keyboard.press("Enter")

    page.wait_for_url("**/cells/10001/")


def test_the_navigation_stays_in_sight_on_a_long_page(page, sign_in, lab):
    page.set_viewport_size({"width": 1440, "height": 400})
    sign_in("viewer")
    page.goto("/cells/10001/")
    page.locator(".plot.js-plotly-plot").first.wait_for()

    page.evaluate("window.scrollTo(0, 600)")

    assert page.evaluate("window.scrollY") == 600
    assert page.evaluate("document.getElementById('sidebar').getBoundingClientRect().top") == 0


def test_the_navigation_of_a_phone_opens_and_closes(page, sign_in, lab):
    page.set_viewport_size({"width": 390, "height": 800})
    sign_in("viewer")
    links = page.get_by_role("navigation", name="Main")

    assert not links.is_visible()
    page.get_by_role("button", name="Open navigation").click()
    links.get_by_role("link", name="Datasets").click()

    page.wait_for_url("**/datasets/")
    assert not links.is_visible()


def test_the_documentation_of_the_api_loads_without_the_internet(page, sign_in, lab):
    sign_in("viewer")
    page.goto("/api/docs/")

    # Swagger UI draws what is further down when somebody scrolls there.
    page.locator(".opblock [data-path^='/api/v1/']").first.wait_for()
