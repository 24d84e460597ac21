"""Prometheus and Grafana: rules and dashboard query existing metrics, and a
real Prometheus accepts them."""

import json
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

from deploy_support import ADDRESS, DEPLOY, FEATURES, ROOT, TOKEN, load, program, read, run

# How long a wait may take; it runs out only when something is broken.
DEADLINE = 60

def metric_names():
    """The series of a running server, named as queries name them."""
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
        # Metrics of a cluster, which this server is not part of.
        there |= {name for names in asked.values() for name in names if name.startswith("chat_cluster_")}
    missing = {where: names - there for where, names in asked.items() if names - there}
    assert missing == {}, missing
    full = json.loads(read("compose/config.json"))["limits"]["connections"]
    nearly = next(rule for rule in rules if rule.get("alert") == "ChatServerNearlyFull")
    assert nearly["expr"].endswith(f"* {full}"), "limits.connections"
    if promtool := program("promtool", "the rules by Prometheus itself"):
        run(promtool, "check", "rules", DEPLOY / "prometheus/rules.yaml")
        run(promtool, "test", "rules", ROOT / "tests/python/deploy_rules.yaml")


def panels_do_not_overlap():
    taken = set()
    for panel in json.loads(read("grafana/chat-servers.json"))["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


class Prometheus:
    """The real Prometheus, with the files of deploy/ and a running server to
    scrape."""

    def __init__(self, folder, path):
        self.folder = folder
        config = load("prometheus/prometheus.yml")
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        job = config["scrape_configs"][0]
        job["static_configs"][0]["targets"] = [ADDRESS]
        job["authorization"]["credentials_file"] = TOKEN
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        (folder / "rules.yaml").write_text(read("prometheus/rules.yaml"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = "127.0.0.1:%d" % free.getsockname()[1]
        self.process = subprocess.Popen(
            [path, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={self.address}", "--log.level=warn"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)

    def ask(self, path, **query):
        assert self.process.poll() is None, self.process.stderr.read()
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # It is starting.
                return None
            raise AssertionError(f"{query or path}: {error.read().decode()}") from None
        except urllib.error.URLError:
            return None

    def wait_for(self, what, found):
        end = time.monotonic() + DEADLINE
        while not (value := found()):
            assert time.monotonic() < end, f"waited in vain for {what}"
            time.sleep(0.05)
        return value


def prometheus_asks_it_all():
    path = program("prometheus", "rules and dashboard by a running Prometheus")
    if not path:
        return
    with tempfile.TemporaryDirectory() as folder, Prometheus(Path(folder), path) as prometheus:
        active = lambda: (prometheus.ask("targets") or {}).get("activeTargets", [])
        prometheus.wait_for("a scrape", lambda: any(target["lastScrape"] > "1" for target in active()))
        prometheus.wait_for("a target that is up", lambda: all(target["health"] == "up" for target in active()))
        rules = lambda: [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        judged = prometheus.wait_for("every rule", lambda: all(rule["health"] != "unknown" for rule in rules()) and rules())
        assert len(judged) > 20 and all(rule["health"] == "ok" for rule in judged), judged
        recorded = lambda: prometheus.ask("query", query="instance:chat_connections:sum > 0")["result"]
        prometheus.wait_for("what is recorded", recorded)
        for title, expression in dashboard_queries():
            prometheus.ask("query", query=expression)


def dashboard_queries():
    """Runs the queries as Grafana would."""
    values = {"$job": "chat-server", "$instance": ".*", "$__rate_interval": "1m"}
    for panel in json.loads(read("grafana/chat-servers.json"))["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, value in values.items():
                expression = expression.replace(name, value)
            yield panel["title"], expression


def check():
    asked_metrics_exist()
    panels_do_not_overlap()
    prometheus_asks_it_all()
