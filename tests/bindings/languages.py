# SPDX-License-Identifier: Apache-2.0
"""The languages that have a binding, and what runs them: bindings/NAME/run, whose head comment says how."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 600


class Language:
    """name: of the folder. programs: its toolchain. modes: of the vectors, as tests/vectors/README.md has them."""

    def __init__(self, name, programs, modes):
        self.name = name
        self.programs = programs
        self.modes = modes

    def missing(self):
        """The first program of the toolchain that is not here, or None."""
        return next((program for program in self.programs if shutil.which(program) is None), None)

    def run(self, *argv, environment=None, timeout_s=LIMIT_S, **kwargs):
        """The finished process of bindings/NAME/run."""
        return subprocess.run([ROOT / "bindings" / self.name / "run", *map(str, argv)], check=False,
                              env={**os.environ, **(environment or {})}, timeout=timeout_s, **kwargs)


LANGUAGES = {
    language.name: language for language in (
        Language("go", ("go",), ("sync",)),
        Language("java", ("java", "mvn"), ("sync", "async")),
        Language("node", ("node", "npm"), ("async",)),
        Language("python", ("python3",), ("sync", "async")),
        Language("rust", ("cargo",), ("sync", "async")),
    )
}
