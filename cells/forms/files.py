"""Forms about files and folders."""

from typing import Any
from zoneinfo import available_timezones

from django import forms

from cells.experiments import (
    MAX_CELL_ID,
    MAX_START_CYCLE,
    METADATA_FIELDS,
    TEMPERATURE_RANGE,
    VOLTAGE_RANGE,
    Grammar,
)
from cells.models import FileMetadata, Folder

BOUNDS = {
    "cell_id": (1, MAX_CELL_ID),
    "start_cycle": (0, MAX_START_CYCLE),
    "upper_cutoff_voltage": VOLTAGE_RANGE,
    "temperature_celsius": TEMPERATURE_RANGE,
}


def kind_field(grammar: Grammar) -> forms.ChoiceField:
    """A choice of every kind of experiment that there is, those of the lab included."""
    return forms.ChoiceField(
        choices=[("", "---------"), *grammar.choices], required=False, label="Experiment"
    )


class MetadataForm(forms.ModelForm):  # type: ignore[type-arg]
    """Read only for its cleaned values: the service decides what was changed."""

    version = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = FileMetadata
        fields = METADATA_FIELDS
        labels = {"temperature_celsius": "Temperature / °C"}
        widgets = {"date": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def __init__(self, *args: Any, grammar: Grammar, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["experiment"] = kind_field(grammar)
        self.initial["experiment"] = self.instance.kind
        self.initial["version"] = self.instance.version

    def _get_validation_exclusions(self) -> set[str]:
        """A kind of the lab's own is no choice of the column; the field has checked it."""
        return {*super()._get_validation_exclusions(), "experiment"}  # type: ignore[misc]

    def clean(self) -> dict[str, object]:
        values = super().clean() or self.cleaned_data
        for name, (low, high) in BOUNDS.items():
            value = values.get(name)
            if value is not None and not low <= value <= high:
                self.add_error(name, f"Must lie between {low:,} and {high:,}.")
        return values


class FolderForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Folder
        fields = [
            "name", "path", "time_zone", "owner", "include", "exclude", "settle_seconds",
            "is_active",
        ]  # fmt: skip
        widgets = {
            "include": forms.Textarea(attrs={"rows": 3, "class": "font-monospace"}),
            "exclude": forms.Textarea(attrs={"rows": 3, "class": "font-monospace"}),
        }

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        if zone not in available_timezones():
            raise forms.ValidationError(f"{zone} is no time zone; write it as Europe/Berlin.")
        return zone

    def clean_path(self) -> str:
        path: str = self.cleaned_data["path"].strip()
        if not path.startswith("/"):
            raise forms.ValidationError("Give the full path on the server, beginning with '/'.")
        return path.rstrip("/") or "/"


class DeprecateForm(forms.Form):
    reason = forms.CharField(max_length=300, help_text="Such as: wrong channel, test aborted.")


class BulkDeprecateForm(DeprecateForm):
    files = forms.TypedMultipleChoiceField(coerce=int)  # type: ignore[assignment]

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        # Any id may be sent: ids that are no file are simply not found.
        self.fields["files"].valid_value = str.isdecimal  # type: ignore[attr-defined]


class TryNameForm(forms.Form):
    name = forms.CharField(
        max_length=500,
        label="File name",
        widget=forms.TextInput(
            attrs={"placeholder": "Sb_CYC_10001_NW_c2_41V_30C_1C1C_170201.txt", "autofocus": True}
        ),
    )
    folder = forms.CharField(
        max_length=1000,
        required=False,
        help_text="May tell the cycler when the name does not.",
    )
