"""Forms about the grammar of file names."""

from typing import Any

from django import forms

from cells.experiments import CYCLER_TITLES, FIELD_WORDS, Grammar
from cells.models import NameRule
from cells.models.grammar import NEEDABLE

NONE_NAMED = "none"


class NameRuleForm(forms.Form):
    """One row of the grammar; ``values`` are the fields of ``NameRule``."""

    experiment = forms.ChoiceField(label="Kind of experiment", required=False)
    new_kind = forms.CharField(
        max_length=40,
        required=False,
        label="Name of the new kind",
        help_text="Such as pulse test. Leave it empty for a kind of the list above.",
    )
    behaviour = forms.ChoiceField(
        choices=[("", "---------"), *NameRule.Behaviour.choices],
        required=False,
        label="Files of a kind of your own are",
        help_text="Built-in kinds have no choice. A change holds for every rule of the kind.",
    )
    code = forms.CharField(max_length=20, help_text="How a generated name says it, such as CYC.")
    words = forms.CharField(
        max_length=400,
        required=False,
        help_text="Words that stand for it, parted by blanks or commas; the case is the same.",
    )
    cyclers = forms.MultipleChoiceField(
        choices=[(NONE_NAMED, "none named"), *CYCLER_TITLES.items()],
        widget=forms.CheckboxSelectMultiple,
        help_text="Cyclers that such files are known from.",
    )
    needs = forms.MultipleChoiceField(
        choices=[(name, FIELD_WORDS[name][0]) for name in NEEDABLE],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Fields without which a name is not valid, beside initials, date and Cell ID.",
    )

    def __init__(self, *args: Any, grammar: Grammar, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = self.fields["experiment"]
        kinds.choices = [("", "a new kind, named below"), *grammar.choices]  # type: ignore[attr-defined]

    @classmethod
    def of(cls, rule: NameRule, grammar: Grammar) -> "NameRuleForm":
        return cls(
            grammar=grammar,
            initial={
                "experiment": rule.experiment,
                "behaviour": rule.behaviour,
                "code": rule.code,
                "words": " ".join(rule.words),
                "cyclers": [cycler or NONE_NAMED for cycler in rule.cyclers],
                "needs": rule.needs,
            },
        )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if bool(given.get("experiment")) == bool(given.get("new_kind")):
            self.add_error("new_kind", "Choose a kind from the list, or name a new one: not both.")
        return given

    @property
    def values(self) -> dict[str, object]:
        given = dict(self.cleaned_data)
        new_kind = given.pop("new_kind")
        return {
            **given,
            "experiment": given["experiment"] or new_kind,
            "words": given["words"].replace(",", " ").lower().split(),
            "cyclers": ["" if name == NONE_NAMED else name for name in given["cyclers"]],
        }
