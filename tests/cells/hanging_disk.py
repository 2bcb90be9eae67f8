"""The child of ``cells.disk`` on a share of which the folders named ``hangs…`` never answer."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from cells import disk

list_folder, copy_file = disk.list_folder, disk.copy_file


def hang(root, path=""):
    if path.startswith("hangs"):
        time.sleep(3600)
    return list_folder(root, path)


def hang_in_reading(path, *arguments):
    if "/hangs" in path:
        time.sleep(3600)
    copy_file(path, *arguments)


disk.list_folder, disk.copy_file = hang, hang_in_reading
disk.main(sys.argv[1:])
