"""The grammar of file names as rows that administrators change."""

import pytest
from django.urls import reverse

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from cells.experiments import DEFAULT_GRAMMAR, Grammar
from cells.filenames import generate, parse
from cells.models import FileMetadata, NameRule
from cells.services import grammar as services

pytestmark = pytest.mark.django_db
STRANGE = "Sb_CHECKUP_10001_c2_170201.txt"
RULE = {
    "experiment": "rpt",
    "code": "CHECKUP",
    "words": "checkup, cu",
    "cyclers": ["none"],
    "needs": ["cell_id", "start_cycle"],
}
PULSES = {
    "new_kind": "pulse test",
    "behaviour": "cycling",
    "code": "GITT",
    "words": "gitt hppc",
    "cyclers": ["none", "neware"],
    "needs": ["start_cycle"],
}


def test_without_own_rules_the_built_in_ones_hold():
    assert NameRule.objects.grammar() is DEFAULT_GRAMMAR


def test_copied_rules_say_the_same_as_the_built_in_ones():
    services.start_own_rules()
    services.start_own_rules()

    own = NameRule.objects.grammar()
    assert own.types == DEFAULT_GRAMMAR.types
    assert (own.words, own.codes) == (DEFAULT_GRAMMAR.words, DEFAULT_GRAMMAR.codes)


def test_an_administrator_adds_a_rule_and_names_are_read_again(client_as, found):
    file = found(STRANGE)
    assert not file.metadata.is_valid
    FileMetadata.objects.update(operator="xy", manual_fields=["operator"])
    client = client_as("admin")

    response = client.post(reverse("cells:name-rule-new"), RULE)
    engine.drain()

    assert response.status_code == 302
    metadata = FileMetadata.objects.get()
    assert metadata.is_valid
    assert (metadata.experiment, metadata.start_cycle, metadata.operator) == ("rpt", 2, "xy")
    page = client.get(reverse("cells:try-name") + f"?name={STRANGE}").content.decode()
    assert "This name is valid" in page
    assert "checkup, cu" in page
    rule = NameRule.objects.get(code="CHECKUP")
    assert rule.history.get().history_user is not None


def test_a_changed_rule_asks_for_other_fields(client_as, found):
    file = found("Sb_FTIR_10002_170201.spa")
    assert file.metadata.is_valid
    services.start_own_rules()
    rule = NameRule.objects.get(experiment="ftir")

    client_as("admin").post(
        rule.get_absolute_url(),
        {
            "experiment": "ftir",
            "code": "FTIR",
            "words": "ftir",
            "cyclers": ["none"],
            "needs": ["cell_id", "start_cycle"],
        },
    )
    engine.drain()

    assert FileMetadata.objects.get().problems == [
        "No start cycle: expected c0 for a fresh cell, c120 after 120 cycles."
    ]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"words": "eis"}, "would stand for"),
        ({"cyclers": ["neware"]}, "Another rule is about"),
        ({"words": "no_word"}, "is no word"),
        ({"code": "ä"}, "is no word"),
        ({"cyclers": []}, "required"),
        ({"needs": ["operator"]}, "not one of the available choices"),
    ],
)
def test_a_rule_that_can_not_be_is_refused_and_nothing_changes(client_as, change, complaint):
    services.start_own_rules()
    before = NameRule.objects.count()

    response = client_as("admin").post(reverse("cells:name-rule-new"), {**RULE, **change})

    assert complaint in response.content.decode()
    assert NameRule.objects.count() == before


def test_only_administrators_change_rules(client_as):
    services.start_own_rules()
    url = reverse("cells:name-rule", args=[NameRule.objects.first().pk])

    assert client_as("curator").get(url).status_code == 403
    assert "Add a rule" not in client_as("curator").get(reverse("cells:try-name")).content.decode()


def test_a_rule_is_deleted_but_not_the_last(client_as):
    services.start_own_rules()
    client = client_as("admin")
    rule = NameRule.objects.get(experiment="xps")

    client.post(reverse("cells:name-rule-delete", args=[rule.pk]))
    assert not NameRule.objects.filter(experiment="xps").exists()

    NameRule.objects.exclude(experiment="ftir").delete()
    with pytest.raises(LabError, match="last rule"):
        services.delete_rule(NameRule.objects.get())


def test_names_are_made_and_understood_in_the_words_of_the_lab():
    services.start_own_rules()
    NameRule.objects.filter(experiment="ftir").update(code="IR", words=["ir"])
    grammar = Grammar([rule.as_type() for rule in NameRule.objects.all()])
    fields = parse("Sb_IR_10002_170201.spa", grammar=grammar).fields

    name = generate(fields, "spa", grammar)

    assert name == "Sb_IR_10002_170201.spa"
    assert parse(name, grammar=grammar).fields == fields
    assert parse(name).fields.experiment == ""


def test_an_administrator_adds_a_kind_of_experiment_with_its_words_and_needs(client_as, found):
    file = found("Sb_HPPC_10001_c2_170201.txt")
    assert not file.metadata.is_valid
    client = client_as("admin")

    client.post(reverse("cells:name-rule-new"), PULSES)
    engine.drain()

    metadata = FileMetadata.objects.get()
    assert metadata.is_valid
    assert (metadata.kind, metadata.kind_words) == ("pulse test", "pulse test")
    # Whatever imports, groups and searches cycling data finds it as such.
    assert metadata.experiment == FileMetadata.Experiment.CYCLING
    page = client.get(reverse("cells:try-name") + "?name=Sb_GITT_10001_170201.txt").text
    assert "experiment: pulse test" in page
    assert "No start cycle" in page
    assert "imported as cycling data" in page
    listed = client.get(reverse("cells:files") + "?experiment=pulse test").text
    assert file.name in listed
    assert file.name not in client.get(reverse("cells:files") + "?experiment=cycling").text
    assert client.get("/api/v1/files/?experiment=pulse test").json()["results"][0]["metadata"][
        "experiment"
    ] == ("pulse test")


@pytest.mark.parametrize(
    ("behaviour", "experiment"),
    [("cycling", "cycling"), ("impedance", "impedance"), ("spectra", "ftir"), ("none", "other")],
)
def test_a_kind_of_the_lab_is_kept_as_what_is_done_with_its_files(behaviour, experiment, found):
    services.save_rule(NameRule(), own_kind("pulse test", behaviour))
    file = found("Sb_GITT_10001_c2_170201.txt")

    assert file.metadata.is_valid
    assert (file.metadata.experiment, file.metadata.own_kind) == (experiment, "pulse test")


def own_kind(name: str, behaviour: str, word: str = "gitt", cyclers: tuple = ("",)) -> dict:
    return {
        "experiment": name,
        "behaviour": behaviour,
        "code": word.upper(),
        "words": [word],
        "cyclers": list(cyclers),
        "needs": [],
    }


def test_what_is_done_with_a_kind_holds_for_all_its_rules(people):
    services.save_rule(NameRule(), own_kind("pulse test", "none"))
    services.save_rule(NameRule(), own_kind("Pulse  Test", "none", cyclers=("neware",)))
    rule = NameRule.objects.get(experiment="pulse test", cyclers=[""])

    services.save_rule(rule, {"behaviour": "cycling"}, by=people["admin"])

    rules = NameRule.objects.filter(experiment="pulse test")
    assert set(rules.values_list("behaviour", flat=True)) == {"cycling"}
    assert len(rules) == 2
    assert all(each.history.first().history_user == people["admin"] for each in rules)


def test_a_kind_is_set_by_hand_on_the_page_in_the_grid_and_over_rest(client_as, found):
    services.save_rule(NameRule(), own_kind("pulse test", "cycling"))
    file = found("Sb_CYC_10001_c2_170201.txt")
    client = client_as("member")

    sent = {"experiment": "pulse test", "cell_id": 10001, "start_cycle": 2, "date": "2017-02-01"}
    page = client.post(file.get_absolute_url(), {**sent, "operator": "sb"}, follow=True).text
    assert "The metadata is complete" in page
    metadata = FileMetadata.objects.get()
    assert (metadata.kind, metadata.manual_fields) == ("pulse test", ["experiment"])

    body = {"rows": [{"id": file.pk, "experiment": "Cycling"}]}
    client.post(reverse("cells:files-grid-save"), body, content_type="application/json")
    assert FileMetadata.objects.get().kind == "cycling"
    assert '"pulse test"' in client.get(reverse("cells:files-grid")).text

    answer = client.patch(
        f"/api/v1/files/{file.pk}/", {"experiment": "Pulse test"}, content_type="application/json"
    )
    assert answer.json()["metadata"]["experiment"] == "pulse test"
    refused = client.patch(
        f"/api/v1/files/{file.pk}/", {"experiment": "nothing"}, content_type="application/json"
    )
    assert refused.status_code == 400
    assert "pulse test" in refused.text


def test_a_kind_that_is_gone_leaves_files_to_be_corrected(found):
    services.save_rule(NameRule(), own_kind("pulse test", "cycling"))
    file = found("Sb_GITT_10001_c2_170201.txt")
    FileMetadata.objects.update(manual_fields=["experiment"])

    services.delete_rule(NameRule.objects.get(experiment="pulse test"))
    engine.drain()

    file.refresh_from_db()
    assert not file.metadata.is_valid
    assert (file.metadata.experiment, file.metadata.kind) == ("other", "pulse test")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"behaviour": ""}, "Say what is done with the files"),
        ({"new_kind": "FTIR"}, "is a built-in kind"),
        ({"new_kind": "Cycling"}, "is a built-in kind"),
        ({"new_kind": "other"}, "is a built-in kind"),
        ({"new_kind": ""}, "name a new one"),
        ({"experiment": "rpt"}, "not both"),
        ({"words": "eis"}, "would stand for"),
    ],
)
def test_a_kind_that_can_not_be_is_refused(client_as, change, complaint):
    response = client_as("admin").post(reverse("cells:name-rule-new"), {**PULSES, **change})

    assert complaint in response.text
    assert not NameRule.objects.filter(code="GITT").exists()


def test_every_rule_needs_a_cell_id():
    services.save_rule(NameRule(), own_kind("blank", "none", word="blank"))

    assert NameRule.objects.get(experiment="blank").needs == ["cell_id"]


def test_rules_are_read_and_changed_over_rest(client_as, found):
    url = "/api/v1/name-rules/"
    client = client_as("admin")
    built_in = client_as("viewer").get(url).json()
    assert {rule["id"] for rule in built_in} == {None}

    made = client.post(url, own_kind("pulse test", "cycling"), content_type="application/json")
    assert made.status_code == 201
    assert made.json()["job"].startswith("/api/v1/jobs/")
    assert len(client.get(url).json()) == len(built_in) + 1

    one = f"{url}{made.json()['id']}/"
    changed = client.patch(one, {"words": ["hppc"]}, content_type="application/json").json()
    assert (changed["words"], changed["title"]) == (["hppc", "gitt"], "pulse test")
    rule = NameRule.objects.get(pk=changed["id"])
    assert [each.history_user.username for each in rule.history.all()] == ["admin", "admin"]
    refused = client.patch(one, {"words": ["eis"]}, content_type="application/json")
    assert refused.status_code == 400
    assert client.delete(one).status_code == 204
    for role in ("viewer", "curator"):
        answer = client_as(role).post(url, {}, content_type="application/json")
        assert answer.status_code == 403
