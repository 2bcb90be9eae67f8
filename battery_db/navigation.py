"""The navigation of every page: by task, filtered by what the person may do."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from battery_db.lib.permissions import Permission, allows


@dataclass(frozen=True, slots=True)
class Entry:
    title: str
    url_name: str
    icon: str  # name of an SVG in templates/components/icons
    section: str  # highlighted when request.path starts with it
    permission: Permission = Permission.VIEW


ENTRIES = (
    Entry("Last night", "last-night", "moon", "/"),
    Entry("Cells", "cells:cells", "battery", "/cells/"),
    Entry("Files", "cells:files", "files", "/files/"),
    Entry("Datasets", "cells:datasets", "dataset", "/datasets/"),
    Entry("Problems", "cells:problems", "alert", "/problems/"),
    Entry("Jobs", "runs:jobs", "jobs", "/jobs/"),
    Entry("Materials", "cells:electrolytes", "flask", "/materials/"),
    Entry("Folders", "cells:folders", "folder", "/folders/", Permission.ADMINISTER),
)


def navigation(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    entries = [entry for entry in ENTRIES if allows(user, entry.permission)]
    return {"navigation": entries}
