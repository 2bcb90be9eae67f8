import pytest
from django.urls import reverse

from cells.models import WetCell
from cells.services.datasets import add_cells, create_dataset
from cells.services.registry import (
    define_dry_cell,
    define_electrolyte,
    define_molecule,
    register_cell,
)

TEXT = "70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC)"


@pytest.fixture
def lab(people):
    roles = [("EC", "solvent"), ("DMC", "solvent"), ("LiPF6", "salt"), ("VC", "additive")]
    for name, role in roles:
        define_molecule(name, "", role)
    dry = define_dry_cell(name="Pouch A", cathode="NMC622")
    electrolyte = define_electrolyte(TEXT)
    for cell_id in range(10001, 10006):
        register_cell(cell_id, electrolyte, dry)
    add_cells(create_dataset("Additives"), [10001, 10002])
    return electrolyte, dry


PAGES = [
    ("cells:cells", {}),
    ("cells:cell", {"cell_id": 10001}),
    ("cells:datasets", {}),
    ("cells:dataset", {"slug": "additives"}),
]
EDIT_PAGES = [
    ("cells:cell-new", {}),
    ("cells:cell-edit", {"cell_id": 10001}),
    ("cells:register-csv", {}),
    ("cells:dataset-edit", {"slug": "additives"}),
    ("cells:filter-new", {"slug": "additives"}),
]
CURATE_PAGES = [
    ("cells:cell-delete", {"cell_id": 10001}),
    ("cells:dataset-delete", {"slug": "additives"}),
]


def address(lab, name, named):
    return reverse(name, kwargs=named)


@pytest.mark.parametrize(("name", "named"), PAGES + EDIT_PAGES + CURATE_PAGES)
def test_each_page_opens_for_a_curator_in_few_queries(
    lab, client_as, django_assert_max_num_queries, name, named
):
    client = client_as("curator")

    with django_assert_max_num_queries(20):
        response = client.get(address(lab, name, named))

    assert response.status_code == 200


@pytest.mark.parametrize(("name", "named"), EDIT_PAGES)
def test_a_viewer_may_not_open_what_changes_the_lab(lab, client_as, name, named):
    assert client_as("viewer").get(address(lab, name, named)).status_code == 403


@pytest.mark.parametrize(("name", "named"), CURATE_PAGES)
def test_a_member_may_not_delete(lab, client_as, name, named):
    assert client_as("member").post(address(lab, name, named)).status_code == 403


def test_the_list_takes_as_many_queries_for_100_cells_as_for_5(
    lab, client_as, django_assert_max_num_queries
):
    for cell_id in range(20001, 20101):
        register_cell(cell_id, *lab)
    add_cells(create_dataset("More"), range(20001, 20101))
    client = client_as("member")

    with django_assert_max_num_queries(16):
        page = client.get("/cells/", {"q": "EC 20001-20100"})

    assert page.context["table"].paginator.count == 100


@pytest.mark.parametrize(
    ("search", "count"),
    [
        ({"q": "10001-10003"}, 3),
        ({"q": "VC"}, 5),
        ({"q": "-VC"}, 0),
        ({"q": "pouch"}, 5),
        ({"dataset": "additives"}, 2),
        ({"contains": "2%VC", "ids": "10001"}, 1),
        ({"q": "10001", "ids": "10002"}, 0),
        ({"contains": "XYZ"}, 0),
        ({"ids": "20-10"}, 0),
        ({"dataset": "no-such"}, 0),
    ],
)
def test_a_search_is_its_address(lab, client_as, search, count):
    page = client_as("viewer").get("/cells/", search)

    assert page.context["table"].paginator.count == count


@pytest.mark.parametrize("sort", ["-cell_id", "electrolyte", "-dry_cell", "nonsense"])
def test_the_list_sorts(lab, client_as, sort):
    assert client_as("viewer").get("/cells/", {"sort": sort}).status_code == 200


def test_all_results_of_a_search_go_into_a_new_dataset(lab, client_as):
    data = {"search": "q=10001-10004&sort=-cell_id", "all": "1", "name": "First four"}

    response = client_as("member").post("/cells/add-to-dataset/", data)

    assert response.url == "/datasets/first-four/"
    assert list(WetCell.objects.filter(datasets__slug="first-four")) == list(
        WetCell.objects.filter(cell_id__lt=10005)
    )


def test_ticked_cells_go_into_an_existing_dataset_once(lab, client_as):
    data = {"dataset": "additives", "cell": ["10002", "10003"]}

    page = client_as("member").post("/cells/add-to-dataset/", data, follow=True)

    assert "1 cell added to Additives. 1 were there already." in page.content.decode()


@pytest.mark.parametrize(
    "data", [{}, {"cell": "10001"}, {"all": "1", "search": "ids=x", "name": "A"}]
)
def test_adding_nothing_or_nowhere_says_so(lab, client_as, data):
    page = client_as("member").post("/cells/add-to-dataset/", data, follow=True)

    assert page.context["messages"]


def test_a_cell_is_registered_with_an_electrolyte_that_is_new(lab, client_as):
    data = {"cell_id": 10100, "electrolyte": "EC + 1mLiPF6", "dry_cell": lab[1].pk, "notes": ""}

    response = client_as("member").post("/cells/new/", data)

    assert response.url == "/cells/10100/"
    cell = WetCell.objects.get(cell_id=10100)
    assert cell.electrolyte.name == "EC + 1mLiPF6"
    assert cell.history.get().history_user.username == "member"


def test_a_cell_id_that_is_taken_is_said_on_the_form(lab, client_as):
    page = client_as("member").post("/cells/new/", {"cell_id": 10001})

    assert "registered already" in page.content.decode()


def test_an_edit_of_a_cell_shows_in_its_history(lab, client_as):
    client = client_as("member")

    client.post("/cells/10001/edit/", {"electrolyte": "", "dry_cell": "", "notes": "<b>x</b>"})

    page = client.get("/cells/10001/").content.decode()
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page


def test_a_cell_id_nobody_registered_and_no_file_names_is_not_found(lab, client_as):
    assert client_as("viewer").get("/cells/99999/").status_code == 404


def test_a_table_is_previewed_then_registered(lab, client_as):
    client = client_as("member")
    text = "cell_id,electrolyte,dry_cell\n30001,EC + 1mLiPF6,Pouch A\n10001,,\n"

    preview = client.post("/cells/register-csv/", {"text": text})
    registered = WetCell.objects.filter(cell_id=30001)

    assert preview.context["plan"].counts == {"new": 1, "same": 1}
    assert not registered.exists()
    client.post("/cells/register-csv/", {"text": text, "confirm": "1"})
    assert registered.exists()


def test_a_table_with_mistakes_shows_them_and_no_button(lab, client_as):
    page = client_as("member").post("/cells/register-csv/", {"text": "cell_id\n-5\n"})

    assert "can be registered yet" in page.content.decode()
    assert "confirm" not in page.content.decode()
