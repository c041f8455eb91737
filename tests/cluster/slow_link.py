#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A link whose packets come back later, in their order.

The packets go through a process of their own, so that the threads of a test do not hold them up. It
ends with its end of a socket, on which it is told to stall ("s"), to go on ("g") and to say how many
packets came back ("n").
"""

import contextlib
import fcntl
import heapq
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x0001 | 0x1000
ANSWER_S = 10


class SlowLink:
    """An interface of this name in this thread's network. Raises OSError when there can be none.

    delay_s: for each packet. bytes_per_s: of each pair of nodes and direction; 0: no limit. What
    does not fit into `room` bytes is dropped, as routers do. While it is stalled nothing comes back.
    """

    def __init__(self, name, delay_s=0.0, bytes_per_s=0, room=256 << 10):
        limits = json.dumps({"delay_s": delay_s, "bytes_per_s": bytes_per_s, "room": room})
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN_NO_PI))
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, __file__, str(tun), str(theirs.fileno()), limits],
                    pass_fds=(tun, theirs.fileno()))
        finally:
            os.close(tun)
        self._control.settimeout(ANSWER_S)

    def stall(self):
        self._control.send(b"s")

    def go_on(self):
        self._control.send(b"g")

    def packets(self):
        """How many came back."""
        self._control.send(b"n")
        return int(self._control.recv(64))

    def close(self):
        self._control.close()
        self._process.wait(ANSWER_S)


class Packets:
    """Those that are held back. Times: time.monotonic()."""

    def __init__(self, delay_s, bytes_per_s, room):
        self._delay_s, self._bytes_per_s, self._room = delay_s, bytes_per_s, room
        self._held, self._used, self._free_at = [], {}, {}
        self._number = 0

    def add(self, packet, now):
        pair = packet[12:20]  # the addresses of an IPv4 head
        used = self._used.get(pair, 0)
        if used + len(packet) > self._room:
            return
        start = max(now, self._free_at.get(pair, 0))
        end = start + (len(packet) / self._bytes_per_s if self._bytes_per_s else 0)
        self._free_at[pair] = end
        self._used[pair] = used + len(packet)
        self._number += 1
        heapq.heappush(self._held, (end + self._delay_s, self._number, packet))

    def next_s(self, now):
        """Until one is due; None: there is none."""
        return max(0, self._held[0][0] - now) if self._held else None

    def due(self, now):
        while self._held and self._held[0][0] <= now:
            packet = heapq.heappop(self._held)[2]
            self._used[packet[12:20]] -= len(packet)
            yield packet


def _read(tun):
    for _ in range(64):
        try:
            packet = os.read(tun, 65536)
        except BlockingIOError:
            return
        if packet[0] >> 4 == 4:
            yield packet


def _work(tun, control, packets):
    poll = select.poll()
    poll.register(tun, select.POLLIN)
    poll.register(control, select.POLLIN)
    stalled, came_back = False, 0
    while True:
        wait_s = None if stalled else packets.next_s(time.monotonic())
        ready = dict(poll.poll(None if wait_s is None else wait_s * 1000))
        if control.fileno() in ready:
            command = control.recv(1)
            if not command:
                return
            stalled = command == b"s" if command in b"sg" else stalled
            if command == b"n":
                control.send(str(came_back).encode())
        now = time.monotonic()
        for packet in _read(tun) if tun in ready else ():
            packets.add(packet, now)
        for packet in packets.due(now) if not stalled else ():
            came_back += 1
            with contextlib.suppress(OSError):
                os.write(tun, packet)


def main():
    tun, control, limits = sys.argv[1:]
    # A link does not wait for the processors that others use.
    with contextlib.suppress(OSError):
        os.nice(-10)
    _work(int(tun), socket.socket(fileno=int(control)), Packets(**json.loads(limits)))


if __name__ == "__main__":
    main()
