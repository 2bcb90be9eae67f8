"""docker-compose.yml as Docker would understand it: interpolated, split into arguments."""

import re
import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from tests.deploy.processes import ROOT

VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::-(?P<default>[^}]*)|:\?[^}]*)?\}")
APPLICATION = ("web", "worker-default", "worker-cells", "worker-cycling", "beat", "migrate")


@cache
def compose_file() -> dict[str, Any]:
    """The file with its merge keys applied, not interpolated."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@cache
def example() -> dict[str, str]:
    """.env.example, with its empty secrets filled in."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    return {
        name: value or f"secret-of-{name}-0123456789-abcdefghijklmnopqrstuvwxyz"
        for name, value in pairs
    }


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match["name"] is None:
            return "$"
        return variables.get(match["name"]) or match["default"] or ""

    return VARIABLE.sub(value, text)


def command(service: str) -> list[str]:
    return shlex.split(interpolated(compose_file()["services"][service]["command"], example()))


def environment(service: str) -> dict[str, str]:
    pairs = compose_file()["services"][service]["environment"].items()
    return {name: interpolated(value, example()) for name, value in pairs}


def healthcheck(service: str) -> list[str]:
    """What Docker would run: an argument list, or a line for the shell."""
    kind, *rest = compose_file()["services"][service]["healthcheck"]["test"]
    words = [interpolated(word, example()) for word in rest]
    return words if kind == "CMD" else ["/bin/sh", "-c", *words]
