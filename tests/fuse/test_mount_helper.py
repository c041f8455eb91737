# SPDX-License-Identifier: Apache-2.0
"""mount.vasto as mount(8), fstab, systemd and people call it."""

import errno
import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

import vasto_cluster
from vasto_mount import MOUNT, STOP_S, answers, failure, is_mounted, outcome, unmount_hard

SLOW = vasto_cluster.SLOW


class Helper:
    """Runs mount.vasto, as itself or through mount(8), on folders of its own."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.base = folder
        self.folder = folder / "m"
        self.folder.mkdir()

    def run(self, *argv, **more):
        return subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False,
                              timeout=30 * SLOW, stdin=subprocess.DEVNULL,
                              **{"env": vasto_cluster.environment(self.cluster.folder), **more})

    def mount_vasto(self, *argv, **more):
        return self.run(MOUNT, *argv, **more)

    def daemon(self, folder=None):
        """The pid of the daemon in the background that serves a folder; None if there is none."""
        wanted = os.fsencode(folder or self.folder)
        for pid, _ in self.cluster.strays():
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if argv[0] == os.fsencode(MOUNT) and wanted in argv:
                return pid
        return None

    def umount(self, folder=None):
        done = self.run("umount", folder or self.folder)
        assert done.returncode == 0, done.stderr
        vasto_cluster.wait_until(lambda: self.daemon(folder) is None, "the daemon to end")

    def in_namespace(self, script):
        """Runs a script that sees /sbin/mount.vasto, and nothing else in /sbin; nobody else does."""
        setup = f"mount -t tmpfs none /usr/sbin && ln -s {MOUNT} /usr/sbin/mount.vasto"
        return self.run("unshare", "-m", "bash", "-euc", f"{setup}\n{script}", cwd=self.base)


@pytest.fixture
def helper(cluster, tmp_path):
    made = Helper(cluster, tmp_path)
    yield made
    while (pid := made.daemon()) is not None:
        os.kill(pid, signal.SIGKILL)
        vasto_cluster.wait_until(lambda p=pid: not Path(f"/proc/{p}").exists(), "a killed daemon to be gone")
    unmount_hard(made.folder)


def test_it_returns_when_the_directory_is_usable_and_stays_behind(cluster, helper):
    done = helper.mount_vasto(cluster.address, helper.folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (helper.folder / "demo" / "k").write_text("v")
    assert cluster.get("demo", "k") == b"v"
    pid = helper.daemon()
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert {os.readlink(f"/proc/{pid}/fd/{n}") for n in range(3)} == {"/dev/null"}
    assert os.getsid(pid) == pid != os.getsid(0)
    os.kill(pid, signal.SIGTERM)
    vasto_cluster.wait_until(lambda: helper.daemon() is None, "the daemon to end", STOP_S)
    assert not is_mounted(helper.folder)


def test_mount_t_vasto(cluster, helper):
    script = f"""
        mount -t vasto -o rw,_netdev,nofail,timeout=7,log={helper.base}/log {cluster.address} {helper.folder}
        echo through-mount > {helper.folder}/demo/k
        grep timeout= {helper.folder}/.vasto/config
        grep " {helper.folder} " /proc/mounts
        umount {helper.folder}
    """
    done = helper.in_namespace(script)
    assert done.returncode == 0, done.stderr
    timeout, row = done.stdout.splitlines()
    assert timeout == "timeout=7"
    assert row.startswith(f"{cluster.address} {helper.folder} fuse.vasto rw,nosuid,nodev,")
    assert cluster.get("demo", "k") == b"through-mount\n"
    assert not is_mounted(helper.folder), "nobody outside has seen it"


@pytest.mark.parametrize("options", [
    "defaults", "_netdev,nofail", "rw,noauto,nouser", "ro,noexec,noatime", "noauto,user,_netdev",
    "noauto,_netdev,nofail,x-systemd.automount,x-systemd.mount-timeout=30s,x-systemd.idle-timeout=600",
    "noauto,uid=1,gid=2,umask=027,comment=x", "noauto,scratch=*.tmp:*.bak"])
def test_a_line_of_fstab(cluster, helper, options):
    fstab = helper.base / "fstab"
    fstab.write_text(f"# the cluster\n{cluster.address}:/demo {helper.folder} vasto {options} 0 0\n")
    script = f"""
        mount -T {fstab} {helper.folder}
        grep -q " {helper.folder} fuse.vasto {'ro' if 'ro' in options.split(',') else 'rw'}," /proc/mounts
        stat -c %u:%g:%a {helper.folder}
        umount {helper.folder}
    """
    done = helper.in_namespace(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1:2:750" if "uid=1" in options else "0:0:755"]


def test_mount_a_and_its_exit_codes(cluster, helper):
    fstab = helper.base / "fstab"
    fstab.write_text(f"{cluster.address}:/nope {helper.folder} vasto _netdev 0 0\n")
    assert helper.in_namespace(f"mount -T {fstab} {helper.folder}").returncode == 32
    fstab.write_text(f"{cluster.address} {helper.folder} vasto nosuchoption 0 0\n")
    assert helper.in_namespace(f"mount -T {fstab} {helper.folder}").returncode == 1
    # Sloppy, verbose and fake, as mount passes them.
    assert helper.in_namespace(f"mount -s -f -v -T {fstab} {helper.folder}").returncode == 0
    fstab.write_text(f"{cluster.address} {helper.folder} vasto _netdev 0 0\n")
    done = helper.in_namespace(f"mount -a -T {fstab}; cat {helper.folder}/.vasto/version; umount {helper.folder}")
    assert done.returncode == 0 and done.stdout.startswith("vasto"), done.stderr


@pytest.mark.parametrize("argv", [
    ["SRC", "DIR", "-o", "rw"], ["SRC", "DIR", "-n", "-s", "-v", "-o", "rw,whatever"],
    ["-o", "rw", "SRC", "DIR", "-t", "vasto"], ["-nsvo", "rw", "SRC", "DIR"], ["SRC", "-orw", "DIR"]])
def test_arguments_in_any_order(cluster, helper, argv):
    places = {"SRC": cluster.address, "DIR": helper.folder}
    done = helper.mount_vasto(*[places.get(a, a) for a in argv])
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(helper.folder)) == ["demo", "other"]
    helper.umount()


def test_wrong_use_is_one_line_and_a_code(cluster, helper):
    def run(*argv):
        done = helper.mount_vasto(*argv)
        assert re.fullmatch(r"mount\.vasto: [^\n]+\n", done.stderr), done.stderr
        return done.returncode

    m, source = helper.folder, cluster.address
    (helper.base / "file").write_text("x")
    for argv in ([], [source], [source, m, "more"], [source, m, "-x"], [source, m, "-o"],
                 [source, m, "-o", "nosuch"], [source, m, "-o", "timeout=x"],
                 [source, m, "-o", "timeout"], [source, m, "-so", "remount,ro"],
                 ["", m], [":9333", m], [source + ":/bad name", m], [source + ":/.x", m]):
        assert run(*argv) == 1, argv
    for argv in ([source, helper.base / "missing"], [source, helper.base / "file"],
                 [source + ":/nope", m], ["127.0.0.1:1", m, "-o", "mount_timeout=0.5"],
                 ["no.such.host.invalid", m, "-o", "mount_timeout=0.5"],
                 [source, m, "-o", "log=/no/such/folder/log"],
                 [source, m, "-o", "config=/no/such/file"]):
        assert run(*argv) == 32, argv
    assert not is_mounted(m) and helper.daemon() is None
    assert helper.mount_vasto(source, m, "-f").returncode == 0 and not is_mounted(m)
    assert helper.mount_vasto("-h").stdout.startswith("Usage: mount.vasto SOURCE DIR")
    assert re.fullmatch(r"mount\.vasto \S+.*\n", helper.mount_vasto("-V").stdout)


def test_mounting_twice_is_refused_and_a_dead_mount_is_replaced(cluster, helper):
    assert helper.mount_vasto(cluster.address, helper.folder).returncode == 0
    again = helper.mount_vasto(cluster.address, helper.folder)
    assert again.returncode == 32 and "already mounted" in again.stderr
    pid = helper.daemon()
    os.kill(pid, signal.SIGKILL)
    vasto_cluster.wait_until(lambda: not answers(helper.folder), "the mount to be dead")
    # By a relative name, which is no longer good once the daemon has changed its folder.
    done = helper.mount_vasto(cluster.address, "m", cwd=helper.base)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(helper.folder)) == ["demo", "other"]
    new = [p for p, _ in cluster.strays() if p not in (pid, cluster.master.pid)]
    os.kill(new[0], signal.SIGTERM)
    vasto_cluster.wait_until(lambda: not is_mounted(helper.folder), "the end of the mount", STOP_S)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_mount_that_waits_for_a_master(cluster, helper, number):
    # A master that takes connections and never says a word.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(20)
        program = subprocess.Popen([MOUNT, f"127.0.0.1:{silent.getsockname()[1]}", helper.folder, "-o",
                                    "mount_timeout=60"], env=vasto_cluster.environment(cluster.folder))
        connection, _ = silent.accept()
        with connection:
            program.send_signal(number)
            assert program.wait(timeout=5 * SLOW) == 8
        vasto_cluster.wait_until(lambda: helper.daemon() is None, "the daemon to end")
    assert not is_mounted(helper.folder)


def test_bg_mounts_before_the_cluster_is_there(mounts, tmp_path):
    with vasto_cluster.Cluster(server=True, server_flags=("--create=demo",)) as cluster:
        cluster.put("demo", "k", b"v")
        server = cluster.master
        assert server.stop() == 0
        mount = mounts(cluster, "bg,mount_timeout=0.3,timeout=2")
        assert failure(os.stat, mount.folder / "demo") == errno.EHOSTDOWN
        assert failure(os.listdir, mount.folder) == errno.EHOSTDOWN
        assert os.statvfs(mount.folder).f_blocks == 0, "df leaves out what has no size"
        cluster.start_server(1)
        vasto_cluster.wait_until(lambda: outcome(os.stat, mount.folder / "demo" / "k") == 0, "connection", 20)
        assert (mount.folder / "demo" / "k").read_text() == "v"
        assert mount.stop() == 0


def test_options_of_appearance(cluster, mounts):
    folder = mounts(cluster, "uid=7,gid=8,fmask=0177,dmask=077").folder / "demo"
    (folder / "k").write_text("v")
    stat, directory = (folder / "k").stat(), folder.stat()
    assert (stat.st_uid, stat.st_gid, stat.st_mode & 0o7777) == (7, 8, 0o600)
    assert (directory.st_uid, directory.st_gid, directory.st_mode & 0o7777) == (7, 8, 0o700)
    (folder / "k").unlink()


class User:
    """Another user than root, in a mount namespace where everybody may open /dev/fuse."""

    UID = 65534

    def __init__(self, helper):
        os.chmod(helper.base, 0o755)
        os.chown(helper.folder, self.UID, self.UID)
        script = f"""
            mknod -m 666 {helper.base}/fuse c 10 229
            mount --bind {helper.base}/fuse /dev/fuse
            echo ready; exec sleep 600
        """
        self.helper = helper
        self.holder = subprocess.Popen(["unshare", "-m", "bash", "-euc", script], stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"

    def run(self, *argv, root=False):
        user = [] if root else ["setpriv", f"--reuid={self.UID}", f"--regid={self.UID}", "--clear-groups"]
        return self.helper.run("nsenter", "-t", self.holder.pid, "-m", "--wd=/", *user, *argv)

    def end(self):
        if (pid := self.helper.daemon()) is not None:
            os.kill(pid, signal.SIGKILL)
        self.holder.kill()
        self.holder.wait(timeout=10)
        self.holder.stdout.close()


@pytest.fixture
def nobody(cluster):
    for folder in MOUNT.parents:
        if not folder.stat().st_mode & stat.S_IXOTH:
            pytest.skip(f"only its owner may enter {folder}, so nobody else can run what is built there")
    # Not in the folder of pytest, which only root may enter.
    with tempfile.TemporaryDirectory(prefix="vasto-mount-") as base:
        user = User(Helper(cluster, Path(base)))
        yield user
        user.end()
        vasto_cluster.wait_until(lambda: user.helper.daemon() is None, "a killed daemon to be gone")


def test_users_mount_for_themselves(cluster, nobody):
    folder = nobody.helper.folder
    done = nobody.run(MOUNT, cluster.address, folder, "-o", "noexec")
    assert done.returncode == 0, done.stderr
    assert nobody.run("ls", folder, root=True).returncode != 0, "not even root without allow_other"
    script = f"""
        grep -o ' {folder} fuse.vasto rw,nosuid,nodev,noexec' /proc/mounts
        cd {folder}/demo; echo mine > k; cat k; stat -c %u k; cd /
        fusermount3 -u {folder}
    """
    done = nobody.run("bash", "-euc", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["mine", str(User.UID)]
    assert cluster.get("demo", "k") == b"mine\n"
    vasto_cluster.wait_until(lambda: nobody.helper.daemon() is None, "the daemon to end")


def test_the_mount_of_a_user_ends_and_is_replaced(cluster, nobody):
    folder = nobody.helper.folder
    for number in (signal.SIGKILL, signal.SIGTERM):
        done = nobody.run(MOUNT, cluster.address, folder)
        assert done.returncode == 0, done.stderr
        assert nobody.run("ls", folder).stdout.split() == ["demo", "other"]
        os.kill(nobody.helper.daemon(), number)
        vasto_cluster.wait_until(lambda: nobody.helper.daemon() is None, "the daemon to end", STOP_S)
    assert nobody.run("grep", "-c", f" {folder} ", "/proc/mounts").stdout == "0\n"
