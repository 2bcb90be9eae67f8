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
