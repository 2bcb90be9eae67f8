"""Production as docker-compose.yml describes it, run natively: its commands, its healthchecks."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import services
from tests.deploy import compose
from tests.deploy.processes import ROOT, lab_environment, wait_until

STARTING = ("web", "worker-default", "worker-cells", "worker-cycling", "beat")
START_S = 120
BIN = str(Path(sys.executable).parent)


def only_with_servers():
    if os.environ.get("BATTERY_DB_TEST_PROFILE") != "server":
        pytest.skip("needs PostgreSQL and Redis: run without --profile sqlite")


class Production:
    """The services of the compose file as local processes, on a database of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = str(services.free_port())
        database = f"production_{os.getpid()}"
        services.create_database(os.environ["BATTERY_DB_DATABASE_URL"], database)
        base, _, _ = os.environ["BATTERY_DB_DATABASE_URL"].rpartition("/")
        redis, _, _ = os.environ["BATTERY_DB_REDIS_URL"].rpartition("/")
        self.places = {
            "BATTERY_DB_DATABASE_URL": f"{base}/{database}",
            "BATTERY_DB_REDIS_URL": f"{redis}/7",
            "BATTERY_DB_DATA_DIR": str(folder / "var"),
            "BATTERY_DB_S3_BUCKET": "",  # test_object_storage has the bucket
        }
        self.running: dict[str, subprocess.Popen] = {}

    def environment(self, service: str) -> dict[str, str]:
        variables = {**compose.environment(service), **self.places}
        return {**lab_environment(**variables), "PATH": f"{BIN}:{os.environ['PATH']}"}

    def here(self, arguments: list[str]) -> list[str]:
        """A port and a folder of our own in place of the container's."""
        moved = [word.replace(":8000", f":{self.port}") for word in arguments]
        return [word.replace("/tmp/beat", f"{self.folder}/beat") for word in moved]

    def run(self, service: str, arguments: list[str], **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            self.here(arguments),
            cwd=ROOT,
            env=self.environment(service),
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    def start(self, service: str) -> None:
        with (self.folder / f"{service}.log").open("w") as log:
            self.running[service] = subprocess.Popen(
                self.here(compose.command(service)),
                cwd=ROOT,
                env=self.environment(service),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_healthy(self, service: str) -> bool:
        if self.running[service].poll() is not None:
            pytest.fail(f"{service} ended:\n{(self.folder / f'{service}.log').read_text()}")
        return self.run(service, compose.healthcheck(service)).returncode == 0

    def shell(self, code: str) -> str:
        done = self.run("web", ["python", "manage.py", "shell", "--no-imports", "-c", code])
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def stop(self) -> dict[str, int]:
        for process in self.running.values():
            process.terminate()
        try:
            return {name: process.wait(60) for name, process in self.running.items()}
        finally:
            for process in self.running.values():
                process.kill()


@pytest.mark.slow
@pytest.mark.services
def test_every_service_starts_is_healthy_and_stops_and_a_job_is_done(tmp_path):
    only_with_servers()
    production = Production(tmp_path)
    migrated = production.run("migrate", compose.command("migrate"))
    assert migrated.returncode == 0, migrated.stderr

    try:
        for service in STARTING:
            production.start(service)
        for service in STARTING:
            wait_until(
                lambda service=service: production.is_healthy(service),
                seconds=START_S,
                what=f"{service} to be healthy",
            )
        job = production.shell(
            "from battery_db.lib.runs import engine;"
            "print(engine.enqueue('cells.identify', trigger='command').pk)"
        )
        state = production.shell(
            "import time; from battery_db.lib.runs.models import Job\n"
            f"job = Job.objects.get(pk='{job}')\n"
            "for _ in range(300):\n"
            "    job.refresh_from_db()\n"
            "    if not job.is_active: break\n"
            "    time.sleep(0.1)\n"
            "print(job.state)"
        )
    finally:
        codes = production.stop()

    assert state == "succeeded"
    assert set(codes.values()) == {0}, codes


def test_a_dead_web_process_is_not_healthy(tmp_path):
    only_with_servers()

    assert Production(tmp_path).run("web", compose.healthcheck("web")).returncode != 0


@pytest.mark.services
def test_the_healthcheck_of_postgresql_tells_up_from_down():
    only_with_servers()
    program, *arguments = compose.healthcheck("db")
    binary = services.postgresql_bin() / program
    if not binary.exists():
        pytest.skip("pg_isready is not installed")
    port = os.environ["BATTERY_DB_DATABASE_URL"].rpartition(":")[2].partition("/")[0]

    def code(port: str) -> int:
        server = {"PGHOST": "127.0.0.1", "PGPORT": port}
        done = subprocess.run([binary, *arguments], env={**os.environ, **server}, check=False)
        return done.returncode

    assert code(port) == 0
    assert code(str(services.free_port())) != 0


@pytest.mark.services
def test_redis_starts_with_its_password_and_its_healthcheck_knows(tmp_path):
    only_with_servers()
    if shutil.which("redis-cli") is None:
        pytest.skip("redis-cli is not installed")
    port = str(services.free_port())
    _, *options = compose.command("redis")
    check = compose.healthcheck("redis")
    check[-1] = check[-1].replace("redis-cli", f"redis-cli -p {port}")

    def is_healthy(**variables: str) -> bool:
        found = subprocess.run(
            check, env={**os.environ, **variables}, check=False, capture_output=True
        )
        return found.returncode == 0

    assert not is_healthy(**compose.environment("redis"))
    server = subprocess.Popen(
        [services.redis_binary(), *options, "--port", port, "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_until(
            lambda: is_healthy(**compose.environment("redis")), seconds=20, what="redis to answer"
        )
        assert not is_healthy(REDISCLI_AUTH="wrong")
    finally:
        server.terminate()
        server.wait()


def production_code(tmp_path, code: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{code}"],
        cwd=ROOT,
        env=lab_environment(
            **{
                **compose.environment("web"),
                "BATTERY_DB_DATA_DIR": str(tmp_path / "var"),
                **variables,
            }
        ),
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_variables_select_postgresql_redis_and_object_storage(tmp_path):
    code = """
import json
from django.conf import settings
from django.core.cache import caches
from django.core.files.storage import storages
from django.db import connection
print(json.dumps({
    "database": connection.vendor,
    "host": settings.DATABASES["default"]["HOST"],
    "cache": type(caches["default"]).__name__,
    "broker": settings.CELERY_BROKER_URL.split(":")[0],
    "series": type(storages["series"]).__name__,
    "folder": storages["series"].location,
}))
"""

    done = production_code(tmp_path, code)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "database": "postgresql",
        "host": "db",
        "cache": "RedisCache",
        "broker": "redis",
        "series": "S3Storage",
        "folder": "series",
    }


def test_object_storage_keeps_replaces_and_removes_a_series(tmp_path):
    code = """
import io
import boto3, moto
import polars as pl
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from battery_db.lib import series

frame = series.standardise(pl.DataFrame(
    {"test_time_second": [0.0, 1.0], "voltage_volt": [3.0, 3.1], "current_ampere": [1.0, 1.0]}
))
buffer = io.BytesIO()
series.write_parquet(frame, buffer, {"format": "test"})
with moto.mock_aws():
    boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="battery-db")
    store = storages["series"]
    name = store.save("cycling/ab/ab.r1.parquet", ContentFile(buffer.getvalue()))
    again = store.save(name, ContentFile(buffer.getvalue()))
    assert name == again == "cycling/ab/ab.r1.parquet", (name, again)
    with store.open(name) as file:
        assert series.read_parquet(file).equals(frame)
    assert not storages["default"].exists(name), "storages share a folder"
    store.delete(name)
    assert not store.exists(name)
"""

    done = production_code(
        tmp_path,
        code,
        BATTERY_DB_S3_ENDPOINT_URL="",
        BATTERY_DB_S3_REGION="us-east-1",
    )

    assert done.returncode == 0, done.stderr


def test_the_deployment_check_finds_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=lab_environment(
            **{**compose.environment("web"), "BATTERY_DB_DATA_DIR": str(tmp_path / "var")}
        ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_https_with_the_built_in_key_is_refused(tmp_path):
    done = production_code(tmp_path, "", BATTERY_DB_SECRET_KEY="")

    assert done.returncode != 0
    assert "BATTERY_DB_SECRET_KEY" in done.stderr
