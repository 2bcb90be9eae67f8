"""Forms about the grammar of file names."""

from django import forms

from cells.experiments import CYCLER_TITLES, FIELD_WORDS
from cells.models import FileMetadata, NameRule
from cells.models.grammar import NEEDABLE

NONE_NAMED = "none"


class NameRuleForm(forms.Form):
    """One row of the grammar; ``values`` are the fields of ``NameRule``."""

    experiment = forms.ChoiceField(choices=FileMetadata.Experiment.choices)
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
        help_text="Fields without which a name is not valid, beside initials and date.",
    )

    @classmethod
    def of(cls, rule: NameRule) -> "NameRuleForm":
        return cls(
            initial={
                "experiment": rule.experiment,
                "code": rule.code,
                "words": " ".join(rule.words),
                "cyclers": [cycler or NONE_NAMED for cycler in rule.cyclers],
                "needs": rule.needs,
            }
        )

    @property
    def values(self) -> dict[str, object]:
        given = self.cleaned_data
        return {
            **given,
            "words": given["words"].replace(",", " ").lower().split(),
            "cyclers": ["" if name == NONE_NAMED else name for name in given["cyclers"]],
        }
