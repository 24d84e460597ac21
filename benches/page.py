"""What the page computes in a room with many messages, and what it keeps: the longest tasks of its thread in
processor time, the memory of its JavaScript and the entries in its document; and whether it follows a room with
many messages a second on a slow processor. Prints figures; judges none.

usage: page.py [MESSAGES]
"""

import json
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests/python"))

from browser import chromium, enter, heard, join  # noqa: E402
from long_room import fill, point_at, to_the_beginning, to_the_end, words, write  # noqa: E402
from team import Site  # noqa: E402

MESSAGES = int(sys.argv[1]) if sys.argv[1:] else 10_000

# A room that is followed: how many messages a second, for how many seconds, on a processor so many times slower.
RATE, SECONDS, SLOWER = 200, 60, 4

# Notes tasks that are long enough to be felt.
LONG_TASKS = """window.longTasks = [];
new PerformanceObserver(list => window.longTasks.push(...list.getEntries().map(entry => entry.duration)))
    .observe({ type: 'longtask' });"""
# How far the last message is below what is seen, in pixels.
BELOW = """() => {
    const box = document.querySelector('#stream');
    return box.scrollHeight - box.scrollTop - box.clientHeight;
}"""


def durations(trace):
    """How much processor time each task of the page took, in milliseconds, least first: other load on the
    machine does not count."""
    events = json.loads(trace)["traceEvents"]
    main = {(one["pid"], one["tid"]) for one in events
            if one.get("name") == "thread_name" and one["args"]["name"] == "CrRendererMain"}
    return sorted(one["tdur"] / 1000 for one in events if (one["pid"], one["tid"]) in main and "tdur" in one)


def heap(page):
    """The memory of the page's JavaScript after a collection, in megabytes."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    return devtools.send("Runtime.getHeapUsage")["usedSize"] / 2**20


def report(what, trace, entries, page):
    tasks = durations(trace)
    longest = ", ".join(f"{task:.0f}" for task in tasks[:-6:-1])
    print(f"{what}: {len(tasks)} tasks, {sum(tasks) / 1000:.1f} s in all, the longest {longest} ms; "
          f"{entries} entries in the document at most; heap {heap(page):.0f} MB", flush=True)


def measure(browser, web):
    fill(web, "long", MESSAGES).close()
    page = enter(browser, web, "ada")
    print(f"{MESSAGES} messages, Chromium {browser.version}; heap before {heap(page):.0f} MB", flush=True)
    join(page, "long")
    heard(page, f"message {MESSAGES - 1}:")
    point_at(page)
    for what, scroll in (("to the beginning", to_the_beginning), ("to the end", to_the_end)):
        browser.start_tracing(page=page, categories=["toplevel"])
        entries = scroll(page)
        report(what, browser.stop_tracing(), entries, page)


def flood(socket):
    """Sends messages on schedule."""
    begun = time.monotonic()
    for number in range(RATE * SECONDS):
        time.sleep(max(0, begun + number / RATE - time.monotonic()))
        write(socket, "busy", words(number))


def follow(browser, web):
    socket = fill(web, "busy", 1, "talker")
    page = enter(browser, web, "bob")
    join(page, "busy")
    heard(page, "message 0:")
    page.evaluate(LONG_TASKS)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    writer = threading.Thread(target=flood, args=(socket,))
    writer.start()
    looks, behind = 0, 0
    while writer.is_alive():
        time.sleep(0.25)
        looks += 1
        behind += page.evaluate(BELOW) > 100
    heard(page, f"message {RATE * SECONDS - 1}:")
    socket.close()
    tasks = sorted(page.evaluate("window.longTasks"), reverse=True)
    longest = ", ".join(f"{task:.0f}" for task in tasks[:5])
    print(f"{RATE} messages a second for {SECONDS} s on a processor {SLOWER} times slower: {behind} of {looks} looks "
          f"were not at the end; {len(tasks)} tasks over 50 ms, the longest {longest} ms; heap {heap(page):.0f} MB",
          flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Site(folder, ROOT / "target/release/chat-server", {"message_rate": 0}).start()
        try:
            with chromium() as browser:
                measure(browser, server.web)
                follow(browser, server.web)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
