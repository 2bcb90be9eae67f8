"""Forms of the infrared pages."""

from collections.abc import Sequence
from typing import Any

from django import forms

from ftir.models import Calibration, InfraredSpectrum
from ftir.penalties import Penalties

DEFAULTS = Penalties()


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files, as (name, content) pairs."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[tuple[str, bytes]]:
        files = data if isinstance(data, list | tuple) else [data]
        files = [file for file in files if file is not None]
        if not files and self.required:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        cleaned = [super(FilesField, self).clean(file, initial) for file in files]
        return [(file.name, file.read()) for file in cleaned]


class SpectraForm(forms.Form):
    spectra = FilesField(label="Spectra", allow_empty_file=True)  # the reader names empty ones


class CorrectionsForm(forms.ModelForm):  # type: ignore[type-arg]
    lot = forms.CharField(
        label="Lot of electrolyte",
        required=False,
        max_length=300,
        help_text="Label or name of the lot this sample is from; empty for none.",
    )

    class Meta:
        model = InfraredSpectrum
        fields = ["baseline", "atr_to_transmission"]


def _table() -> forms.FileField:
    return forms.FileField(
        label="Mass ratios, CSV",
        required=False,
        help_text="A column 'file', then one per component. An empty row is an unknown mixture.",
    )


def _spectra() -> FilesField:
    return FilesField(
        label="Spectra",
        required=False,
        allow_empty_file=True,
        help_text="The files of the table, or a .zip of them; others become unknown mixtures,"
        " which help too.",
    )


class CalibrationForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="The same name again makes a new version.")
    kind = forms.ChoiceField(label="Model", choices=Calibration.Kind.choices)
    table = _table()
    spectra = _spectra()
    components = forms.CharField(
        required=False,
        max_length=500,
        help_text="Without a table: molecules, separated by commas. The draft then plans which"
        " mixtures to weigh.",
    )
    notes = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if not self.errors and not (given["table"] or given["components"].strip()):
            self.add_error("table", "Choose a table of mass ratios, or name the components.")
        return given


class AddSpectraForm(forms.Form):
    """More samples for a draft, or ratios of those it has."""

    table = _table()
    spectra = _spectra()

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if not self.errors and not (given["table"] or given["spectra"]):
            self.add_error("spectra", "Choose spectra, a table of mass ratios, or both.")
        return given


def table_text(given: dict[str, Any]) -> str:
    """The text of the table that a form took; empty for none."""
    return given["table"].read().decode("utf-8-sig", "replace") if given["table"] else ""


def _weight(label: str, name: str, what: str, most: float) -> forms.FloatField:
    default = getattr(DEFAULTS, name)
    return forms.FloatField(
        label=label, min_value=0, max_value=most, help_text=f"{what} Default {default:g}."
    )


def _count(label: str, name: str, what: str, most: int) -> forms.IntegerField:
    default = getattr(DEFAULTS, name)
    return forms.IntegerField(
        label=label, min_value=0, max_value=most, help_text=f"{what} Default {default}."
    )


class ModelForm(forms.Form):
    """Range, model and penalties of a draft."""

    kind = forms.ChoiceField(label="Model", choices=Calibration.Kind.choices)
    first_per_cm = forms.FloatField(
        label="From / 1/cm", min_value=5, max_value=20000, help_text="Default 650."
    )
    last_per_cm = forms.FloatField(
        label="To / 1/cm",
        min_value=5,
        max_value=20000,
        help_text="Default 2080. Only what all spectra cover is used.",
    )
    smooth_spectra = _weight(
        "Smoothness of A", "smooth_spectra", "Larger: smoother spectra of components.", 1e3
    )
    mixing = _weight(
        "Mixing", "mixing", "Larger: pairs are drawn more to what the next field says.", 1e3
    )
    mixing_form = forms.ChoiceField(
        label="Form of mixing",
        choices=[
            ("excess", "excess over Beer's law (default)"),
            ("thesis", "as in the thesis, 4.2.4"),
        ],
    )
    encoder = _weight("Size of X", "encoder", "Larger: less noise, more bias to the mean.", 1e3)
    smooth_encoder = _weight(
        "Smoothness of X", "smooth_encoder", "Larger: X weighs neighbouring wavenumbers alike.", 1e3
    )
    unknown_weight = _weight(
        "Weight of unknown mixtures", "unknown_weight", "In A, beside 1 for a known one.", 10
    )
    virtual_mixtures = _count(
        "Virtual mixtures", "virtual_mixtures", "They make X blind to baselines; 0 for none.", 2000
    )
    virtual_weight = _weight(
        "Weight of virtual mixtures", "virtual_weight", "In X, beside 1 for a known one.", 10
    )
    rounds = _count("Rounds of paths", "rounds", "More: better spectra, worse compositions.", 100)


class DesignForm(forms.Form):
    """How many mixtures to plan, and how much each component may be of one, in wt%."""

    count = forms.IntegerField(
        label="Mixtures to weigh",
        min_value=1,
        max_value=100,
        initial=8,
        widget=forms.NumberInput(attrs={"class": "form-control"}),
    )

    def __init__(self, data: Any, components: Sequence[str], limits: Sequence[float]) -> None:
        super().__init__(data)
        self.usual = list(limits)
        for place, (name, limit) in enumerate(zip(components, limits, strict=True)):
            self.fields[f"most-{place}"] = forms.FloatField(
                label=f"{name}, at most / wt%",
                required=False,
                min_value=0,
                max_value=100,
                initial=round(100 * limit, 2),
                widget=forms.NumberInput(attrs={"class": "form-control", "step": "any"}),
            )

    def limits(self) -> list[float]:
        """Mass fractions; where nothing is typed, what is usual."""
        typed = [self.cleaned_data[f"most-{place}"] for place in range(len(self.usual))]
        return [
            usual if most is None else most / 100
            for most, usual in zip(typed, self.usual, strict=True)
        ]
