"""Pages and the queueing of jobs load neither PyTorch nor PyBaMM nor SciPy: seconds and 200 MB each."""

import subprocess
import sys

import pytest

from tests.deploy.processes import ROOT, lab_environment

HEAVY = ("torch", "pybamm", "sklearn", "scipy", "onnxruntime")
LOAD = {
    "pages": "import battery_db.urls",
    "tasks": "from battery_db.celery import app; app.loader.import_default_modules()",
}


@pytest.mark.parametrize("what", LOAD)
def test_loading_leaves_heavy_libraries_alone(what, tmp_path):
    code = (
        f"import sys, django; django.setup(); {LOAD[what]}; "
        f"print(*[name for name in {HEAVY} if name in sys.modules])"
    )

    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=lab_environment(BATTERY_DB_DATA_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (loaded.returncode, loaded.stdout.split()) == (0, []), loaded.stderr
