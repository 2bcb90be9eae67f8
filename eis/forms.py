"""Forms of impedance pages."""

from typing import Any

from django import forms


class ManyFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """One file or several; the value is a list."""

    widget = ManyFilesInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = data if isinstance(data, (list, tuple)) else [data]
        return [super(ManyFilesField, self).clean(file, initial) for file in files]


class UploadForm(forms.Form):
    documents = ManyFilesField(
        label="Files",
        help_text="BioLogic, Gamry, ZPlot, Autolab, Zahner and others, workbooks, or plain text.",
    )
    cell_id = forms.IntegerField(
        label="Cell ID",
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="Leave empty where the file name says it.",
    )
    start_cycle = forms.IntegerField(
        label="Cycles the cell had done",
        required=False,
        min_value=0,
        max_value=2**31 - 1,
        help_text="Leave empty where the file name says it, or where it is not known.",
    )
