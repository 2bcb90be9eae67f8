"""The main job, as a person and a program do it: from cycler files to a trained model.

The same test runs on the embedded profile and on PostgreSQL with Redis and two workers.
"""

import re
import zipfile

import pandas as pd
import pytest

from ml.client import Client
from tests.e2e import labs

pytestmark = [pytest.mark.slow, pytest.mark.services]


@pytest.fixture(params=["embedded", "server"])
def lab(request, tmp_path):
    start = {"embedded": labs.embedded_lab, "server": labs.server_lab}[request.param]
    with start(tmp_path) as running:
        yield running


@pytest.fixture
def tab(browser, lab):
    """A signed-in member's tab; complaints in its console fail the test."""
    context = browser.new_context(base_url=lab.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(60_000)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: m.type == "error" and complaints.append(m.text))
    page.goto("/")
    page.locator("input[name=username]").fill("member")
    page.locator("input[name=password]").fill("demo-member-lab")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "login" not in url)
    yield page
    context.close()
    assert complaints == []


def test_the_first_night_ends_with_a_model_that_learned_ten_cycles(tab, lab):
    run_the_night(tab)
    look_at_a_cell(tab)
    slug = make_a_dataset(tab)
    tables = export_csv(tab, slug)
    token = make_a_token(tab)

    assert tables
    for table in tables.values():
        assert table.shape[1] == 20
        assert len(table) > 10
        # A cycle that still runs has its numbers empty.
        assert table["Total Discharge Capacity (mAh)"].dropna().between(50, 2000).all()
    assert overfit(Client(lab.url, token), slug) < 0.02


def run_the_night(tab):
    tab.get_by_role("button", name="Run now").click()
    wait_for_job(tab)
    tab.goto("/")
    report = tab.locator("main").inner_text()
    assert re.search(r"\d+ files imported", report), report
    assert "What failed, and why" in report


def look_at_a_cell(tab):
    tab.keyboard.press("/")
    tab.keyboard.type("10001")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/cells/10001/")
    tab.locator(".plot .main-svg").nth(1).wait_for()
    legend = tab.locator(".plot").first.locator(".legendtext").all_text_contents()
    assert any("C to" in name or re.search(r"C/\d+", name) for name in legend), legend


def make_a_dataset(tab):
    tab.goto("/cells/?q=2%25VC")
    tab.get_by_label("Name of the new dataset").fill("Vinylene carbonate")
    tab.get_by_role("button", name=re.compile("Add all")).click()
    tab.goto("/datasets/vinylene-carbonate/")
    tab.get_by_role("link", name="New filter").click()
    tab.locator("input[name=name]").fill("1C discharge")
    tab.locator("input[name=discharge-constant_rate-minimum]").fill("0.85")
    tab.locator("input[name=discharge-constant_rate-maximum]").fill("1.5")
    tab.get_by_role("button", name="Save").click()
    tab.get_by_text("1C discharge").first.wait_for()
    return "vinylene-carbonate"


def export_csv(tab, slug):
    tab.goto(f"/datasets/{slug}/")
    tab.get_by_role("button", name="Export", exact=True).click()
    wait_for_job(tab)
    tab.goto(f"/datasets/{slug}/")
    with tab.expect_download() as download:
        tab.locator("a[href^='/cycling/exports/']").first.click()
    archive = zipfile.ZipFile(download.value.path())
    assert all(re.fullmatch(r"[^/]+/[^/]+/[^/]+\.csv", name) for name in archive.namelist())
    return {name: pd.read_csv(archive.open(name)) for name in archive.namelist()}


def make_a_token(tab):
    tab.goto("/account/tokens/")
    tab.locator("input[name=name]").fill("notebook")
    tab.get_by_role("button", name=re.compile("Create|Make")).click()
    return tab.locator("#token-text").input_value()


def wait_for_job(tab):
    """Until the job page says, by itself, that the job has succeeded."""
    tab.wait_for_url("**/jobs/**")
    tab.locator("[data-job-state=succeeded]").wait_for(timeout=240_000)


def overfit(client, slug):
    """Relative error of a tiny network that has seen ten half-cycles often enough."""
    import torch

    torch.manual_seed(0)
    dataset = client.torch_dataset(client.compile(slug))
    rows = [dataset[index] for index in range(len(dataset))]
    rows = [row for row in rows if row["polarity"] < 0 and row["cc_mask"].sum() > 20][:10]
    assert len(rows) == 10
    curves = torch.stack([row["cc_capacity"] for row in rows]).float()
    masks = torch.stack([row["cc_mask"] for row in rows]).float()
    inputs = torch.eye(10)
    scale = curves.max()
    model = torch.nn.Sequential(
        torch.nn.Linear(10, 64), torch.nn.Tanh(), torch.nn.Linear(64, curves.shape[1])
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(600):
        optimiser.zero_grad()
        loss = (((model(inputs) - curves / scale) * masks) ** 2).sum() / masks.sum()
        loss.backward()
        optimiser.step()
    return float(loss.detach().sqrt())
