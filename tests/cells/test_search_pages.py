"""The page of the search tree: its address, results in place, CSV, datasets, saved searches."""

import csv
import io

import pytest
from django.urls import reverse

from cells.models import Dataset, SavedSearch, WetCell
from cells.services.registry import (
    define_dry_cell,
    define_electrolyte,
    define_molecule,
    register_cell,
)

PAGE = "/cells/search/"


@pytest.fixture
def lab(people):
    for name, role in (("EC", "solvent"), ("VC", "additive")):
        define_molecule(name, "", role)
    electrolyte = define_electrolyte("EC + ADDITIVES:(2%VC)")
    dry = define_dry_cell(name="Pouch", cathode="NMC")
    for cell_id in range(1, 26):
        register_cell(cell_id, electrolyte, dry)
    register_cell(99, None, None, "=cmd|'/c calc'!A0")
    register_cell(100, None, None, "<script>alert(1)</script>")
    return electrolyte


def test_the_page_opens_with_nothing_asked(lab, client_as, django_assert_max_num_queries):
    client = client_as("viewer")
    client.get(PAGE)
    with django_assert_max_num_queries(12):
        answer = client.get(PAGE)

    assert answer.status_code == 200
    assert b"Results" not in answer.content


@pytest.mark.parametrize("node", ["cells", "cycling", "electrolytes", "dry-cells", "boxes"])
def test_each_search_is_answered_in_few_queries(
    lab, client_as, django_assert_max_num_queries, node
):
    client = client_as("curator")
    with django_assert_max_num_queries(14):
        answer = client.get(PAGE, {"find": node, "among": "cycling", "molecule": "VC"})

    assert answer.status_code == 200


def test_a_shared_address_shows_the_question_and_its_results(lab, client_as):
    query = "find=cells&molecule=VC&amount=2&complete=additive&ids=1-30&page=2"
    text = client_as("viewer").get(f"{PAGE}?{query}").content.decode()

    assert "Wet cells: 25" in text
    assert "with VC, 1.9 to 2.1" in text
    assert "no other additive" in text
    assert 'value="VC"' in text
    assert "21–25" in text


def test_htmx_gets_the_results_alone_and_history_the_whole_page(lab, client_as):
    client = client_as("viewer")
    alone = client.get(f"{PAGE}?find=cells", headers={"HX-Request": "true"})
    restored = client.get(
        f"{PAGE}?find=cells",
        headers={"HX-Request": "true", "HX-History-Restore-Request": "true"},
    )

    assert b"<html" not in alone.content
    assert b"<html" in restored.content
    assert "HX-Request" in alone["Vary"]


def test_what_is_refused_is_said_beside_the_row(lab, client_as):
    text = client_as("viewer").get(f"{PAGE}?molecule=XYZ").content.decode()

    assert text.count("is no registered molecule or molecule lot") == 2


def test_inputs_that_do_not_count_are_said_with_a_way_to_let_them(lab, client_as):
    text = client_as("viewer").get(f"{PAGE}?find=electrolytes&ids=1-5").content.decode()

    assert "Not counted here: Cell IDs." in text
    assert "among=cells" in text


def test_text_in_results_is_escaped(lab, client_as):
    text = client_as("viewer").get(f"{PAGE}?find=cells&ids=100").content.decode()

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def rows_of(answer):
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_the_csv_holds_every_page_and_no_formula(lab, client_as):
    answer = client_as("viewer").get(f"{PAGE}results.csv?find=cells&order=-id")
    rows = rows_of(answer)

    assert rows[0][:3] == ["Cell ID", "Electrolyte", "Dry cell"]
    assert len(rows) == 1 + 27
    assert rows[2][6] == "'=cmd|'/c calc'!A0"
    assert rows[-1][0] == "1"


@pytest.mark.parametrize("node", ["cells", "cycling", "electrolytes", "dry-cells", "boxes"])
def test_each_kind_of_result_has_a_csv(lab, client_as, node):
    answer = client_as("viewer").get(f"{PAGE}results.csv?find={node}")

    assert rows_of(answer)[0]
    assert f'"{node}.csv"' in answer["Content-Disposition"]


def test_the_csv_reads_in_pieces(lab, client_as, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr("cells.services.searching.CHUNK", 10)
    answer = client_as("viewer").get(f"{PAGE}results.csv?find=cells")
    with django_assert_num_queries(1 + 3 * 2):
        rows = rows_of(answer)

    assert len(rows) == 28


def test_a_first_page_counts_up_to_a_thousand_and_the_rest_comes_after(lab, client_as):
    WetCell.objects.bulk_create(WetCell(cell_id=number) for number in range(1000, 2100))
    client = client_as("viewer")
    text = client.get(f"{PAGE}?find=cells").content.decode()

    assert "more than 1,000" in text
    assert "/cells/search/count/?find=cells" in text
    assert client.get("/cells/search/count/?find=cells").content == b"1,127"


def test_ticked_cells_go_into_a_dataset(lab, client_as):
    client = client_as("member")
    answer = client.post(
        reverse("cells:search-add"), {"cell": ["1", "2"], "search": "find=cells", "name": "Testing"}
    )

    dataset = Dataset.objects.get(name="Testing")
    assert answer.url == dataset.get_absolute_url()
    assert sorted(dataset.cells.values_list("cell_id", flat=True)) == [1, 2]


def test_all_results_on_every_page_go_into_a_dataset(lab, client_as):
    client_as("member").post(
        reverse("cells:search-add"),
        {"all": "1", "search": "find=cells&molecule=VC", "name": "All with VC"},
    )

    assert Dataset.objects.get(name="All with VC").cells.count() == 25


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"name": "New"}, "No cell is ticked"),
        ({"cell": "1"}, "Choose a dataset"),
        ({"all": "1", "search": "molecule=XYZ", "name": "New"}, "can not be repeated"),
        ({"all": "1", "search": "find=boxes", "name": "New"}, "does not find cells"),
        ({"cell": "77", "name": "New"}, "Not registered: 77"),
    ],
)
def test_what_can_not_be_added_is_said(lab, client_as, sent, words):
    answer = client_as("member").post(reverse("cells:search-add"), sent, follow=True)

    assert words in answer.content.decode()


def test_a_search_is_kept_shared_and_forgotten(lab, client_as, people):
    member, viewer = client_as("member"), client_as("viewer")
    query = "find=cells&molecule=VC&page=3"
    saved = {"name": "VC cells", "query": query, "is_shared": "on"}
    answer = member.post(reverse("cells:search-save"), saved)

    kept = SavedSearch.objects.get()
    assert kept.query == "find=cells&molecule=VC"
    assert answer.url == kept.get_absolute_url()
    assert "VC cells" in viewer.get(PAGE).content.decode()

    forget = reverse("cells:search-forget", args=[kept.pk])
    assert viewer.post(forget).status_code == 403
    member.post(forget)
    assert not SavedSearch.objects.exists()


def test_a_search_that_is_not_shared_is_seen_by_its_owner_alone(lab, client_as):
    client_as("member").post(reverse("cells:search-save"), {"name": "Mine", "query": "find=boxes"})
    kept = SavedSearch.objects.get()

    assert "Mine" in client_as("member").get(PAGE).content.decode()
    assert "Mine" not in client_as("curator").get(PAGE).content.decode()
    forget = reverse("cells:search-forget", args=[kept.pk])
    assert client_as("curator").post(forget).status_code == 404


def test_a_member_may_not_forget_what_another_shares(lab, client_as, people):
    kept = SavedSearch.objects.create(owner=people["curator"], name="Theirs", is_shared=True)
    forget = reverse("cells:search-forget", args=[kept.pk])
    answer = client_as("member").post(forget, follow=True)

    assert "is a search of curator" in answer.content.decode()
    assert SavedSearch.objects.filter(pk=kept.pk).exists()


def test_names_are_completed(lab, client_as):
    client = client_as("viewer")
    answer = client.get("/cells/search/suggest/", {"kind": "molecule", "text": "v"})

    assert answer.json() == {"names": ["VC"]}
    assert client.get("/cells/search/suggest/", {"kind": "secrets"}).json() == {"names": []}


def test_visuals_are_loaded_one_by_one(lab, client_as):
    text = client_as("viewer").get(f"{PAGE}?find=cells&visuals=on").content.decode()

    assert text.count("/sparkline.svg") == 20
    assert text.count('loading="lazy"') == 20
