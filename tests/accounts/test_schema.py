"""The OpenAPI schema: without warnings, checked in, and complete."""

import re
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command

from tests.accounts.routes import all_routes

# SQLite and PostgreSQL have integers of different lengths.
LIMITS_OF_DATABASE = re.compile(
    r"^ +(maximum: (32767|\d{10,})|minimum: (-\d{10,}|0)|format: int64)\n", re.M
)
CHECKED_IN = Path(__file__).parents[2] / "docs" / "openapi.yaml"


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("schema") / "openapi.yaml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    return path.read_text()


def test_the_schema_in_the_documents_is_current(generated):
    current = LIMITS_OF_DATABASE.sub("", generated)
    kept = LIMITS_OF_DATABASE.sub("", CHECKED_IN.read_text())

    assert current == kept, "make schema"


def test_every_endpoint_is_in_the_schema(generated):
    described = len(yaml.safe_load(generated)["paths"])
    endpoints = {route.path for route in all_routes() if route.api_class is not None}

    # The root and the schema itself are left out.
    assert described == len(endpoints) - 2


def test_a_browser_too_gets_json(client_as):
    answer = client_as("viewer").get("/api/v1/cells/", headers={"accept": "text/html,*/*"})

    assert answer["Content-Type"] == "application/json"
