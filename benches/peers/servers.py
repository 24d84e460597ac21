"""The servers to compare: how each is installed, started and ended."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
PEERS = ("ngircd", "inspircd")
# IRC servers that run already: name to address and process id, if that is known.
RUNNING = {}
# Debian installs daemons outside the PATH of ordinary users.
SBIN = "/usr/sbin:/usr/local/sbin"
STARTING = 15
ENDING = 15


class Missing(Exception):
    """A peer that cannot be installed; the message is one line."""


def program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":" + SBIN)


def install():
    """Installs the peers that are missing, or raises `Missing`."""
    missing = [peer for peer in PEERS if not program(peer)]
    if not missing:
        return
    wanted = " ".join(missing)
    if not shutil.which("apt-get"):
        raise Missing(f"missing: {wanted}; please install them")
    as_root = []
    if os.geteuid() != 0:
        as_root = ["sudo", "-n"]
        if not shutil.which("sudo") or subprocess.run(
            ["sudo", "-n", "true"], capture_output=True
        ).returncode:
            raise Missing(f"missing; please run: sudo apt-get install {wanted}")
    environment = as_root + ["env", "DEBIAN_FRONTEND=noninteractive"]
    with services_stay_off(as_root):
        for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends"] + missing):
            subprocess.run(environment + ["apt-get"] + words, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def services_stay_off(as_root):
    """Debian starts the services it installs, unless this file forbids it."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    script = b"#!/bin/sh\nexit 101\n"
    subprocess.run(as_root + ["tee", str(policy)], input=script, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(as_root + ["chmod", "755", str(policy)], check=True)
    try:
        yield
    finally:
        subprocess.run(as_root + ["rm", str(policy)], check=True)


def version(peer):
    said = subprocess.run([program(peer), "--version"], capture_output=True, text=True)
    line = (said.stdout or said.stderr).strip().splitlines()[0]
    # ngircd's version goes on with its build options.
    return line.split("-IDENT")[0].replace("ngIRCd", "ngircd").replace("InspIRCd-", "inspircd ")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def add_running(name, place):
    """Takes a server that runs already into the comparison: HOST:PORT, or HOST:PORT,PID."""
    address, _, pid = place.partition(",")
    _, _, port = address.rpartition(":")
    if not name or name in PEERS or not port.isdigit() or (pid and not pid.isdigit()):
        raise Missing(f"--peer takes NAME=HOST:PORT or NAME=HOST:PORT,PID, not {name}={place}")
    RUNNING[name] = (address, int(pid) if pid else None)


@contextlib.contextmanager
def running(peer):
    """Starts a peer on a free port; yields its address and process id."""
    if peer in RUNNING:
        yield RUNNING[peer]
        return
    port = free_port()
    with tempfile.TemporaryDirectory(prefix=f"{peer}-bench-") as folder:
        config = (HERE / f"{peer}.conf").read_text()
        file = Path(folder) / f"{peer}.conf"
        file.write_text(config.replace("@PORT@", str(port)).replace("@FOLDER@", folder))
        with open(Path(folder) / "output", "w") as output:
            child = subprocess.Popen(
                [program(peer)] + arguments(peer, file),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )
        try:
            wait_until_it_listens(peer, port, child, Path(folder) / "output")
            yield f"127.0.0.1:{port}", child.pid
        finally:
            child.terminate()
            try:
                child.wait(ENDING)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def arguments(peer, file):
    if peer == "ngircd":
        return ["-n", "-f", str(file)]
    as_root = ["--runasroot"] if os.geteuid() == 0 else []
    return ["--nofork", "--nopid", "--nolog", "--config", str(file)] + as_root


def wait_until_it_listens(peer, port, child, output):
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline and child.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"{peer} does not listen:\n{output.read_text()}")
