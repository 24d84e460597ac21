"""The image: its user, the files copied into it, and its health check."""

import fnmatch
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from deploy_support import ADDRESS, DEPLOY, ROOT, ports_of, program, run

DOCKERFILE = ROOT / "Dockerfile"

def the_image_is_that_of_a_user_without_rights():
    text = DOCKERFILE.read_text(encoding="utf-8")
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
    if hadolint := program("hadolint", "the style of the Dockerfile"):
        run(hadolint, DOCKERFILE)


def build_context():
    """The files in git that .dockerignore lets Docker see."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    files = run("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    chosen = []
    for name in files:
        above = [name, *(str(folder) for folder in Path(name).parents if str(folder) != ".")]
        kept = True
        for line in lines:
            if any(fnmatch.fnmatchcase(path, line.lstrip("!")) for path in above):
                kept = line.startswith("!")
        if kept and (ROOT / name).is_file():
            chosen.append(name)
    return chosen


def the_image_can_be_built_of_what_docker_is_given():
    chosen = build_context()
    assert not any(name.startswith((".git/", "target/", "data/")) for name in chosen)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name in chosen:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        # Fails if a target that Cargo.toml names is missing.
        metadata = run("cargo", "metadata", "--locked", "--offline", "--no-deps", "--format-version", "1", cwd=folder)
        targets = json.loads(metadata)["packages"][0]["targets"]
        assert all(Path(target["src_path"]).is_file() for target in targets), targets
        # The compiler also fails for missing files that are built in.
        built_in = re.compile(r'(?:include_str|include_bytes)!\(\s*"([^"]+)"|embed_migrations!\("([^"]+)"\)')
        found = 0
        # Files for documentation tests alone are not needed for the image.
        for_tests = re.compile(r"#\[cfg\(doctest\)\]\n#\[doc = .+\]")
        for source in (folder / "src").rglob("*.rs"):
            text = for_tests.sub("", source.read_text(encoding="utf-8"))
            for beside, from_root in built_in.findall(text):
                path = source.parent / beside if beside else folder / from_root
                assert path.exists(), f"{source.name} needs {path}"
                found += 1
        assert found > 10, found
        # The files that the build steps copy must exist as well.
        copied = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", DOCKERFILE.read_text(), re.M)
        for path in " ".join(copied).split():
            assert (folder / path).exists(), path


def what_is_published_is_open_to_other_machines():
    """`docker run -p` reaches a container by its own address, never by
    loopback."""
    listen = json.loads((DEPLOY / "docker/config.json").read_text())["listen"]
    assert {4000, 4001, 4004} <= set(ports_of("docker/config.json").values())
    assert all(address.startswith("0.0.0.0:") for address in listen.values()), listen


def the_health_check_tells_a_server_from_none():
    check, port = DEPLOY / "docker/healthcheck", ADDRESS.rpartition(":")[2]
    run(check, port)
    run(check, port, "/healthz")
    for arguments in [(port, "/no-such-path"), ("1",)]:
        result = subprocess.run([check, *arguments], capture_output=True, text=True, timeout=30)
        assert result.returncode != 0 and result.stderr, arguments


def check():
    the_image_is_that_of_a_user_without_rights()
    the_image_can_be_built_of_what_docker_is_given()
    what_is_published_is_open_to_other_machines()
    the_health_check_tells_a_server_from_none()
