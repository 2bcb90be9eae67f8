"""Science is plain Python: only file names that Django, or this house, gives a meaning may import it.

Everything else must run in a script, a notebook or a GPU worker without a settings module.
"""

import pytest

from tests.architecture.modules import imports_of, modules, tree_of

DJANGO_NAMES = {
    "admin", "api", "apps", "forms", "jobs", "management", "models", "services", "tables",
    "tasks", "templatetags", "urls", "views",
}  # fmt: skip
DJANGO_PACKAGES = ("django", "rest_framework", "simple_history", "axes", "celery", "kombu")

# The bottom layer is plumbing in part; apps may not be added here. The modules directly in
# battery_db compose the apps, which is Django's business throughout.
PLUMBING = {
    "battery_db/accounts": "people: roles, tokens and the middleware",
    "battery_db/lib/runs": "the life of a job is database transactions",
    "battery_db/lib/broker.py": "Celery's transport",
    "battery_db/lib/byte_ranges.py": "answers of a view",
    "battery_db/lib/commands.py": "the base of management commands",
    "battery_db/lib/errors.py": "DRF's exception handler stands beside the errors it shows",
    "battery_db/lib/history.py": "who changed what, from simple-history",
    "battery_db/lib/pagination.py": "DRF's paginator",
    "battery_db/lib/permissions.py": "permissions of pages and endpoints",
    "battery_db/lib/storage.py": "Django's storages",
}
MODELS = ("cells.models", "cycling.models", "ml.models", "simulation.models", "battery_db.lib.runs")


def may_know_django(module) -> bool:
    is_root = str(module.parent) == "battery_db"
    return is_root or bool({*module.with_suffix("").parts[1:]} & DJANGO_NAMES)


def plumbing_of(module) -> str | None:
    return next((entry for entry in PLUMBING if str(module).startswith(entry)), None)


def django_imports(module) -> list[str]:
    return [
        name
        for name in imports_of(tree_of(module))
        if name.split(".")[0] in DJANGO_PACKAGES or name.startswith(MODELS)
    ]


PLAIN = [m for m in modules() if not may_know_django(m) and plumbing_of(m) is None]


@pytest.mark.parametrize("module", PLAIN, ids=str)
def test_a_plain_module_imports_no_django(module):
    assert django_imports(module) == []


@pytest.mark.parametrize("entry", PLUMBING)
def test_no_exemption_is_stale(entry):
    exempt = [m for m in modules() if plumbing_of(m) == entry and not may_know_django(m)]

    assert any(django_imports(module) for module in exempt), f"{entry} needs no exemption"
