# SPDX-License-Identifier: Apache-2.0
"""Stores whose clock can be moved and whose power can be taken away, by a library that is preloaded into them (faults/faults.cc)."""

import os
import struct
import subprocess

from net_cluster import NetCluster
from vasto_cluster import BUILD, SLOW, environment

LIBRARY = BUILD / "tests" / "libvasto_test_faults.so"
# A sanitizer's own library has to be the first that is loaded. Without ours there are no faults.
AVAILABLE = SLOW == 1


class FaultyStores:
    """Comes before Cluster, or what is made from it, among the bases of a class."""

    def environment_of(self, name):
        if not AVAILABLE or not name.startswith("store"):
            return super().environment_of(name)
        folder = self._faults(name)
        folder.mkdir(exist_ok=True)
        if not (folder / "clock").exists():
            (folder / "clock").write_bytes(struct.pack("=q", 0))
        return {**environment(self.folder), "LD_PRELOAD": str(LIBRARY), "FAULTS_DIR": str(folder)}

    def _faults(self, name):
        return self.folder / f"faults-{name}"

    def move_clock(self, index, ahead_s):
        """The store's wall clock is from now on so far ahead of ours; also when it is started again."""
        with open(self._faults(f"store{index}") / "clock", "r+b", buffering=0) as clock:
            clock.write(struct.pack("=q", int(ahead_s * 1e6)))

    def cut_power(self, indexes):
        """The stores die, and with them what they had not synced of each file. How many bytes that were.

        That a folder was not synced, so that a file or a renaming is gone, is left out.
        """
        for index in indexes:
            self.stores[index].kill9()
        return sum(self._lose_unsynced(index) for index in indexes)

    def _lose_unsynced(self, index):
        safe = {}  # (inode, birth) -> size
        for line in (self._faults(f"store{index}") / "synced").read_text().splitlines():
            inode, birth, size = line.split()
            safe[inode, birth] = int(size)
        lost = 0
        files = [path for path in self.store_folder(index).rglob("*") if path.is_file()]
        for path, file in zip(files, _identities(files)):
            surplus = path.stat().st_size - safe.get(file, 0)
            if surplus > 0:
                os.truncate(path, safe.get(file, 0))
                lost += surplus
        return lost


class FaultyNetCluster(FaultyStores, NetCluster):
    pass


def _identities(paths):
    """(inode, birth) of each, in the words of the library."""
    listing = subprocess.run(["stat", "-c", "%i %.9W", *paths], capture_output=True, text=True,
                             env={**os.environ, "LC_ALL": "C"}, check=True)
    return [tuple(line.split()) for line in listing.stdout.splitlines()]
