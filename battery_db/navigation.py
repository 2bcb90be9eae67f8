"""The navigation of every page: by task, filtered by what the person may do."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from battery_db import __version__
from battery_db.lib.permissions import Permission, allows


@dataclass(frozen=True, slots=True)
class Entry:
    title: str
    url_name: str
    icon: str  # name of a symbol in static/vendor/icons/sprite.svg
    section: str  # current when request.path starts with it
    group: str
    permission: Permission = Permission.VIEW

    @property
    def url(self) -> str:
        return reverse(self.url_name)


ENTRIES = (
    Entry("Last night", "last-night", "moon", "/", "Data"),
    Entry("Search", "cells:search-tree", "search", "/cells/search/", "Data"),
    Entry("Cells", "cells:cells", "battery", "/cells/", "Data"),
    Entry("Files", "cells:files", "files", "/files/", "Data"),
    Entry("Infrared", "ftir:spectra", "activity", "/ftir/", "Data"),
    Entry("Impedance", "eis:spectra", "activity", "/eis/", "Data"),
    Entry("Datasets", "cells:datasets", "dataset", "/datasets/", "Data"),
    Entry("Problems", "cells:problems", "alert", "/problems/", "Work"),
    Entry("Jobs", "runs:jobs", "jobs", "/jobs/", "Work"),
    Entry("Materials", "cells:materials", "flask", "/materials/", "Lab"),
    Entry("Folders", "cells:folders", "folder", "/folders/", "Lab", Permission.ADMINISTER),
    Entry("Changes", "changes", "history", "/account/changes/", "Lab", Permission.CURATE),
    Entry("People", "people", "users", "/account/people/", "Lab", Permission.ADMINISTER),
)
LANDING = "/"


def navigation(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    entries = [entry for entry in ENTRIES if allows(user, entry.permission)]
    return {
        "navigation": entries,
        "section": _section(request.path),
        "version": __version__,
    }


def _section(path: str) -> str:
    """The section a page belongs to, or "" (nothing is marked as current)."""
    if path == LANDING or path.startswith("/nights/"):
        return LANDING
    sections = (entry.section for entry in ENTRIES if entry.section != LANDING)
    return next((section for section in sections if path.startswith(section)), "")
