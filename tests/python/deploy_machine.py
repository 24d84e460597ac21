"""A machine of its own: the systemd unit, and the kernel's settings."""

import re
import subprocess
import tempfile
from pathlib import Path

from deploy_support import PROGRAM, program, read

def the_unit_is_understood():
    text = read("systemd/chat-server.service")
    settings = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))
    assert settings["DynamicUser"] == "yes" and settings["TasksMax"] == "infinity"
    assert int(settings["LimitNOFILE"]) > 20_000 + 128
    assert f"/var/lib/{settings['StateDirectory']}/" in settings["Environment"]
    for line in read("sysctl.d/90-chat-server.conf").splitlines():
        assert not line or line[0] == "#" or re.fullmatch(r"[a-z_0-9.-]+ = \d+", line), line
    analyze = program("systemd-analyze", "the systemd unit")
    if not analyze:
        return
    with tempfile.TemporaryDirectory() as folder:
        # It looks whether the program is there.
        unit = Path(folder) / "chat-server.service"
        unit.write_text(text.replace("/usr/local/bin/chat-server", str(Path(PROGRAM).resolve())))
        result = subprocess.run([analyze, "verify", "--man=no", "--recursive-errors=no", unit],
                                capture_output=True, text=True, timeout=120)
        ours = [line for line in result.stderr.splitlines() if "chat-server.service" in line]
        assert ours == [], ours
        offline = subprocess.run(
            [analyze, "security", "--offline=true", "--no-pager", "--threshold=20", unit],
            capture_output=True, text=True, timeout=120)
        exposure = offline.stdout.strip().splitlines()[-1:]
        assert offline.returncode == 0, f"{exposure} {offline.stderr}"


def check():
    the_unit_is_understood()
