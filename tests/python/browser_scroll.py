"""A room with 10,000 messages scrolls smoothly and does not jump."""

import json
import urllib.parse
import urllib.request

from websockets.sync.client import connect

from browser import *

MESSAGES = 10_000
LONGEST_TASK = 200


def fill(where):
    """Sends all messages, at most a few hundred ahead of those stored."""
    form = urllib.parse.urlencode({"nickname": "writer"}).encode()
    with urllib.request.urlopen(f"http://{where.web}/auth", form) as answer:
        token = json.load(answer)["token"]
    socket = connect(f"ws://{where.web}/ws", subprotocols=[token], max_queue=None, ping_interval=None, close_timeout=0.1)
    socket.send(json.dumps({"type": "join", "args": {"room": "long"}}))
    ahead = 0
    for number in range(MESSAGES):
        body = f"message {number}: " + "words and words " * (number % 9) + ("https://example.org/ `code` @ada" if number % 7 == 0 else "")
        socket.send(json.dumps({"type": "message", "args": {"room": "long", "body": body, "tag": str(number)}}))
        ahead += 1
        while ahead > 300 or (number == MESSAGES - 1 and ahead):
            frame = json.loads(socket.recv())
            assert frame["type"] != "error", frame
            ahead -= frame["type"] == "stored"
    return socket


def durations(trace):
    """How much processor time each task of the page took, in milliseconds:
    other load on the machine does not count."""
    events = json.loads(trace)["traceEvents"]
    main = {(one["pid"], one["tid"]) for one in events
            if one.get("name") == "thread_name" and one["args"]["name"] == "CrRendererMain"}
    return [one["tdur"] / 1000 for one in events if (one["pid"], one["tid"]) in main and "tdur" in one]


def main():
    where = site()
    with chromium() as browser:
        writer = fill(where)
        page = enter(browser, where.web, "ada")
        join(page, "long")
        heard(page, f"message {MESSAGES - 1}:")
        browser.start_tracing(page=page, categories=["toplevel"])
        box = page.locator("#stream").bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 200)
        # Scrolls up to the first message, as fast as a wheel turns.
        for _ in range(2000):
            page.mouse.wheel(0, -6000)
            if page.evaluate("document.querySelector('#stream .top').textContent.includes('begins')"):
                break
            page.evaluate("() => new Promise(requestAnimationFrame)")
        else:
            raise SystemExit(f"never came to the beginning: {texts(page)[0]}")
        heard(page, "message 0:")
        assert page.locator("#stream .entry").count() <= 300
        # New messages do not move what is being read.
        page.locator("#stream").evaluate("box => box.scrollTop = 700")
        page.evaluate("() => new Promise(requestAnimationFrame)")
        first = "() => [...document.querySelectorAll('#stream .row')].find(row => row.getBoundingClientRect().bottom > 150).getBoundingClientRect().top"
        before = page.evaluate(first)
        for number in range(20):
            writer.send(json.dumps({"type": "message", "args": {"room": "long", "body": f"news {number}"}}))
        expect(page.locator("#below")).to_contain_text("20 new messages")
        assert abs(page.evaluate(first) - before) <= 1
        # Scrolls down again.
        for _ in range(2000):
            page.mouse.wheel(0, 6000)
            page.evaluate("() => new Promise(requestAnimationFrame)")
            if page.locator("#below .button").count() == 0:
                break
        heard(page, "news 19")
        # Inserting older messages in front does not move the top row.
        steps = page.evaluate(STEPS)
        assert max(steps) <= 2, steps
        tasks = durations(browser.stop_tracing())
        assert len(tasks) > 100 and max(tasks) <= LONGEST_TASK, sorted(tasks)[-10:]
        assert page.mistakes == [], page.mistakes


# Scrolls up in small steps; returns by how many pixels a row moved more or less
# than the scroll.
STEPS = """async () => {
    const box = document.querySelector('#stream');
    const off = [];
    for (let step = 0; step < 60; step += 1) {
        const edge = box.getBoundingClientRect().top + 100;
        const row = [...box.querySelectorAll('.row')].find(row => row.getBoundingClientRect().bottom > edge);
        const before = row.getBoundingClientRect().top;
        box.scrollTop -= 300;
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        off.push(Math.abs(row.getBoundingClientRect().top - before - 300));
    }
    return off;
}"""

if __name__ == "__main__":
    main()
