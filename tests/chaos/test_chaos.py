"""Workers killed, the database taken away: every job is done exactly once all the same."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import services
from tests.deploy.processes import ROOT, lab_environment, processes_with, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.services]
OUTAGE_S = float(os.environ.get("BATTERY_DB_TEST_OUTAGE_SECONDS", "30"))
LIMIT_S = 200
# `make kill` kills a hundred.
KILLS = int(os.environ.get("IMPORT_KILLS", "6"))
REFUSED = 401  # the answer to a session that the database does not know


@pytest.fixture
def postgresql():
    """A server that only this test uses, and may stop."""
    # Not in tmp_path, which only we may enter: the server may run as another user.
    with tempfile.TemporaryDirectory(prefix="battery_db-tests-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = services.PostgreSQL(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture
def redis(tmp_path):
    server = services.Redis(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def embedded(tmp_path):
    return environment(tmp_path)


@pytest.fixture
def production(tmp_path, postgresql, redis):
    return environment(
        tmp_path, BATTERY_DB_DATABASE_URL=postgresql.url(), BATTERY_DB_REDIS_URL=redis.url()
    )


def environment(folder, **variables):
    return lab_environment(
        BATTERY_DB_DATA_DIR=str(folder / "var"),
        BATTERY_DB_JOB_LEASE_SECONDS="4",
        BATTERY_DB_JOB_MAX_ATTEMPTS="20",
        **variables,
    )


@contextmanager
def started(*arguments, variables, **options):
    """A Python process that does not outlive its test."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", *arguments], cwd=ROOT, env=variables, **options
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def driven(scenario, variables):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return started("tests.chaos.driver", scenario, variables=variables, **pipes)


def result_of(process):
    output, errors = process.communicate(timeout=LIMIT_S + 10 * KILLS)
    assert process.returncode == 0, errors[-4000:]
    return json.loads(output.splitlines()[-1])


@pytest.mark.parametrize("profile", ["embedded", "production"])
def test_every_job_is_done_once_though_whole_workers_are_killed(profile, request):
    variables = request.getfixturevalue(profile)

    with driven("chaos", variables) as lab:
        found = result_of(lab)

    assert found["states"] == ["succeeded"], found
    assert found["jobs"] == found["effects"] == found["distinct"] == 40, found
    assert found["killed"] == 3
    assert found["restarts"] >= 1, "no kill hit a running job"
    marker = f"BATTERY_DB_DATA_DIR={variables['BATTERY_DB_DATA_DIR']}"
    wait_until(lambda: not processes_with(marker), seconds=20, what="the workers to end")


@pytest.mark.parametrize("profile", ["embedded", "production"])
def test_a_worker_killed_in_mid_import_leaves_each_file_imported_once(profile, request):
    with driven("imports", request.getfixturevalue(profile)) as lab:
        found = result_of(lab)

    assert found["state"] == "succeeded", found
    assert found["killed"] == found["restarts"] == 2, found
    assert found["tests"] == found["result"]["imported"] == 20
    assert found["half_cycles"] == found["distinct"] == found["expected"]


@pytest.mark.parametrize("profile", ["embedded", "production"])
def test_imports_killed_at_any_moment_leave_what_one_clean_import_does(profile, request):
    found = growing("kills", KILLS, request.getfixturevalue(profile))

    assert found["killed"] == KILLS
    assert found["rows"] > 4000


@pytest.mark.parametrize(("scenario", "nights"), [("twins", 6), ("twice", 4)])
def test_two_workers_on_one_file_leave_what_one_clean_import_does(scenario, nights, production):
    found = growing(scenario, nights, production)

    assert found["nights"] == found.get("ran", nights) == nights


def growing(scenario, number, variables):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    arguments = ("tests.chaos.imports", scenario, str(number), "1")
    with started(*arguments, variables=variables, **pipes) as lab:
        return result_of(lab)


def test_a_job_and_the_site_go_on_after_the_database_was_away(production, postgresql):
    port = services.free_port()
    with driven("outage", production) as lab, served(production, port):
        assert lab.stdout.readline() == "running\n"
        wait_until(lambda: status(port) == REFUSED, seconds=60, what="the site")
        postgresql.stop()
        during = {status(port)}
        time.sleep(OUTAGE_S)
        during.add(status(port))
        alive = status(port, "healthz")
        postgresql.start()

        wait_until(lambda: status(port) == REFUSED, seconds=30, what="the site to answer again")
        found = result_of(lab)

    assert REFUSED not in during
    assert alive == 200
    assert found["states"] == ["succeeded"]
    assert found["effects"] == found["distinct"] == 1
    assert found["restarts"] >= 1


def served(variables, port):
    serve = ["--bind", f"127.0.0.1:{port}", "--threads", "2", "--no-control-socket"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return started("gunicorn", "battery_db.wsgi:application", *serve, variables=variables, **quiet)


def status(port, page="api/v1/jobs/"):
    """The answer to a request with a session that the database has to be asked for."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/{page}", headers={"Cookie": "sessionid=" + "a" * 32}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
