"""A room with many messages: filling it, and scrolling through all of it. For a test and for `benches/page.py`."""

import json
import urllib.parse
import urllib.request

from browser import heard, texts
from websockets.sync.client import connect

# So many turns of the wheel are enough for any room.
MOST_TURNS = 4000
TURN = 6000
FRAME = "() => new Promise(requestAnimationFrame)"


def fill(web, room, count, nickname="writer"):
    """Sends messages, at most a few hundred ahead of those stored; returns the writer's WebSocket."""
    form = urllib.parse.urlencode({"nickname": nickname}).encode()
    with urllib.request.urlopen(f"http://{web}/auth", form) as answer:
        token = json.load(answer)["token"]
    socket = connect(f"ws://{web}/ws", subprotocols=[token], max_queue=None, ping_interval=None, close_timeout=0.1)
    socket.send(json.dumps({"type": "join", "args": {"room": room}}))
    ahead = 0
    for number in range(count):
        write(socket, room, words(number), tag=str(number))
        ahead += 1
        while ahead > 300 or (number == count - 1 and ahead):
            frame = json.loads(socket.recv())
            assert frame["type"] != "error", frame
            ahead -= frame["type"] == "stored"
    return socket


def words(number):
    """Messages of different heights, some with links, code and mentions."""
    rest = "https://example.org/ `code` @ada" if number % 7 == 0 else ""
    return f"message {number}: " + "words and words " * (number % 9) + rest


def write(socket, room, body, **more):
    socket.send(json.dumps({"type": "message", "args": {"room": room, "body": body, **more}}))


def point_at(page):
    """Where a wheel that is turned scrolls the messages."""
    box = page.locator("#stream").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)


def to_the_beginning(page):
    """Scrolls up to the first message, as fast as a wheel turns; returns how many entries were in the document at most."""
    most = 0
    for _ in range(MOST_TURNS):
        page.mouse.wheel(0, -TURN)
        begins, entries = page.evaluate("""() => new Promise(requestAnimationFrame).then(() => [
            document.querySelector('#stream .top').textContent.includes('begins'),
            document.querySelectorAll('#stream .entry').length])""")
        most = max(most, entries)
        if begins:
            heard(page, "message 0:")
            return most
    raise AssertionError(f"never came to the beginning: {texts(page)[0]}")


def to_the_end(page):
    """Scrolls down to the last message; returns how many entries were in the document at most."""
    most = 0
    for _ in range(MOST_TURNS):
        page.mouse.wheel(0, TURN)
        below, entries = page.evaluate("""() => new Promise(requestAnimationFrame).then(() => [
            document.querySelectorAll('#below .button').length,
            document.querySelectorAll('#stream .entry').length])""")
        most = max(most, entries)
        if below == 0:
            return most
    raise AssertionError(f"never came to the end: {texts(page)[-1]}")
