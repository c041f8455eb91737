# SPDX-License-Identifier: Apache-2.0
"""The tree that the lint rules look at: which files there are, read once."""

import functools
import os
import subprocess
from pathlib import Path

SKIPPED_FOLDERS = {".git", "__pycache__", ".pytest_cache", ".cache"}
CPP_SUFFIXES = {".h", ".cc", ".c", ".cpp", ".inc"}


class SourceTree:
    """Files are named by their path relative to the root, with forward slashes."""

    def __init__(self, root, build):
        self.root = Path(root).resolve()
        self.build = Path(build).resolve()

    @functools.cached_property
    def files(self):
        """Without what git ignores, where there is a git to ask: what package managers bring."""
        if (self.root / ".git").exists():
            listed = subprocess.run(
                ["git", "-C", str(self.root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                capture_output=True, check=True).stdout.decode().split("\0")
            return sorted({f for f in listed if f and (self.root / f).is_file()})
        found = []
        for folder, subfolders, names in os.walk(self.root):
            top = Path(folder) == self.root
            subfolders[:] = sorted(
                d for d in subfolders
                if d not in SKIPPED_FOLDERS and not (top and (d == "build" or d[:6] == "build-")))
            found += [(Path(folder) / n).relative_to(self.root).as_posix() for n in sorted(names)]
        return found

    @functools.cached_property
    def cpp_files(self):
        return [f for f in self.files if Path(f).suffix in CPP_SUFFIXES]

    @functools.lru_cache(maxsize=None)
    def text(self, name):
        """The text of a file; an empty string when it is binary."""
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            return ""

    def exists(self, name):
        return (self.root / name).exists()
