"""A nightly scan of 300,000 known files of which 300 have changed, beside a bare walk.

The files are small, each with a content of its own, spread over 1,000 folders, in a
database of its own (SQLite, or what BATTERY_DB_DATABASE_URL names). The peer is ``os.walk`` with a
``stat`` per file: no scan can do with less. Peak memory is that of a process which did
nothing but the nightly scan.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

FILES = int(os.environ.get("BENCH_FILES", "300000"))
FOLDERS = 1000
CHANGED = 300
RUNS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.environ["BATTERY_DB_DATA_DIR"] = str(Path(place) / "var")
        root = Path(place) / "cyclers"
        lay_out(root)
        bare = statistics.median(timed(lambda: walk_bare(root)) for _ in range(RUNS))
        first = in_process("scan", root)
        again = [in_process("scan", root) for _ in range(RUNS)]
        for number in range(CHANGED):
            change(root, number)
        night = in_process("scan", root)
    print(f"{FILES} files, {CHANGED} changed")
    print(f"os.walk and stat                {bare:8.2f} s")
    print(f"first scan, all read            {first[0]:8.2f} s")
    unchanged = statistics.median(seconds for seconds, _ in again)
    print(f"nothing changed                 {unchanged:8.2f} s = {unchanged / bare:.1f} x the walk")
    print(
        f"{CHANGED} changed                     {night[0]:8.2f} s = {night[0] / bare:.1f} x the walk"
    )
    print(f"peak resident memory of a nightly scan {night[1]:.0f} MiB, before it {idle():.0f} MiB")


def lay_out(root: Path) -> None:
    for number in range(FILES):
        folder = root / f"rack{number % FOLDERS:04d}"
        if number < FOLDERS:
            folder.mkdir(parents=True)
        path = folder / f"Sb_CYC_{10000 + number}_NW_c0_42V_30C_1C1C_240131.txt"
        path.write_bytes(b"%d" % number)
        os.utime(path, (1.7e9, 1.7e9))


def change(root: Path, number: int) -> None:
    path = root / f"rack{number % FOLDERS:04d}"
    path /= f"Sb_CYC_{10000 + number}_NW_c0_42V_30C_1C1C_240131.txt"
    path.write_bytes(b"changed %d" % number)
    os.utime(path, (1.71e9, 1.71e9))


def walk_bare(root: Path) -> int:
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            total += os.stat(os.path.join(folder, name)).st_size  # noqa: PTH116, PTH118
    return total


def timed(run: object) -> float:
    began = time.perf_counter()
    run()  # type: ignore[operator]
    return time.perf_counter() - began


def in_process(what: str, root: Path) -> tuple[float, float]:
    """Seconds, and MiB at the peak, of a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, what, str(root)], capture_output=True, text=True, check=True
    )
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), float(memory)


def idle() -> float:
    return in_process("idle", Path())[1]


def scan(what: str, root: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "battery_db.settings")
    django.setup()
    from django.core.management import call_command

    from cells.jobs.files import scan_folder
    from cells.models import Folder

    call_command("migrate", verbosity=0)
    seconds = 0.0
    if what == "scan":
        folder, _ = Folder.objects.get_or_create(name="rack", defaults={"path": root})
        seconds = timed(lambda: scan_folder(folder.pk))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, peak)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        scan(*sys.argv[1:])
    else:
        main()
