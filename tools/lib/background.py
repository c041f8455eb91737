# SPDX-License-Identifier: Apache-2.0
"""Commands that run beside others, with what those leave of the processors."""

import os
import signal
import subprocess
import tempfile
import threading

IDLE = 19  # the niceness of what nobody waits for
STOP_S = 10


class Job:
    """Commands in their order; the first that fails is the last. Their output is kept in a file."""

    def __init__(self, commands, folder):
        self.ended = threading.Event()
        self.code = 1  # once it has ended: of the command that was the last
        self._commands = commands
        self._folder = folder
        self._log = tempfile.TemporaryFile("w+", errors="replace")
        self._lock = threading.Lock()
        self._niceness = IDLE
        self._process = None
        self._stopped = False

    def run(self):
        """Ends when they have ended."""
        try:
            self.code = next((code for argv in self._commands if (code := self._run(argv))), 0)
        except OSError as error:
            print(error, file=self._log, flush=True)
        finally:
            self.ended.set()

    def _run(self, argv):
        with self._lock:
            if self._stopped:
                return 1
            print("+ " + " ".join(argv), file=self._log, flush=True)
            self._process = subprocess.Popen(
                ["nice", "-n", str(self._niceness), *argv], cwd=self._folder, stdout=self._log,
                stderr=subprocess.STDOUT, start_new_session=True)
        return self._process.wait()

    def hurry(self):
        """Somebody waits for it now. What is under way goes on as it is where that is not allowed."""
        with self._lock:
            self._niceness = 0
            if self._process:
                try:
                    os.setpriority(os.PRIO_PGRP, self._process.pid, 0)
                except (ProcessLookupError, PermissionError):
                    pass

    def stop(self):
        """Ends it, with all processes that it has begun."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is not None:
                return
            os.killpg(process.pid, number)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                pass

    def take_output(self):
        """What it printed; once, after it has ended or was stopped."""
        with self._log as log:
            log.seek(0)
            return log.read()


class Background:
    """Jobs that run one after the other. One thread calls all of this."""

    def __init__(self, folder):
        self._folder = folder
        self._jobs = {}

    def start(self, jobs):
        """jobs: {name: commands}. At most once."""
        self._jobs = {name: Job(commands, self._folder) for name, commands in jobs.items()}
        threading.Thread(target=lambda: [job.run() for job in self._jobs.values()],
                         daemon=True).start()

    def has(self, name):
        return name in self._jobs

    def finish(self, name, timeout_s):
        """(exit code, output) of the job, 124 when it and those before it take longer than that from now on."""
        for job in self._jobs.values():
            job.hurry()
            if job is self._jobs[name]:
                break
        job = self._jobs[name]
        if not job.ended.wait(timeout_s):
            self.stop()
            return 124, job.take_output() + f"out of time after {timeout_s} s\n"
        return job.code, job.take_output()

    def stop(self):
        """Ends all that still run or are to run."""
        for job in reversed(self._jobs.values()):
            job.stop()
