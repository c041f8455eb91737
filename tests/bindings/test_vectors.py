# SPDX-License-Identifier: Apache-2.0
"""C and every language play the vectors against one vasto-server; the run ends with a table of language by vectors."""

import json
import os
import subprocess
import urllib.request

import pytest

import conftest
from languages import LANGUAGES, ROOT
from vasto_cluster import BUILD

FILES = sorted((ROOT / "tests/vectors").glob("*.jsonl"))
MODES = {"c": ("sync", "async"), **{name: language.modes for name, language in LANGUAGES.items()}}
LIMIT_S = 300


def wanted():
    """(file, vector) of all."""
    return [(path.stem, json.loads(line)["vector"]) for path in FILES for line in path.read_text().splitlines()]


def play(language, arguments, environment):
    if language == "c":
        command = [BUILD / "tests/vectors_runner", *arguments]
    else:
        command = [ROOT / "bindings" / conftest.ready(LANGUAGES[language]).name / "run", "vectors", *arguments]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
                          timeout=LIMIT_S)


@pytest.mark.parametrize("language,mode", [(name, mode) for name in sorted(MODES) for mode in MODES[name]])
def test_vectors(language, mode, server, record_property):
    arguments = []
    for path in FILES:
        keyspace = f"vectors-{language}-{mode}-{path.stem}"
        urllib.request.urlopen(urllib.request.Request(
            f"{server['VASTO_TEST_CONTROL']}/create?keyspace={keyspace}&shards=4&replicas=3", method="POST"), timeout=60)
        arguments.append(f"{mode}:{path}={keyspace}")
    done = play(language, arguments, server)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    files = {}
    for report in reports:
        passed, all_of_it = files.get(report["file"], (0, 0))
        files[report["file"]] = (passed + report["ok"], all_of_it + 1)
    record_property("vectors", (language, mode, files))
    assert [r for r in reports if not r["ok"]] == []
    assert [(r["file"], r["vector"]) for r in reports] == wanted()
    assert {r["mode"] for r in reports} == {mode}
