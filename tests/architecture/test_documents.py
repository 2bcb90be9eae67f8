"""Documents name what exists, and all of it: settings, commands, formats, variables."""

import ast
import re

import pytest
import yaml
from django.core.management import get_commands

from tests.architecture.modules import PACKAGES, ROOT

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
DOCUMENTS = "\n".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))


def settings_variables() -> set[str]:
    """Names given to ``env.<type>("NAME", …)`` in settings.py."""
    tree = ast.parse((ROOT / "battery_db" / "settings.py").read_text())
    return {
        f"BATTERY_DB_{node.args[0].value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def own_commands() -> list[str]:
    return sorted(
        name
        for name, app in get_commands().items()
        if isinstance(app, str) and app.split(".")[0] in PACKAGES
    )


def test_the_settings_table_and_the_settings_agree():
    documented = set(re.findall(r"^\| `(BATTERY_DB_\w+)`", OPERATIONS, flags=re.MULTILINE))

    assert documented == settings_variables()


@pytest.mark.parametrize("command", own_commands())
def test_every_command_is_documented(command):
    assert f"`{command}" in DOCUMENTS


def test_every_variable_of_the_compose_file_is_in_the_example():
    compose = (ROOT / "docker-compose.yml").read_text()
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", compose))
    example = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert used == example


def test_every_application_variable_of_the_compose_file_exists():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())

    assert set(compose["x-app"]["environment"]) <= settings_variables()


def test_every_format_is_documented():
    from cycling.formats import FORMATS

    table = (ROOT / "docs" / "formats.md").read_text()

    assert [entry.name for entry in FORMATS if f"| `{entry.name}`" not in table] == []


def test_every_group_of_resources_is_documented():
    from battery_db.api import router

    page = (ROOT / "docs" / "rest.md").read_text()

    prefixes = {prefix.split("/")[0] for prefix, _, _ in router.registry}
    assert {prefix for prefix in prefixes if f"`{prefix}/" not in page} == set()


def test_every_tensor_is_documented_with_its_type_and_unit():
    from cycling.exports.tensor_schema import TENSORS

    page = (ROOT / "docs" / "rest.md").read_text()

    rows = {
        name: f"| `{name}` | {tensor.dtype}{' × ' + tensor.width if tensor.width else ''} | "
        f"{tensor.unit} | {tensor.meaning} |"
        for name, tensor in TENSORS.items()
    }
    assert [name for name, row in rows.items() if row not in page] == []


def test_the_changelog_knows_this_version():
    from battery_db import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
