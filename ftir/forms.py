"""Forms of the infrared pages."""

from typing import Any

from django import forms

from ftir.models import Calibration, InfraredSpectrum


class FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Any number of files, as (name, content) pairs."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[tuple[str, bytes]]:
        files = data if isinstance(data, list | tuple) else [data]
        cleaned = [super(FilesField, self).clean(file, initial) for file in files]
        return [(file.name, file.read()) for file in cleaned]


class SpectraForm(forms.Form):
    spectra = FilesField(label="Spectra")


class CorrectionsForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = InfraredSpectrum
        fields = ["baseline", "atr_to_transmission"]


class CalibrationForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="The same name again makes a new version.")
    kind = forms.ChoiceField(label="Model", choices=Calibration.Kind.choices)
    table = forms.FileField(
        label="Mass ratios, CSV",
        help_text="A column 'file', then one per component. An empty row is an unknown mixture.",
    )
    spectra = FilesField(
        label="Spectra",
        help_text="The files of the table; others become unknown mixtures, which help too.",
    )
    notes = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))


class DesignForm(forms.Form):
    count = forms.IntegerField(label="Mixtures to weigh", min_value=1, max_value=100, initial=8)
