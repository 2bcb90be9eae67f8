"""Shared fixtures: the cast of people, and the real files beside the project."""

import os
from pathlib import Path

import pytest

REAL_DATA = Path(
    os.environ.get("BATTERY_DB_REAL_DATA", Path(__file__).parents[2] / "shared" / "data")
)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real instrument files; tests that need it skip where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"real files are absent: {REAL_DATA}")
    return REAL_DATA


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    """No test writes into the working tree's var/ folder."""
    settings.DATA_DIR = tmp_path / "var"
    settings.DATA_DIR.mkdir()
    settings.STORAGES = {
        **settings.STORAGES,
        **{
            name: {
                "BACKEND": "battery_db.lib.storage.AtomicFileSystemStorage",
                "OPTIONS": {"location": str(tmp_path / "storage" / name)},
            }
            for name in ("default", "series", "snapshots")
        },
    }


@pytest.fixture
def people(db):
    """One account per role: ``people["viewer"]`` … ``people["admin"]``."""
    from django.contrib.auth.models import Group, User

    from battery_db.accounts.roles import ensure_roles

    ensure_roles()
    cast = {}
    for role in ("viewer", "member", "curator", "admin"):
        user = User.objects.create_user(role, f"{role}@lab.example", "correct horse battery")
        user.groups.add(Group.objects.get(name=role))
        cast[role] = user
    return cast


@pytest.fixture
def client_as(people):
    """``client_as("member")`` is a Django test client signed in as that role."""
    from django.test import Client

    def sign_in(role: str) -> Client:
        client = Client()
        client.force_login(people[role])
        return client

    return sign_in


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch):
    """Jobs stay queued in tests until the test drains them; nothing is sent anywhere."""
    monkeypatch.setattr("battery_db.lib.runs.tasks.run_job.apply_async", lambda *a, **k: None)
