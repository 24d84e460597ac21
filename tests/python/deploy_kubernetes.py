"""Kubernetes and Istio: the rendered objects fit together, and fit the
servers."""

import json
from pathlib import Path

import yaml

from deploy_support import DEPLOY, INSIDE_PATHS, PEOPLES_PATHS, library, load, not_tested, program, run

KUBECTL = program("kubectl", "everything for Kubernetes")
# The version to check the objects against.
KUBERNETES = "1.32"
RENDERED = {}


def rendered(what):
    """The objects of a kustomization, by kind and name."""
    if what not in RENDERED:
        text = run(KUBECTL, "kustomize", DEPLOY / "kubernetes" / what)
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

    # Ports: those of the configuration, the container, the services, the
    # probes.
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    listening = {int(address.rpartition(":")[2]) for address in settings["listen"].values() if address != "off"}
    assert set(ports.values()) == listening
    for (kind, name), one in objects.items():
        if kind == "Service" and name != "chat-names":
            assert matches(one["spec"]["selector"], labels), name
            assert all(port["targetPort"] in ports for port in one["spec"]["ports"]), name
    for probe, path in [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]:
        get = container[probe]["httpGet"]
        assert (get["path"], get["port"]) == (path, "rest"), probe
    public = objects["Service", "chat-server"]["spec"]["ports"]
    assert all(port["targetPort"] != "rest" for port in public), "REST is for administrators"

    # Shutdown: the server drains and says goodbye before it is killed.
    assert "lifecycle" not in container, "the server drains by itself"
    pause = settings["drain_seconds"]
    readiness = container["readinessProbe"]
    telling = settings["limits"]["connections"] / settings["drain_rate"]
    assert pause >= readiness["periodSeconds"] * readiness["failureThreshold"] + telling
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

    # Every mounted volume exists, and the data folder is on one.
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

    # The number of replicas.
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
    # Memory for the connections, by docs/benchmarks.md.
    memory = container["resources"]["requests"]["memory"]
    assert full * 65_000 < int(memory.removesuffix("Gi")) << 30
    budget = objects["PodDisruptionBudget", "chat-server"]["spec"]
    assert budget["maxUnavailable"] == 1 and matches(budget["selector"]["matchLabels"], labels)

    # Only monitoring and administration may reach REST.
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
    covers = lambda path: any(path == one or one.endswith("*") and path.startswith(one[:-1]) for one in denied)
    assert [path for path in INSIDE_PATHS if not covers(path) and not path.startswith("/api/nodes")] == []
    # The server also accepts a path with a slash at its end.
    single = [path for path in INSIDE_PATHS if not path.startswith("/api/nodes")]
    assert [path for path in single if not covers(path.rstrip("/") + "/")] == []
    the_name_server_fits(objects)
    monitor = objects["ServiceMonitor", "chat-server"]["spec"]
    nodes = objects["Service", "chat-server-nodes"]
    assert matches(monitor["selector"]["matchLabels"], nodes["metadata"]["labels"])
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in nodes["spec"]["ports"]}
    assert objects["Namespace", "chat"]["metadata"]["labels"]["istio-injection"] == "enabled"
    assert server(objects)["image"].startswith("registry.example.org/chat-server:")


def the_name_server_fits(objects):
    """It has pods of its own; servers find it, know its secret and reach it."""
    names = objects["Deployment", "chat-names"]["spec"]
    pod = names["template"]
    container = pod["spec"]["containers"][0]
    labels = pod["metadata"]["labels"]
    assert names["selector"]["matchLabels"].items() <= labels.items()
    servers = objects["StatefulSet", "chat-server"]["spec"]["selector"]["matchLabels"]
    assert not matches(servers, labels), "it is no chat server"
    service = objects["Service", "chat-names"]["spec"]
    assert matches(service["selector"], labels)
    port = service["ports"][0]["port"]
    given = {variable["name"]: variable for variable in container["env"]}
    assert given["CHAT_SERVER_NAME_SERVER_LISTEN"]["value"].endswith(f":{port}")
    theirs = {variable["name"]: variable for variable in server(objects)["env"]}
    assert theirs["CHAT_SERVER_NAME_SERVER_URL"]["value"] == f"http://chat-names:{port}"
    assert theirs["CHAT_SERVER_NAME_SERVER_SECRET"] == given["CHAT_SERVER_NAME_SERVER_SECRET"]
    # Kubernetes expands only variables defined earlier.
    order = list(theirs)
    for name, variable in theirs.items():
        assert "$(POD_IP)" not in variable.get("value", "") or order.index("POD_IP") < order.index(name), order
    secret = load("kubernetes/base/secret.example.yaml")["stringData"]
    assert given["CHAT_SERVER_NAME_SERVER_SECRET"]["valueFrom"]["secretKeyRef"]["key"] in secret
    assert names["replicas"] == 1 and container["image"] == server(objects)["image"]
    out = objects["NetworkPolicy", "chat-server-to-names"]["spec"]
    assert out["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "chat-server"
    assert out["egress"][0]["ports"][0]["port"] == port


def kubernetes_knows_every_field(what):
    validate = library("kubernetes_validate", "the objects for Kubernetes by its own schemas")
    if not validate:
        return
    unknown = set()
    for one in rendered(what).values():
        try:
            validate.validate(one, KUBERNETES, strict=True)
        except validate.SchemaNotFoundError:
            unknown.add(one["kind"])
    ours = {"DestinationRule", "Gateway", "VirtualService", "AuthorizationPolicy", "PeerAuthentication", "ServiceMonitor"}
    assert unknown <= ours, unknown
    if unknown:
        not_tested(f"{', '.join(sorted(unknown))} by schemas: Kubernetes has none for what Istio and others add")


def check():
    if not KUBECTL:
        return
    for what in ["base", "overlays/production"]:
        kubernetes_objects_fit_together(what)
        kubernetes_knows_every_field(what)
    production_has_what_it_adds()
