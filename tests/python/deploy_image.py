"""The image: who runs in it, what is copied into it, and its health check."""

import re
import subprocess

from deploy_support import ADDRESS, DEPLOY, ROOT, ports_of, program, read, run

def the_image_is_that_of_a_user_without_rights():
    text = read("docker/Dockerfile")
    stages = re.split(r"^FROM ", text, flags=re.M)[1:]
    assert len(stages) == 2, "one stage to build, one to run"
    release = re.findall(r"-(\w+)$", " ".join(line.split()[0] for line in stages), flags=re.M)
    assert all("trixie" in stage.splitlines()[0] for stage in stages), release
    final = stages[1]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", final, re.M), "a number that is not root's"
    assert "HEALTHCHECK" in final and "--features full" in stages[0] and "--locked" in stages[0]
    rust = re.search(r'^rust-version = "([\d.]+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    assert stages[0].startswith(f"rust:{rust}-"), "the Rust that Cargo.toml asks for"
    exposed = {int(port) for port in re.search(r"^EXPOSE (.+)$", final, re.M)[1].split()}
    assert exposed == set(ports_of("docker/config.json").values())
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source in re.findall(r"^COPY (?:--chmod=\d+ )?((?:deploy|LICENSE)\S*)", final, re.M):
        assert (ROOT / source).exists(), source
        assert any(line.startswith("!") and source.startswith(line[1:].rstrip("*")) for line in ignored), source
    if hadolint := program("hadolint", "the style of the Dockerfile"):
        run(hadolint, DEPLOY / "docker/Dockerfile")


def the_health_check_tells_a_server_from_none():
    check, port = DEPLOY / "docker/healthcheck", ADDRESS.rpartition(":")[2]
    run(check, port)
    run(check, port, "/healthz")
    for arguments in [(port, "/no-such-path"), ("1",)]:
        result = subprocess.run([check, *arguments], capture_output=True, text=True, timeout=30)
        assert result.returncode != 0 and result.stderr, arguments


def check():
    the_image_is_that_of_a_user_without_rights()
    the_health_check_tells_a_server_from_none()
