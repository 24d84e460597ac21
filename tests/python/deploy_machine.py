"""A machine without containers: the systemd unit and the kernel's settings."""

import re
import subprocess
import tempfile
from pathlib import Path

from deploy_support import DEPLOY, PROGRAM, program, read, run

def the_unit_is_understood():
    text = read("systemd/chat-server.service")
    settings = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))
    assert settings["DynamicUser"] == "yes" and settings["TasksMax"] == "infinity"
    assert int(settings["LimitNOFILE"]) > 20_000 + 128
    assert f"/var/lib/{settings['StateDirectory']}/" in settings["Environment"]
    # 2 reports a mistake in the configuration. The unit must not check it in a
    # step of its own: it would be retried for ever, since only the main
    # process's exit code prevents a restart.
    assert settings["RestartPreventExitStatus"] == "2" and "ExecStartPre" not in settings
    analyze = program("systemd-analyze", "the systemd unit")
    if not analyze:
        return
    with tempfile.TemporaryDirectory() as folder:
        # systemd-analyze checks that the program exists.
        unit = Path(folder) / "chat-server.service"
        unit.write_text(text.replace("/usr/local/bin/chat-server", str(Path(PROGRAM).resolve())))
        verified(analyze, unit, "20")
        # The same with ports below 1024, which needs a capability.
        more = Path(folder) / "chat-server.service.d"
        more.mkdir()
        (more / "low-ports.conf").write_text(read("systemd/chat-server.service.d/low-ports.conf"))
        verified(analyze, unit, "25")


def verified(analyze, unit, threshold):
    result = subprocess.run([analyze, "verify", "--man=no", "--recursive-errors=no", unit],
                            capture_output=True, text=True, timeout=120)
    ours = [line for line in result.stderr.splitlines() if "chat-server.service" in line or "low-ports" in line]
    assert ours == [], ours
    offline = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", f"--threshold={threshold}", unit],
        capture_output=True, text=True, timeout=120)
    exposure = offline.stdout.strip().splitlines()[-1:]
    assert offline.returncode == 0, f"{exposure} {offline.stderr}"


def the_rights_for_low_ports_are_all_there_is_more():
    text = read("systemd/chat-server.service.d/low-ports.conf")
    assert text.count("CAP_") == 2 and "AmbientCapabilities=CAP_NET_BIND_SERVICE" in text
    # In a user namespace of its own, the capability would have no effect.
    assert "PrivateUsers=no" in text
    credentials = re.findall(r"^LoadCredential=(\S+?):", text, re.M)
    used = re.findall(r"=%d/(\S+)$", text, re.M)
    assert sorted(credentials) == sorted(used) and len(used) == 2, (credentials, used)
    environment = dict(re.findall(r"^Environment=(CHAT_SERVER_\w+)=(.+)$", text, re.M))
    assert set(environment) == {"CHAT_SERVER_TLS_CERTIFICATE", "CHAT_SERVER_TLS_KEY", "CHAT_SERVER_TLS_WEB",
                                "CHAT_SERVER_LISTEN_TELNET"}, environment


def nothing_of_the_kernel_is_lowered():
    wanted = dict(re.findall(r"^([a-z_0-9.-]+) = (\d+)$", read("sysctl.d/90-chat-server.conf"), re.M))
    assert len(wanted) == 5, wanted
    shown = run(DEPLOY / "sysctl.d/raise", "--print")
    said = dict(re.findall(r"^([a-z_0-9.-]+) = (\d+)$", shown, re.M))
    assert set(said) == set(wanted), shown
    for name, value in said.items():
        now = int(Path("/proc/sys", *name.split(".")).read_text())
        assert int(value) == max(now, int(wanted[name])), (name, value, now)
    # A machine with higher values keeps them.
    with tempfile.TemporaryDirectory() as folder:
        script = read("sysctl.d/raise").replace("/proc/sys/", f"{folder}/proc/")
        for name in wanted:
            path = Path(folder, "proc", *name.split("."))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("9223372036854775807\n")
        copy = Path(folder, "raise")
        copy.write_text(script)
        Path(folder, "90-chat-server.conf").write_text(read("sysctl.d/90-chat-server.conf"))
        kept = run("bash", copy, "--print")
        assert kept.count(" = 9223372036854775807") == len(wanted), kept


def check():
    the_unit_is_understood()
    the_rights_for_low_ports_are_all_there_is_more()
    nothing_of_the_kernel_is_lowered()
