#!/usr/bin/env python3
"""Measures this server and others with the same generator, in turns, and writes
docs/benchmarks.md and docs/benchmarks.svg. `make bench-peers ROUNDS=5`."""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import page
import servers
from scenarios import MAPS_FOR_20_000, SCENARIOS, with_peers

ROOT = Path(__file__).resolve().parents[2]
# Longer than any one measurement; the generator itself gives up sooner.
LONGEST = 900
# Enough for 20,000 connections; only root may exceed the limit it was given.
DESCRIPTORS = 65_536


def main():
    options = parse()
    raise_descriptor_limit()
    try:
        for peer in options.peer:
            name, _, place = peer.partition("=")
            servers.add_running(name, place)
        servers.install()
    except servers.Missing as missing:
        sys.exit(str(missing))
    binary = Path(options.binary).resolve()
    scenarios = [with_peers(s, servers.RUNNING) for s in SCENARIOS if options.only in s.title]
    seconds = options.seconds or (2 if options.rounds == 1 else 5)
    results = {}
    begun = time.monotonic()
    for number in range(1, options.rounds + 1):
        if options.minutes and time.monotonic() - begun > options.minutes * 60:
            options.rounds = number - 1
            break
        for scenario in scenarios:
            for contestant in scenario.contestants:
                # Its figures hardly vary between rounds, and some peers take
                # minutes for it.
                if scenario.arguments[0] == "idle" and contestant.peer and number > 1:
                    continue
                say(f"round {number} of {options.rounds}: {scenario.title}: {contestant.name}")
                outcome = measure(binary, scenario, contestant, seconds * scenario.times_as_long)
                results.setdefault((scenario.title, contestant.name), []).append(outcome)
    say(f"done in {(time.monotonic() - begun) / 60:.1f} minutes")
    raw = [
        {"scenario": scenario, "server": server, "rounds": rounds}
        for (scenario, server), rounds in results.items()
    ]
    Path(options.raw).write_text(json.dumps(raw, indent=1) + "\n")
    facts = page.facts(binary, options.rounds, seconds)
    text, failed = page.tables(scenarios, results, facts)
    if options.only:
        print(text)
    else:
        page.write(ROOT / "docs", text, scenarios, results)
    for target in failed:
        say(f"missed: {target}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="medians are taken over so many")
    parser.add_argument("--seconds", type=int, help="length of one measurement [default: 5; 2 for one round]")
    parser.add_argument("--minutes", type=int, help="no round begins later than that")
    parser.add_argument(
        "--peer", action="append", default=[], metavar="NAME=HOST:PORT[,PID]",
        help="another IRC server, which runs already and slows nobody down; its processor time and memory are those of PID",
    )
    parser.add_argument("--only", default="", help="scenarios with that in their title, to standard output")
    parser.add_argument("--binary", default=ROOT / "target/release/chat-server")
    parser.add_argument("--raw", default=ROOT / "target/bench-peers.json", help="every figure of every round")
    return parser.parse_args()


def say(words):
    print(words, file=sys.stderr, flush=True)


def raise_descriptor_limit():
    """For all servers, which inherit the limits."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    more = max(hard, DESCRIPTORS)
    with contextlib.suppress(ValueError, PermissionError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (more, more))


def measure(binary, scenario, contestant, seconds):
    """The figures of one run, or {"failed": why}."""
    if contestant.peer == "none":
        arguments = ["send-loop", *[a for a in scenario.arguments if a != "room"]]
        return bench(binary, arguments, seconds)
    arguments = [*scenario.arguments, *contestant.arguments()]
    if "20000" in arguments and not maps_suffice():
        return {"failed": f"needs sysctl vm.max_map_count={MAPS_FOR_20_000}"}
    if not contestant.peer:
        return bench(binary, arguments, seconds)
    try:
        with servers.running(contestant.peer) as (address, pid):
            there = ["--address", address, *(["--pid", str(pid)] if pid else [])]
            return bench(binary, arguments + there, seconds)
    except RuntimeError as error:
        return {"failed": str(error)}


def bench(binary, arguments, seconds):
    # Settings in the environment are not meant for these servers.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CHAT_SERVER_")}
    command = [str(binary), "bench", "--json", "-", "--seconds", str(seconds), *arguments]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        out, err = child.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        end(child)
        return {"failed": f"not done within {LONGEST} s"}
    except BaseException:
        end(child)
        raise
    if child.returncode:
        say(err.strip())
        return {"failed": err.strip().removeprefix("chat-server bench: ")}
    return json.loads(out)["figures"]


def end(child):
    """Ends the server it started before it ends itself."""
    child.terminate()
    child.communicate()


def maps_suffice():
    count = Path("/proc/sys/vm/max_map_count")
    return not count.exists() or int(count.read_text()) >= MAPS_FOR_20_000


if __name__ == "__main__":
    main()
