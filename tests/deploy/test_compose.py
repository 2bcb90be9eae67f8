"""docker-compose.yml: valid, safe by default, and nothing without a healthcheck."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.compose import APPLICATION, compose_file
from tests.deploy.processes import ROOT

SERVICES = compose_file()["services"]
ONE_SHOT = {"migrate", "create-bucket"}  # they end; their exit code is their health


def test_it_follows_the_compose_specification():
    checked = subprocess.run(
        [
            str(Path(sys.executable).with_name("check-jsonschema")),
            "--builtin-schema",
            "vendor.compose-spec",
            "docker-compose.yml",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_restarts_and_gains_no_privileges(name):
    service = SERVICES[name]

    assert "no-new-privileges:true" in service["security_opt"]
    assert service["restart"] == ("on-failure:3" if name in ONE_SHOT else "unless-stopped")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_that_stays_has_a_healthcheck(name):
    check = SERVICES[name]["healthcheck"]

    assert check == {"disable": True} if name in ONE_SHOT else check["test"]


def test_only_the_proxy_is_reachable_from_outside():
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]


def test_every_queue_has_a_pool_of_workers():
    from battery_db.celery import QUEUES

    assert {f"worker-{queue}" for queue in QUEUES} == {
        name for name in SERVICES if name.startswith("worker-")
    }


def test_raw_files_are_mounted_read_only():
    for name in APPLICATION:
        assert all(volume.endswith(":ro") for volume in SERVICES[name]["volumes"])


def test_the_image_runs_as_nobody_special():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]

    assert int(users[-1]) >= 1000
    assert any(line.startswith("HEALTHCHECK") for line in lines)
