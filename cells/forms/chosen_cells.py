"""What a person does with the results of a search."""

from django import forms
from django.http import QueryDict

from battery_db.lib.errors import LabError
from cells.forms.search import SearchTreeForm
from cells.services.searching import all_cell_ids


class SaveSearchForm(forms.Form):
    """Keep the search that is shown under a name; ``query`` is its address."""

    name = forms.CharField(max_length=100)
    is_shared = forms.BooleanField(label="share with the lab", required=False)
    query = forms.CharField(
        max_length=8000, required=False, widget=forms.HiddenInput, empty_value=""
    )


class ChosenCells:
    """Cells ticked in results, or all that the search finds, also on other pages."""

    def __init__(self, data: QueryDict) -> None:
        self.search = data.get("search", "") or ""
        self.ticked = data.getlist("cell")
        self.wants_all = "all" in data

    def cell_ids(self) -> list[int]:
        """LabError where nothing is chosen, or too much."""
        if not self.wants_all:
            ticked = [int(text) for text in self.ticked if text.isdecimal() and len(text) < 11]
            if not ticked:
                raise LabError("No cell is ticked.", fix="Tick cells, or take all results.")
            return ticked
        form = SearchTreeForm(QueryDict(self.search))
        if not form.is_valid():
            raise LabError("The search can not be repeated.", fix="Search again, then choose.")
        return all_cell_ids(form.tree)
