"""Compose: servers, Redis and balancer fit together, and each accepts its
configuration file."""

import ipaddress
import json
import re
import shutil
import subprocess
import tempfile

import yaml

from deploy_support import (DEPLOY, INSIDE_PATHS, PEOPLES_PATHS, library, load, ports_of, program, read, run,
                            seconds)

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
    balancer = services["balancer"]["networks"]["front"]["ipv4_address"]
    subnet = ipaddress.ip_network(compose["networks"]["front"]["ipam"]["config"][0]["subnet"])
    assert ipaddress.ip_address(balancer) in subnet
    # Only the balancer is trusted to name the client's address.
    assert config["web"]["trusted_proxies"] == [balancer]
    assert config["listen"]["proxy_protocol_from"] == [balancer]
    # The name server and the servers that register with it share one secret.
    names = services["names"]
    assert names["entrypoint"] == ["chat-server", "name-server"] and "name-server" not in servers
    port = names["environment"]["CHAT_SERVER_NAME_SERVER_LISTEN"].rpartition(":")[2]
    secret = names["environment"]["CHAT_SERVER_NAME_SERVER_SECRET"]
    for name, service in servers.items():
        given = service["environment"]
        assert given["CHAT_SERVER_NAME_SERVER_URL"] == f"http://names:{port}"
        assert given["CHAT_SERVER_NAME_SERVER_SECRET"] == secret
        assert given["CHAT_SERVER_NAME_SERVER_ADVERTISE"] == given["CHAT_SERVER_CLUSTER_ADVERTISE"]
        assert set(names["networks"]) & set(service["networks"])
    assert all(port.startswith("127.0.0.1:") for port in names["ports"])
    wanted = set(re.findall(r"\$\{(\w+):\?", read("compose/compose.yaml")))
    assert wanted <= set(re.findall(r"^(\w+)=", read("compose/.env.example"), re.M)), wanted
    every, times = re.search(r"check inter (\d+)s fall (\d+)", read("compose/haproxy.cfg")).groups()
    telling = config["limits"]["connections"] / config["drain_rate"]
    assert config["drain_seconds"] > int(every) * int(times) + telling, "the balancer finds out too late"
    redis = dict(line.split(None, 1) for line in read("compose/redis.conf").splitlines() if line and line[0] != "#")
    assert redis["appendonly"] == "yes" and redis["maxmemory-policy"] == "noeviction"
    compose_reads_it(interpolated(read("compose/compose.yaml"), read("compose/.env.example")))


def interpolated(text, environment):
    """The file with the variables filled in, as `docker compose` does."""
    variables = dict(re.findall(r"^(\w+)=(.*)$", environment, re.M))
    given = lambda match: match[0] if match[0] == "$$" else variables.get(match[1], match[2] or "")
    return re.sub(r"\$\$|\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", given, text)


def compose_reads_it(text):
    has_docker = shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True)
    if has_docker and has_docker.returncode == 0:
        folder = DEPLOY / "compose"
        run("docker", "compose", "-f", folder / "compose.yaml", "--env-file", folder / ".env.example", "config", "-q")
        return
    compose_spec = library("compose_spec", "compose.yaml by the specification of its format")
    if compose_spec:
        # With YAML merges resolved, which the library leaves alone.
        read_by_it = lambda given: compose_spec.PyCompose.from_yaml(yaml.safe_dump(given)).validate()
        whole = yaml.safe_load(text)
        read_by_it(whole)
        whole["services"]["redis"]["stop_grace_perod"] = "60s"
        try:
            read_by_it(whole)
        except ValueError:
            return
        raise AssertionError("a mistake in compose.yaml would not be found")


def redis_takes_its_configuration():
    redis_server = program("redis-server", "the configuration of Redis")
    if not redis_server:
        return
    with tempfile.TemporaryDirectory() as folder:
        # The container's folder and port are replaced; port 0 means none.
        text = read("compose/redis.conf").replace("dir /data", f"dir {folder}")
        text += f"port 0\nunixsocket {folder}/socket\n"
        redis = subprocess.Popen([redis_server, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
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
    # As in HAProxy: `path` matches a whole path, `path_beg` its beginning.
    exact, begins = [], []
    for kind, values in re.findall(r"acl for_people (path|path_beg) (.+)", text):
        (exact if kind == "path" else begins).extend(values.split())
    reachable = lambda path: path in exact or any(path.startswith(beginning) for beginning in begins)
    assert "deny deny_status 404 unless for_people" in text
    # Every HTTP listener also serves REST.
    assert "deny deny_status 404 unless { path /mychat }" in text
    assert text.count("mode http\n    option httplog") == text.count("deny deny_status 404 unless")
    assert [path for path in INSIDE_PATHS if reachable(path)] == []
    assert [path for path in PEOPLES_PATHS if not reachable(path)] == []
    if haproxy := program("haproxy", "haproxy.cfg by HAProxy itself"):
        run(haproxy, "-c", "-f", DEPLOY / "compose/haproxy.cfg")


def check():
    compose_fits_together()
    redis_takes_its_configuration()
    the_balancer_goes_to_every_server_and_to_no_administration()
