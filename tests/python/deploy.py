"""Checks deploy/ as far as possible without a cluster: files parse and render,
their parts fit together, and the program accepts their configuration and has
the metrics that rules and dashboard query.

Arguments: the program, `full` if it was built with all features, the address
of a running server's REST, and a file with its admin token. A client must have
been on that server. Each file is checked by its own program where that is
installed; lines `not tested: ...` name what could not be tested.
"""

import json
import os

import yaml

import deploy_compose
import deploy_image
import deploy_kubernetes
import deploy_machine
import deploy_metrics
from deploy_support import DEPLOY, FEATURES, PROGRAM, load, not_tested, run

# Values for the placeholders that the files have instead of secrets.
SECRETS = {
    "CHAT_SERVER_ADMIN_TOKEN": "0123456789abcdef0123",
    "CHAT_SERVER_ADMIN_METRICS_TOKEN": "abcdef0123456789abcd",
    "CHAT_SERVER_CLUSTER_REDIS": "redis://:secret@redis:6379",
    "CHAT_SERVER_CLUSTER_POSTGRES": "postgres://chat@postgres/chat",
    "CHAT_SERVER_NAME_SERVER_SECRET": "0a1b2c3d4e5f6a7b8c9d",
    "CHAT_SERVER_NAME_SERVER_URL": "http://names:7001",
}


def everything_parses():
    files = [path for path in DEPLOY.rglob("*") if path.is_file()]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert text.endswith("\n") and "\t" not in text, path
        if path.suffix in (".yaml", ".yml"):
            assert [document for document in yaml.safe_load_all(text) if document], path
        elif path.suffix == ".json":
            json.loads(text)
    assert len(files) > 25, files


def check_config(config, environment):
    if FEATURES != "full":
        not_tested(f"{config}: this program was built without the features `full`")
        return
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CHAT_")}
    out = run(PROGRAM, "-c", DEPLOY / config, "check-config", env=clean | environment)
    assert out.startswith("OK"), out
    for name in environment:
        assert f"({name})" in out, f"{name} is not in force:\n{out}"


def configurations_are_understood():
    check_config("docker/config.json", {})
    compose = load("compose/compose.yaml")
    given = compose["services"]["chat-1"]["environment"]
    names = [name for name in given if name.startswith("CHAT_SERVER_")]
    assert set(SECRETS) < set(names), names
    check_config("compose/config.json", {name: SECRETS.get(name, given[name]) for name in names})
    check_config("docker/config.json", settings_of(compose["services"]["names"]["environment"]))
    for what in ["base", "overlays/production"]:
        container = deploy_kubernetes.server(deploy_kubernetes.rendered(what))
        given = {variable["name"]: variable.get("value", "") for variable in container["env"]}
        check_config("kubernetes/base/config.json", settings_of(given))
    assert set(SECRETS) < set(given), given
    names = deploy_kubernetes.rendered("overlays/production")["Deployment", "chat-names"]["spec"]["template"]["spec"]
    given = {variable["name"]: variable.get("value", "") for variable in names["containers"][0]["env"]}
    check_config("docker/config.json", settings_of(given))


def settings_of(variables):
    """The variables, with values for the secrets and for what Kubernetes fills in."""
    filled = lambda name, value: SECRETS.get(name, value.replace("$(POD_IP)", "10.1.2.3"))
    return {name: filled(name, value) for name, value in variables.items() if name.startswith("CHAT_SERVER_")}


everything_parses()
deploy_image.check()
deploy_compose.check()
deploy_machine.check()
deploy_metrics.check()
deploy_kubernetes.check()
if deploy_kubernetes.KUBECTL:
    configurations_are_understood()
