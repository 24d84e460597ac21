"""Lists longer than one page: rooms, a room's members, and a room's history. A
row that is not loaded yet is found by its first letters."""

import json
import urllib.parse
import urllib.request

from websockets.sync.client import connect

from browser import *

PAGE = 500
ROOMS = 600
PEOPLE = 520
MESSAGES = 250


def client(where, nickname):
    """A JSON client without a page."""
    form = urllib.parse.urlencode({"nickname": nickname}).encode()
    with urllib.request.urlopen(f"http://{where.web}/auth", form) as answer:
        token = json.load(answer)["token"]
    return connect(f"ws://{where.web}/ws", subprotocols=[token], max_queue=None, ping_interval=None, close_timeout=0.1)


def send(socket, kind, **args):
    socket.send(json.dumps({"type": kind, "args": args}))


def until(socket, kind, times):
    while times:
        frame = json.loads(socket.recv())
        assert frame["type"] != "error", frame
        times -= frame["type"] == kind


def rooms(page):
    page.get_by_role("button", name="Browse or create rooms").click()
    dialog = page.get_by_role("dialog")
    listed = dialog.locator(".all-rooms li:not(.none)")
    expect(listed).to_have_count(PAGE)
    expect(dialog.locator(".none")).to_contain_text("There are more rooms than are listed")
    last = dialog.get_by_role("button", name=f"Join #r{ROOMS - 1}", exact=True)
    assert last.count() == 0, "the page was longer"
    # The search finds rooms by their first letters, and no others.
    dialog.get_by_role("textbox").fill("r59")
    expect(last).to_be_visible()
    expect(listed).to_have_count(10)
    last.click()
    expect(page.get_by_role("heading", name=f"r{ROOMS - 1}", exact=True)).to_be_visible()


def people(page):
    expect(page.locator("#aside h2")).to_have_text(f"{PEOPLE + 1} people")
    listed = page.locator("#aside .people li")
    expect(listed).to_have_count(PAGE)
    last = page.locator(f"#aside .people [data-user=g{PEOPLE - 1}]")
    assert last.count() == 0, "the page was longer"
    page.get_by_label("Find a person").fill("g51")
    expect(last).to_be_visible()
    expect(listed).to_have_count(10)
    page.get_by_label("Find a person").fill("")
    expect(listed).to_have_count(PAGE)


def history(page):
    heard(page, f"message {MESSAGES - 1}.")
    box = page.locator("#stream").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    top = page.locator("#stream .top")
    for _ in range(1000):
        page.mouse.wheel(0, -3000)
        if "begins" in top.inner_text():
            break
        page.evaluate("() => new Promise(requestAnimationFrame)")
    else:
        raise SystemExit(f"never came to the beginning: {texts(page)[0]}")
    heard(page, "message 0.")


def main():
    where = site()
    writer = client(where, "writer")
    for number in range(ROOMS):
        send(writer, "join", room=f"r{number:03}")
    # One more for the room that every client starts in.
    until(writer, "joined", ROOMS + 1)
    crowd = [client(where, f"g{number:03}") for number in range(PEOPLE)]
    for member in crowd:
        send(member, "join", room="hall")
    for member in crowd:
        until(member, "joined", 2)
    for number in range(MESSAGES):
        send(crowd[0], "message", room="hall", body=f"message {number}.", tag=str(number))
    until(crowd[0], "stored", MESSAGES)
    with chromium() as browser:
        page = enter(browser, where.web, "ada")
        rooms(page)
        join(page, "hall")
        people(page)
        history(page)
        assert page.mistakes == [], page.mistakes


if __name__ == "__main__":
    main()
