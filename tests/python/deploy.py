"""What is in deploy/, as far as that can be told without a cluster: it parses,
it renders, its parts fit together, and the program understands its
configuration and has the metrics that rules and dashboard ask for.

Arguments: the program, `full` if it was built with all features, the address
of a running server's REST, and a file with its admin token. Somebody has to
have been on that server. Programs that are not installed are named, and what
they would have checked is not.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PROGRAM, FEATURES, ADDRESS, TOKEN = sys.argv[1:5]
# Who comes from outside gets to the second ones and not to the first.
INSIDE_PATHS = ["/admin", "/admin/users", "/metrics", "/docs/", "/openapi.json", "/api/message",
                "/api/nodes", "/api/nodes/best"]
PEOPLES_PATHS = ["/", "/client", "/client/app.js", "/ws", "/mychat", "/auth", "/api/ws", "/api/register",
                 "/api/auth_token", "/api/auth_token/refresh", "/api/inbox", "/api/thread/mina"]
# What the files say secrets are where they do not have them.
SECRETS = {
    "CHAT_SERVER_ADMIN_TOKEN": "0123456789abcdef0123",
    "CHAT_SERVER_CLUSTER_REDIS": "redis://:secret@redis:6379",
    "CHAT_SERVER_CLUSTER_POSTGRES": "postgres://chat@postgres/chat",
}


def read(path):
    return (DEPLOY / path).read_text(encoding="utf-8")


def load(path):
    return yaml.safe_load(read(path))


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, **options)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


def installed(program, what):
    if shutil.which(program):
        return True
    print(f"not checked: {what}; {program} is not installed")
    return False


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text)[1])


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
        print(f"not checked: {config}; this program was built without the features `full`")
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
    names = [variable["name"] for variable in server(rendered("base"))["env"]]
    assert set(SECRETS) < set(names), names
    environment = {name: SECRETS.get(name, "10.1.2.3:4004") for name in names if name.startswith("CHAT_SERVER_")}
    check_config("kubernetes/base/config.json", environment)


def ports_of(config):
    return {name: int(address.rpartition(":")[2]) for name, address in json.loads(read(config))["listen"].items() if isinstance(address, str)}


# --- The image, compose and the balancer -------------------------------------


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
    if installed("hadolint", "the style of the Dockerfile"):
        run("hadolint", DEPLOY / "docker/Dockerfile")


def the_health_check_tells_a_server_from_none():
    check, port = DEPLOY / "docker/healthcheck", ADDRESS.rpartition(":")[2]
    run(check, port)
    run(check, port, "/healthz")
    for arguments in [(port, "/no-such-path"), ("1",)]:
        result = subprocess.run([check, *arguments], capture_output=True, text=True, timeout=30)
        assert result.returncode != 0 and result.stderr, arguments


def compose_fits_together():
    compose = load("compose/compose.yaml")
    services, config = compose["services"], json.loads(read("compose/config.json"))
    servers = {name: service for name, service in services.items() if name.startswith("chat-")}
    assert len(servers) == 3
    for name, service in servers.items():
        assert service["environment"]["CHAT_SERVER_CLUSTER_ADVERTISE"] == f"{name}:{ports_of('compose/config.json')['web']}"
        stopping = config["drain_seconds"] + config["shutdown_seconds"]
        assert seconds(service["stop_grace_period"]) >= stopping + 5
        assert service["pids_limit"] > config["limits"]["connections"] + 200
        assert service["ulimits"]["nofile"]["hard"] > config["limits"]["connections"] + 128
        # REST for administrators is on loopback only.
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    for name, service in services.items():
        for other in service.get("depends_on", {}):
            has_check = other in servers or "healthcheck" in services[other]
            assert has_check, f"{name} waits for the health of {other}, which has no check"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / "compose" / source).exists(), source
            else:
                assert source in compose["volumes"], source
        assert set(service["networks"]) <= set(compose["networks"])
    subnet = compose["networks"]["front"]["ipam"]["config"][0]["subnet"]
    assert config["web"]["trusted_proxies"] == [subnet]
    assert config["listen"]["proxy_protocol_from"] == [subnet]
    wanted = set(re.findall(r"\$\{(\w+):\?", read("compose/compose.yaml")))
    assert wanted <= set(re.findall(r"^(\w+)=", read("compose/.env.example"), re.M)), wanted
    every, times = re.search(r"check inter (\d+)s fall (\d+)", read("compose/haproxy.cfg")).groups()
    assert config["drain_seconds"] > int(every) * int(times), "the balancer finds out too late"
    redis = dict(line.split(None, 1) for line in read("compose/redis.conf").splitlines() if line and line[0] != "#")
    assert redis["appendonly"] == "yes" and redis["maxmemory-policy"] == "noeviction"
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0:
        folder = DEPLOY / "compose"
        run("docker", "compose", "-f", folder / "compose.yaml", "--env-file", folder / ".env.example", "config", "-q")
    else:
        print("not checked: `docker compose config`; it is not installed")


def redis_takes_its_configuration():
    if not installed("redis-server", "the configuration of Redis"):
        return
    with tempfile.TemporaryDirectory() as folder:
        # The file's own folder and port are the container's; a port of 0 is none.
        text = read("compose/redis.conf").replace("dir /data", f"dir {folder}")
        text += f"port 0\nunixsocket {folder}/socket\n"
        redis = subprocess.Popen(["redis-server", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            redis.stdin.write(text)
            redis.stdin.close()
            lines = []
            for line in redis.stdout:
                lines.append(line)
                if "eady to accept connections" in line:
                    break
            else:
                raise AssertionError("".join(lines))
        finally:
            redis.terminate()
            redis.wait(timeout=30)


def the_balancer_goes_to_every_server_and_to_no_administration():
    text = read("compose/haproxy.cfg")
    ports = ports_of("compose/config.json")
    for backend, listener in [("web", "web"), ("room_ws", "ws"), ("telnet", "telnet"), ("room_lines", "tcp")]:
        section = re.search(rf"^backend {backend}\n((?:    .*\n)+)", text, re.M)[1]
        assert "balance leastconn" in section and "uri /readyz" in section, backend
        servers = re.findall(r"server (\S+) (\S+):(\d+)(?: port (\d+))?", section)
        assert [name for name, *_ in servers] == ["chat-1", "chat-2", "chat-3"], backend
        for name, host, port, checked in servers:
            assert host == name and int(port) == ports[listener], servers
            assert int(checked or port) == ports["web"], "checked where /readyz is"
        by_tcp = listener in ("telnet", "tcp")
        assert section.count(" send-proxy-v2 ") == len(servers) * by_tcp, backend
        assert f"default_backend {backend}" in text
    published = {port.split(":")[-2] for port in load("compose/compose.yaml")["services"]["balancer"]["ports"]}
    assert set(re.findall(r"^    bind :(\d+)", text, re.M)) == published
    # As HAProxy reads it: `path` is all of a path, `path_beg` its beginning.
    exact, begins = [], []
    for kind, values in re.findall(r"acl for_people (path|path_beg) (.+)", text):
        (exact if kind == "path" else begins).extend(values.split())
    reachable = lambda path: path in exact or any(path.startswith(beginning) for beginning in begins)
    assert "deny deny_status 404 unless for_people" in text
    # Every HTTP listener has REST, too.
    assert "deny deny_status 404 unless { path /mychat }" in text
    assert text.count("mode http\n    option httplog") == text.count("deny deny_status 404 unless")
    assert [path for path in INSIDE_PATHS if reachable(path)] == []
    assert [path for path in PEOPLES_PATHS if not reachable(path)] == []
    if installed("haproxy", "haproxy.cfg by HAProxy itself"):
        run("haproxy", "-c", "-f", DEPLOY / "compose/haproxy.cfg")


# --- Kubernetes and Istio -----------------------------------------------------

RENDERED = {}


def rendered(what):
    """The objects of a kustomization, by kind and name."""
    if what not in RENDERED:
        text = run("kubectl", "kustomize", DEPLOY / "kubernetes" / what)
        objects = [document for document in yaml.safe_load_all(text) if document]
        RENDERED[what] = {(one["kind"], one["metadata"]["name"]): one for one in objects}
        assert len(RENDERED[what]) == len(objects), "two of one name"
    return RENDERED[what]


def server(objects):
    containers = objects["StatefulSet", "chat-server"]["spec"]["template"]["spec"]["containers"]
    return next(container for container in containers if container["name"] == "chat-server")


def matches(selector, labels):
    return selector.items() <= labels.items()


def kubernetes_objects_fit_together(what):
    objects = rendered(what)
    for (kind, name), one in objects.items():
        assert one["apiVersion"], (kind, name)
        assert kind == "Namespace" or one["metadata"]["namespace"] == "chat", (kind, name)
    stateful = objects["StatefulSet", "chat-server"]["spec"]
    pod, container = stateful["template"]["spec"], server(objects)
    labels = stateful["template"]["metadata"]["labels"]
    assert matches(stateful["selector"]["matchLabels"], labels)
    assert ("Service", stateful["serviceName"]) in objects
    config = next(one for (kind, _), one in objects.items() if kind == "ConfigMap")
    settings = json.loads(config["data"]["config.json"])

    # Ports: the configuration's, the container's, the services', the probes'.
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    listening = {int(address.rpartition(":")[2]) for address in settings["listen"].values() if address != "off"}
    assert set(ports.values()) == listening
    for (kind, name), one in objects.items():
        if kind == "Service":
            assert matches(one["spec"]["selector"], labels), name
            assert all(port["targetPort"] in ports for port in one["spec"]["ports"]), name
    for probe, path in [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]:
        get = container[probe]["httpGet"]
        assert (get["path"], get["port"]) == (path, "rest"), probe
    public = objects["Service", "chat-server"]["spec"]["ports"]
    assert all(port["targetPort"] != "rest" for port in public), "REST is for administrators"

    # The end: told to all, then said goodbye, before it is forced.
    assert "lifecycle" not in container, "the server drains by itself"
    pause = settings["drain_seconds"]
    readiness = container["readinessProbe"]
    assert pause >= readiness["periodSeconds"] * readiness["failureThreshold"]
    assert pod["terminationGracePeriodSeconds"] >= pause + settings["shutdown_seconds"] + 5

    # No more rights than needed.
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] != 0
    assert pod["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    rights = container["securityContext"]
    assert rights["readOnlyRootFilesystem"] and not rights["allowPrivilegeEscalation"]
    assert rights["capabilities"] == {"drop": ["ALL"]}
    assert pod["enableServiceLinks"] is False and pod["automountServiceAccountToken"] is False
    account = pod["serviceAccountName"]
    assert ("ServiceAccount", account) in objects

    # Volumes are there, and the data folder is on one.
    volumes = {volume["name"] for volume in pod["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in stateful["volumeClaimTemplates"]}
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert set(mounts.values()) <= volumes
    assert str(Path(settings["data_dir"]).parent) in mounts
    referred = next(volume for volume in pod["volumes"] if "configMap" in volume)["configMap"]["name"]
    assert referred == config["metadata"]["name"]
    secret = load("kubernetes/base/secret.example.yaml")
    for variable in container["env"]:
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        if reference:
            assert reference["name"] == secret["metadata"]["name"]
            assert reference["key"] in secret["stringData"], reference
    assert not any(kind == "Secret" for kind, _ in objects), "examples are not deployed"

    # How many there are.
    scaler = objects["HorizontalPodAutoscaler", "chat-server"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == "chat-server" and scaler["scaleTargetRef"]["kind"] == "StatefulSet"
    assert "replicas" not in stateful, "the autoscaler's"
    least, most = scaler["minReplicas"], scaler["maxReplicas"]
    assert 2 <= least <= most
    by_pods = next(metric["pods"] for metric in scaler["metrics"] if metric["type"] == "Pods")
    assert by_pods["metric"]["name"] == load("prometheus/adapter.yaml")["rules"]["custom"][0]["name"]["as"]
    aim, full = int(by_pods["target"]["averageValue"]), settings["limits"]["connections"]
    assert aim * least <= full * (least - 1), "one pod less has room for all"
    assert any(metric["type"] == "Resource" for metric in scaler["metrics"])
    assert "cpu" in container["resources"]["requests"], "a share of nothing cannot be told"
    # What connections take by docs/benchmarks.md.
    memory = container["resources"]["requests"]["memory"]
    assert full * 65_000 < int(memory.removesuffix("Gi")) << 30
    budget = objects["PodDisruptionBudget", "chat-server"]["spec"]
    assert budget["maxUnavailable"] == 1 and matches(budget["selector"]["matchLabels"], labels)

    # Nobody but those who measure and administer gets to REST.
    policy = objects["NetworkPolicy", "chat-server"]["spec"]
    assert matches(policy["podSelector"]["matchLabels"], labels)
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    for rule in policy["ingress"]:
        named = {port["port"] for port in rule["ports"]}
        assert named <= set(ports)
        assert "rest" not in named or rule["from"]


def production_has_what_it_adds():
    objects = rendered("overlays/production")
    host = "chat-server.chat.svc.cluster.local"
    service = {port["port"] for port in objects["Service", "chat-server"]["spec"]["ports"]}
    gateway = objects["Gateway", "chat"]["spec"]
    opened = {one["port"]["number"] for one in gateway["servers"]}
    exact, prefixes = [], []
    for (kind, name), one in objects.items():
        if kind != "VirtualService":
            continue
        assert one["spec"]["gateways"] == ["chat"], name
        for route in one["spec"].get("http", []) + one["spec"].get("tcp", []):
            for part in route["route"]:
                assert part["destination"]["host"] == host
                assert part["destination"]["port"]["number"] in service, name
            for match in route["match"]:
                exact += [match["uri"]["exact"]] if "exact" in match.get("uri", {}) else []
                prefixes += [match["uri"]["prefix"]] if "prefix" in match.get("uri", {}) else []
                assert match.get("port", 443) in opened, name
    reachable = lambda path: path in exact or any(path.startswith(prefix) for prefix in prefixes)
    assert [path for path in INSIDE_PATHS if reachable(path)] == []
    assert [path for path in PEOPLES_PATHS if not reachable(path)] == []
    assert objects["DestinationRule", "chat-server"]["spec"]["host"] == host
    assert objects["PeerAuthentication", "chat"]["spec"]["mtls"]["mode"] == "STRICT"

    ports = {str(port["containerPort"]) for port in server(objects)["ports"]}
    denied = set()
    for name, action in [("chat-people", "ALLOW"), ("chat-no-administration", "DENY")]:
        policy = objects["AuthorizationPolicy", name]["spec"]
        assert policy["action"] == action
        for rule in policy["rules"]:
            for operation in (to["operation"] for to in rule["to"]):
                assert set(operation["ports"]) <= ports, operation
                denied.update(operation.get("paths", []) if action == "DENY" else [])
    covers = lambda path: any(path == one or one.endswith("/*") and path.startswith(one[:-1]) for one in denied)
    assert [path for path in INSIDE_PATHS if not covers(path) and not path.startswith("/api/nodes")] == []
    monitor = objects["ServiceMonitor", "chat-server"]["spec"]
    nodes = objects["Service", "chat-server-nodes"]
    assert matches(monitor["selector"]["matchLabels"], nodes["metadata"]["labels"])
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in nodes["spec"]["ports"]}
    assert objects["Namespace", "chat"]["metadata"]["labels"]["istio-injection"] == "enabled"
    assert server(objects)["image"].startswith("registry.example.org/chat-server:")


# --- systemd ------------------------------------------------------------------


def the_unit_is_understood():
    text = read("systemd/chat-server.service")
    settings = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))
    assert settings["DynamicUser"] == "yes" and settings["TasksMax"] == "infinity"
    assert int(settings["LimitNOFILE"]) > 20_000 + 128
    assert f"/var/lib/{settings['StateDirectory']}/" in settings["Environment"]
    for line in read("sysctl.d/90-chat-server.conf").splitlines():
        assert not line or line[0] == "#" or re.fullmatch(r"[a-z_0-9.-]+ = \d+", line), line
    if not installed("systemd-analyze", "the systemd unit"):
        return
    with tempfile.TemporaryDirectory() as folder:
        # It looks whether the program is there.
        unit = Path(folder) / "chat-server.service"
        unit.write_text(text.replace("/usr/local/bin/chat-server", str(Path(PROGRAM).resolve())))
        result = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit],
                                capture_output=True, text=True, timeout=120)
        ours = [line for line in result.stderr.splitlines() if "chat-server.service" in line]
        assert ours == [], ours
        offline = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=20", unit],
            capture_output=True, text=True, timeout=120)
        exposure = offline.stdout.strip().splitlines()[-1:]
        assert offline.returncode == 0, f"{exposure} {offline.stderr}"


# --- Metrics ------------------------------------------------------------------


def metric_names():
    """What series a running server has: names as queries say them."""
    request = urllib.request.Request(f"http://{ADDRESS}/metrics")
    request.add_header("Authorization", f"Bearer {Path(TOKEN).read_text().strip()}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read().decode()
    return {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and line[0] != "#"}


def named_in(expression):
    without_strings = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b(?:chat|process)_\w+", without_strings))


def asked_metrics_exist():
    there = metric_names()
    assert "chat_messages_total" in there and "chat_connections" in there, there
    rules = [rule for group in load("prometheus/rules.yaml")["groups"] for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    asked = {}
    for rule in rules:
        name = rule.get("alert") or rule["record"]
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("warning", "critical"), name
            assert rule["annotations"]["summary"] and rule["annotations"]["description"], name
        for used in re.findall(r"instance:\w+:\w+", rule["expr"]):
            assert used in recorded, used
        asked[name] = named_in(re.sub(r"instance:\w+:\w+", "", rule["expr"]))
    dashboard = json.loads(read("grafana/chat-servers.json"))
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in panels:
        used = set().union(*(named_in(target["expr"]) for target in panel["targets"]))
        assert used or "up{" in panel["targets"][0]["expr"], panel["title"]
        asked[panel["title"]] = used
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked[variable["name"]] = named_in(variable["query"]["query"])
    for rule in load("prometheus/adapter.yaml")["rules"]["custom"]:
        asked["adapter"] = named_in(rule["seriesQuery"])
    if FEATURES != "full":
        # Then it is not one of several.
        there |= {name for names in asked.values() for name in names if name.startswith("chat_cluster_")}
    missing = {where: names - there for where, names in asked.items() if names - there}
    assert missing == {}, missing
    full = json.loads(read("compose/config.json"))["limits"]["connections"]
    nearly = next(rule for rule in rules if rule.get("alert") == "ChatServerNearlyFull")
    assert nearly["expr"].endswith(f"* {full}"), "limits.connections"
    if installed("promtool", "the rules by Prometheus itself"):
        run("promtool", "check", "rules", DEPLOY / "prometheus/rules.yaml")


def panels_do_not_overlap():
    taken = set()
    for panel in json.loads(read("grafana/chat-servers.json"))["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


everything_parses()
the_image_is_that_of_a_user_without_rights()
the_health_check_tells_a_server_from_none()
compose_fits_together()
redis_takes_its_configuration()
the_balancer_goes_to_every_server_and_to_no_administration()
the_unit_is_understood()
asked_metrics_exist()
panels_do_not_overlap()
if installed("kubectl", "everything for Kubernetes"):
    kubernetes_objects_fit_together("base")
    kubernetes_objects_fit_together("overlays/production")
    production_has_what_it_adds()
    configurations_are_understood()
