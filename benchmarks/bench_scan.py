"""A nightly scan of known files of which 300 have changed, beside a bare walk.

PYTHONPATH=. python benchmarks/bench_scan.py [FILES]    (20,000 unless given; a lab has 300,000)

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

FILES = int(
    sys.argv[1]
    if sys.argv[1:2] and sys.argv[1].isdigit()
    else os.environ.get("BENCH_FILES", "20000")
)
FOLDERS = 1000
CHANGED = 300
RUNS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.environ["BATTERY_DB_DATA_DIR"] = str(Path(place) / "var")
        root = Path(place) / "cyclers"
        lay_out(root)
        walks = [timed(lambda: walk_bare(root)) for _ in range(RUNS)]
        bare = tuple(statistics.median(each) for each in zip(*walks, strict=True))
        first = in_process("scan", root)
        again = [in_process("scan", root) for _ in range(RUNS)]
        for number in range(CHANGED):
            change(root, number)
        night = in_process("scan", root)
    unchanged = tuple(statistics.median(each) for each in zip(*again, strict=True))
    print(
        f"{FILES} files, {CHANGED} changed{'':10}{'s':>8}{'CPU s':>8}{'of the walk':>13}{'CPU':>7}"
    )
    for label, times in (
        ("os.walk and stat", bare),
        ("first scan, all read", first),
        ("nothing changed", unchanged),
        (f"{CHANGED} changed", night),
    ):
        print(
            f"{label:32}{times[0]:8.2f}{times[1]:8.2f}"
            f"{times[0] / bare[0]:12.1f}x{times[1] / bare[1]:6.1f}x"
        )
    print(f"peak resident memory of a nightly scan {night[2]:.0f} MiB, before it {idle():.0f} MiB")


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


def timed(run: object) -> tuple[float, float]:
    """Seconds of wall clock, and of the processor with what the file system took of it."""
    began, cpu_began = time.perf_counter(), time.process_time()
    run()  # type: ignore[operator]
    return time.perf_counter() - began, time.process_time() - cpu_began


def in_process(what: str, root: Path) -> tuple[float, float, float]:
    """Seconds, CPU seconds, and MiB at the peak, of a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, what, str(root)], capture_output=True, text=True, check=True
    )
    seconds, processor, memory = done.stdout.split()[-3:]
    return float(seconds), float(processor), float(memory)


def idle() -> float:
    return in_process("idle", Path())[2]


def scan(what: str, root: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "battery_db.settings")
    django.setup()
    from django.core.management import call_command

    from cells.jobs.files import scan_folder
    from cells.models import Folder

    call_command("migrate", verbosity=0)
    seconds = processor = 0.0
    if what == "scan":
        folder, _ = Folder.objects.get_or_create(name="rack", defaults={"path": root})
        seconds, processor = timed(lambda: scan_folder(folder.pk))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(seconds, processor, peak)


if __name__ == "__main__":
    if sys.argv[1:2] in (["scan"], ["idle"]):
        scan(*sys.argv[1:])
    else:
        main()
