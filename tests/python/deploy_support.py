"""Shared by the checks of deploy/. The arguments are those of deploy.py."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROGRAM, FEATURES, ADDRESS, TOKEN = sys.argv[1:5]
# Outside clients must reach the second group and not the first.
INSIDE_PATHS = ["/admin", "/admin/users", "/metrics", "/docs/", "/openapi.json", "/api/message",
                "/v1/api/message", "/docs.json", "/api/docs.json", "/api/nodes", "/api/nodes/best"]
PEOPLES_PATHS = ["/", "/client", "/client/app.js", "/ws", "/mychat", "/auth", "/api/ws", "/api/register",
                 "/api/auth_token", "/api/auth_token/refresh", "/api/inbox", "/api/thread/mina", "/irc",
                 "/auth/account", "/auth/account/password", "/auth/remote", "/auth/sign-ins", "/auth/sign-ins/1",
                 "/reset", "/join/dev/0123456789abcdef0123456789abcdef"]


def asked_by_the_page():
    """The paths that the page's scripts request."""
    scripts = (ROOT / "src/page").rglob("*.js")
    asked = [re.findall(r'\b(?:at|socketAt|post)\("(/[^"]*)"', script.read_text(encoding="utf-8"))
             for script in scripts if "admin" not in script.parts]
    found = {path for paths in asked for path in paths}
    assert {"/ws", "/auth", "/client/worker.js"} <= found, found
    return sorted(found)


PEOPLES_PATHS += asked_by_the_page()


def read(path):
    return (DEPLOY / path).read_text(encoding="utf-8")


def load(path):
    return yaml.safe_load(read(path))


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, **options)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


def not_tested(what):
    """Reports an untested part; the Rust test and `make test` repeat it."""
    print(f"not tested: {what}", flush=True)


def program(name, what):
    """The path of a checking program: where `.ci/install-tools` puts it, or
    else on the system. None, with a note, if it is not installed."""
    found = shutil.which(Path(sys.executable).with_name(name)) or shutil.which(name)
    if found is None:
        not_tested(f"{what}: {name} is not installed")
    return found


def library(name, what):
    """The same for a library of tests/python/linters.txt."""
    try:
        return __import__(name)
    except ImportError:
        not_tested(f"{what}: {name} (tests/python/linters.txt) is not installed")
        return None


def seconds(text):
    return int(text.removesuffix("s"))


def ports_of(config):
    addresses = json.loads(read(config))["listen"].items()
    return {name: int(address.rpartition(":")[2]) for name, address in addresses if isinstance(address, str)}
