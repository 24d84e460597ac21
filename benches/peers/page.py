"""The measurements as tables and as a picture."""

import os
import platform
import statistics
import subprocess
from datetime import date
from xml.sax.saxutils import escape

import servers
from scenarios import BARE

BEGIN = "<!-- What `make bench-peers` has measured: do not edit. -->"
END = "<!-- As far as it measured. -->"


def facts(binary, rounds, seconds):
    """The date, machine and versions, as lines of a list."""
    ours = subprocess.run([binary, "-V"], capture_output=True, text=True).stdout.strip()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True
    ).stdout.strip()
    cpu = next(
        (l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")),
        platform.machine(),
    )
    memory = next(l for l in open("/proc/meminfo") if l.startswith("MemTotal"))
    gigabytes = int(memory.split()[1]) / 1024**2
    medians = f"medians of {rounds} rounds" if rounds > 1 else "one round only, a trial"
    return [
        f"{date.today()}, {medians}, {seconds} s each, after 1 s that does not count",
        f"{ours} ({commit}), {servers.version('ngircd')}, {servers.version('inspircd')}",
        f"{os.cpu_count()} cores for server and clients together ({cpu}), {gigabytes:.0f} GB, "
        f"Linux {platform.release()}, load {os.getloadavg()[2]:.1f} in the quarter of an hour before the end",
    ]


def most_rounds(results):
    return max((len(rounds) for rounds in results.values()), default=0)


def values(figure, rounds):
    found = [figure.of(outcome) for outcome in rounds if "failed" not in outcome]
    return [value for value in found if value is not None]


def median(figure, rounds):
    found = values(figure, rounds)
    return statistics.median(found) if found else None


def best_peer(scenario, figure, results):
    medians = [
        median(figure, results.get((scenario.title, c.name), []))
        for c in scenario.contestants
        if c.peer and c != BARE
    ]
    medians = [m for m in medians if m is not None]
    if not medians:
        return None
    return max(medians) if figure.higher_is_better else min(medians)


def judge(target, value, peer, bare):
    """The deciding ratio, and whether the target is reached; None if there is
    no figure to tell."""
    against = {"peer": peer, "bare": bare, "absolute": 1}[target.against]
    if value is None or not against:
        return None
    ratio = value / against
    return ratio >= target.bound if target.at_least else ratio <= target.bound


def tables(scenarios, results, facts):
    """The tables as Markdown, and the targets that were missed."""
    lines, failed = [f"- {fact}" for fact in facts], []
    for scenario in scenarios:
        lines += ["", f"### {scenario.title}", ""]
        longer = f", {scenario.times_as_long} times as long" if scenario.times_as_long > 1 else ""
        lines += [f"`chat-server bench {' '.join(scenario.arguments)}`{longer}", ""]
        for figure in scenario.figures:
            missed = one_table(scenario, figure, results, lines)
            failed += missed
        for contestant in scenario.contestants:
            for why in failures(results.get((scenario.title, contestant.name), [])):
                lines.append(f"- {contestant.name}: {why}")
    return "\n".join(lines) + "\n", failed


def failures(rounds):
    found = {outcome["failed"].splitlines()[0] for outcome in rounds if "failed" in outcome}
    lost = sum(outcome.get("lost", 0) for outcome in rounds)
    return sorted(found) + ([f"{lost:,.0f} deliveries were lost"] if lost else [])


def one_table(scenario, figure, results, lines):
    peer = best_peer(scenario, figure, results)
    bare = median(figure, results.get((scenario.title, BARE.name), []))
    unit = f", {figure.unit}" if figure.unit else ""
    with_targets = bool(figure.targets)
    lines.append(f"| {figure.title}{unit} | median | least – most | / best peer |" + (" target | |" if with_targets else ""))
    lines.append("| --- | ---: | ---: | ---: |" + (" --- | --- |" if with_targets else ""))
    missed, most = [], most_rounds(results)
    for contestant in scenario.contestants:
        rounds = results.get((scenario.title, contestant.name), [])
        found, value = values(figure, rounds), median(figure, rounds)
        target = figure.targets.get(contestant)
        if value is None:
            if target:
                lines.append(f"| {contestant.name} | not measured | | | {target.words()} | **missed** |")
                missed.append(f"{scenario.title}: {contestant.name}: {figure.title} not measured ({target.words()})")
            continue
        few = f" ({len(found)} of {most} rounds)" if len(found) < most else ""
        row = f"| {contestant.name}{few} | {readable(value)} | {readable(min(found))} – {readable(max(found))} |"
        row += f" {value / peer:.2f} |" if peer else " |"
        if with_targets:
            reached = target and judge(target, value, peer, bare)
            row += f" {target.words() if target else ''} | {verdict(target, reached)} |"
            if target and reached is False:
                missed.append(f"{scenario.title}: {contestant.name}: {figure.title} {readable(value)} ({target.words()})")
        lines.append(row)
    lines.append("")
    return missed


def verdict(target, reached):
    if not target or reached is None:
        return ""
    return "reached" if reached else "**missed**"


def readable(value):
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def write(docs, text, scenarios, results):
    """Replaces the previous tables, and writes the picture beside the page."""
    file = docs / "benchmarks.md"
    head, rest = file.read_text().split(BEGIN)
    _, tail = rest.split(END)
    file.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}")
    (docs / "benchmarks.svg").write_text(picture(scenarios, results))


# The picture: the first figure of each scenario, one bar for each server.

WIDTH, LABELS, BAR, GAP, TITLE = 760, 230, 16, 4, 34
COLOURS = {True: "#8a8f98", False: "#2f7d5b"}


def picture(scenarios, results):
    parts, y = [], 10
    for scenario in scenarios:
        figure = scenario.figures[0]
        bars = [(c, median(figure, results.get((scenario.title, c.name), []))) for c in scenario.contestants]
        bars = [(c, value) for c, value in bars if value is not None]
        if len(bars) < 2:
            continue
        longest = max(value for _, value in bars)
        better = "more" if figure.higher_is_better else "less"
        unit = f"{figure.unit}, " if figure.unit else ""
        title = f"{scenario.title}: {figure.title} ({unit}{better} is better)"
        y += TITLE - BAR
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{escape(title)}</text>')
        y += 8
        for contestant, value in bars:
            length = max(1, (WIDTH - LABELS - 90) * value / longest)
            middle = y + BAR - 4
            parts.append(f'<text x="{LABELS - 6}" y="{middle}" text-anchor="end">{escape(contestant.name)}</text>')
            parts.append(
                f'<rect x="{LABELS}" y="{y}" width="{length:.1f}" height="{BAR}" '
                f'fill="{COLOURS[bool(contestant.peer)]}"/>'
            )
            parts.append(f'<text x="{LABELS + length + 6:.1f}" y="{middle}">{readable(value)}</text>')
            y += BAR + GAP
        y += 12
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" '
        f'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n'
    )
