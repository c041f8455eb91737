#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command beside a live cluster: with_cluster.py [--server] COMMAND [ARGUMENT...]

The cluster is a master and three stores, or with --server one vasto-server, in a private folder on free
ports. The command finds in its environment

  VASTO_TEST_MASTER   the address of the master
  VASTO_TEST_CONTROL  an http address that takes what is done to the cluster, as POST ADDRESS/ACTION?NAME=VALUE&...
  VASTO_LIBRARY       the path of the libvasto.so.1 that was built

Actions; each answers 200 when it is done, 500 with a text when it failed:

  create?keyspace=K[&shards=N][&replicas=N][&acks=A]   delete?keyspace=K   clear (deletes all)
  primary?keyspace=K[&shard=N]                         answers the number of the store of the primary
  kill?store=N (-9)   start?store=N (at its former address)   pause?store=N   resume?store=N
  restart                                              all stores, one after the other; the whole server with --server

Exit code: the command's, 1 when the cluster did not start or did not end cleanly.
"""

import argparse
import contextlib
import http.server
import os
import signal
import subprocess
import sys
import threading
import urllib.parse
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cluster"))

import replicas  # noqa: E402
import vasto_cluster  # noqa: E402

STORES = 3


class Actions:
    """What may be done to a cluster; each returns the text of the answer. One at a time."""

    def __init__(self, cluster, server):
        self._cluster = cluster
        self._server = server
        self._paused = set()
        self._lock = threading.Lock()

    def do(self, action, values):
        method = getattr(self, action, None)
        if method is None or action.startswith("_") or action == "do":
            raise ValueError(f"no such action: {action}")
        with self._lock:
            return method(**values) or ""

    def resume_all(self):
        for number in list(self._paused):
            self.resume(number)

    def create(self, keyspace, shards="1", replicas="1", acks="one"):
        self._cluster.create(keyspace, shards, replicas, "--acks", acks)

    def delete(self, keyspace):
        self._cluster.vastoadm("keyspace", "delete", keyspace, "--yes")

    def clear(self):
        """Deletes all keyspaces: a store takes milliseconds to close each shard, and a stop has seconds."""
        for keyspace in self._cluster.vastoadm("-o", "json", "keyspace", "list").json["keyspaces"]:
            self.delete(keyspace["name"])

    def primary(self, keyspace, shard="0"):
        return str(replicas.primary_of(self._cluster, keyspace, int(shard)))

    def kill(self, store):
        self._cluster.stores[int(store)].kill9()

    def start(self, store):
        self._cluster.start_store(int(store), address=self._cluster.stores[int(store)].address)

    def pause(self, store):
        process = self._cluster.stores[int(store)]
        process.signal(signal.SIGSTOP)
        self._paused.add(store)
        vasto_cluster.wait_until(lambda: stopped(process.pid), "the store to stand still")

    def resume(self, store):
        self._cluster.stores[int(store)].signal(signal.SIGCONT)
        self._paused.discard(store)

    def restart(self):
        if self._server:
            assert self._cluster.master.stop() == 0, "the server did not end cleanly"
            self._cluster.start_server(STORES)
        for number in self._cluster.stores:
            self._cluster.restart_store(number)
        self._cluster.wait_for_stores(STORES)


def stopped(pid):
    """Whether every thread of the process stands still."""
    states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in Path(f"/proc/{pid}/task").iterdir()]
    return set(states) == {"T"}


def handler(actions):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # noqa: N802 (the name is http.server's)
            url = urllib.parse.urlsplit(self.path)
            try:
                code, text = 200, actions.do(url.path.strip("/"), dict(urllib.parse.parse_qsl(url.query)))
            except Exception as error:  # whatever it is, the test is told
                code, text = 500, f"{type(error).__name__}: {error}"
            body = text.encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            # Java's client would take the connection for one that stays, as it stands in no header.
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


@contextlib.contextmanager
def live_cluster(server=False):
    """The environment for programs that are to use a cluster; it ends with the block."""
    with vasto_cluster.Cluster(stores=STORES, server=server) as cluster:
        cluster.wait_for_stores(STORES)
        actions = Actions(cluster, server)
        control = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler(actions))
        thread = threading.Thread(target=control.serve_forever)
        thread.start()
        try:
            yield {"VASTO_TEST_MASTER": cluster.address,
                   "VASTO_TEST_CONTROL": f"http://127.0.0.1:{control.server_port}",
                   "VASTO_LIBRARY": str(vasto_cluster.BUILD / "lib" / "libvasto.so.1")}
        finally:
            control.shutdown()
            thread.join()
            control.server_close()
            actions.resume_all()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if not args.command:
        parser.error("no command")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with live_cluster(args.server) as environment:
        code = subprocess.run(args.command, env={**os.environ, **environment}, check=False).returncode
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AssertionError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
