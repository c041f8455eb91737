#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a test program against live clusters: run_with_server.py [--clusters N] PROGRAM [ARGUMENT...]

Each cluster is one vasto-server with three stores in a private folder on a free port, with the
keyspace "capi" of 4 shards. Their addresses are in CAPI_MASTER and CAPI_MASTER2. Exit code: the
program's, 1 when a program is not built or a server did not end cleanly.
"""

import argparse
import contextlib
import os
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))

import vasto_cluster  # noqa: E402

SHARDS = 4


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clusters", type=int, default=1)
    parser.add_argument("program", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    for needed in ("vasto-server", "vastoadm"):
        if not (vasto_cluster.BIN / needed).exists():
            print(f"{needed} is not built", file=sys.stderr)
            return 1
    with contextlib.ExitStack() as stack:
        env = dict(os.environ)
        clusters = []
        for number in range(args.clusters):
            cluster = stack.enter_context(vasto_cluster.Cluster(stores=3, server=True))
            clusters.append(cluster)
            cluster.wait_for_stores(3)
            cluster.create("capi", SHARDS)
            env["CAPI_MASTER" + (str(number + 1) if number else "")] = cluster.address
        code = subprocess.run([args.program, *args.arguments], env=env, check=False).returncode
        if code not in (0, 77):
            for cluster in clusters:
                print(cluster.logs(), file=sys.stderr)
        return code if code >= 0 else 128 - code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AssertionError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
