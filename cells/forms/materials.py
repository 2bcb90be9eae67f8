"""Forms of molecules, electrolytes and dry cells."""

from django import forms

from battery_db.lib.errors import LabError
from cells.compositions import Recipe, tidy
from cells.models import DryCell, Molecule
from cells.services.materials import as_recipe


class MoleculeForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Molecule
        fields = ["short_name", "smiles", "default_role", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def clean_short_name(self) -> str:
        return tidy(self.cleaned_data["short_name"])


class DryCellForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = DryCell
        fields = [
            "label",
            "geometry",
            "cathode",
            "anode",
            "separator",
            "nominal_capacity_ah",
            "lower_cutoff_voltage",
            "upper_cutoff_voltage",
            "notes",
            "proprietary",
        ]

    def clean_label(self) -> str:
        return tidy(self.cleaned_data["label"])


class ElectrolyteForm(forms.Form):
    """An electrolyte in the notation of its name. ``recipe`` is the result."""

    composition = forms.CharField(
        required=False,
        max_length=1000,
        help_text="% for solvents and additives, m (molal) or M (molar) for salts, ? for an "
        "unknown amount: 70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC+1%DTD)",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    notes = forms.CharField(
        required=False,
        max_length=1000,
        help_text="Part of the name: tells apart what is alike on paper.",
    )
    proprietary = forms.BooleanField(required=False)

    def clean(self) -> dict[str, object]:
        values = super().clean() or {}
        try:
            self.recipe: Recipe = as_recipe(
                values.get("composition") or "",
                values.get("notes") or "",
                bool(values.get("proprietary")),
            )
        except LabError as error:
            self.add_error("composition", str(error))
        return values
