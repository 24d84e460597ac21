"""Shared by the browser tests: the system's Chromium without a screen, and the steps that every
test needs on the page."""

import json
import os
import re
import shutil
import socket
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

from playwright.sync_api import TimeoutError, expect, sync_playwright
from slow_link import slow_link

# For finding what a test does not wait for, see docs/testing.md: how many times slower pages compute than they
# could, and by how many milliseconds, at most, what they are sent and send is late.
SLOWER = int(os.environ.get("CHAT_TEST_SLOWER", "1"))
LATE_MS = int(os.environ.get("CHAT_TEST_LATE_MS", "0"))
PATIENCE = 60_000 * SLOWER
expect.set_options(timeout=PATIENCE)
# The whole browser takes twice the processor time.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
# Keeps the words that a page shows for some seconds only: a machine may stand still for longer.
TOASTS = """addEventListener("DOMContentLoaded", () => {
    const box = document.getElementById("toasts");
    if (box) new MutationObserver((changes) => {
        const { dataset } = document.documentElement;
        for (const { addedNodes } of changes) for (const { textContent } of addedNodes) dataset.toasts = `${dataset.toasts ?? ""}${textContent}\\n`;
    }).observe(box, { childList: true });
});"""


def site():
    """The addresses that tests/page/browser.rs passes."""
    where = SimpleNamespace(**json.loads(sys.argv[1]))
    if LATE_MS > 0:
        where.web = slow_link(where.web, LATE_MS / 1000)
    return where


def ask(word):
    """Asks tests/page/browser.rs to do something with the server."""
    print(word, flush=True)
    assert sys.stdin.readline() == "done\n"


def announce(site, words):
    body = json.dumps({"message": words}).encode()
    headers = {"Authorization": f"Bearer {site.admin_token}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"http://{site.rest}/admin/announce", body, headers))


# The browser of run_scripts.py, if it runs this script.
shared = None


@contextmanager
def chromium():
    """A running browser; nothing of what is opened in it is left afterwards."""
    if shared:
        yield shared
        for context in shared.contexts:
            context.close()
    else:
        with launched() as browser:
            yield browser


@contextmanager
def launched():
    """A browser of one's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def new_page(browser, web, size=DESKTOP, path="/client", **options):
    """A page in a context with storage of its own, and unless asked for without the service worker."""
    options.setdefault("service_workers", "block")
    context = browser.new_context(viewport=size, base_url=f"http://{web}", **options)
    context.set_default_timeout(PATIENCE)
    context.add_init_script(TOASTS)
    page = context.new_page()
    if SLOWER > 1:
        context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.mistakes = []
    page.on("pageerror", lambda error: page.mistakes.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.mistakes.append(message.text))
    page.goto(path)
    return page


def enter(browser, web, nickname, **options):
    """Opens the page and logs in as a guest."""
    page = new_page(browser, web, **options)
    page.get_by_label("Nickname").fill(nickname)
    page.get_by_role("button", name="Enter").click()
    online(page)
    return page


def online(page):
    expect(page.locator("#me .status.open")).to_be_attached(timeout=PATIENCE)


def comes_back(page):
    """The page is connected again by itself. It pauses between its attempts, up to 23 seconds, and the first ones may
    be too early."""
    expect(page.locator("#me .status.open")).to_be_attached(timeout=3 * PATIENCE)


def toasted(page, text):
    """The page says something for some seconds, or has said it since it was loaded."""
    expect(page.locator("html")).to_have_attribute("data-toasts", re.compile(re.escape(text)))


def join(page, room):
    page.get_by_role("button", name="Browse or create rooms").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(room)
    either = dialog.get_by_role("button", name="Create", exact=True).or_(dialog.get_by_role("button", name=f"Join #{room}", exact=True)).and_(
        dialog.locator(":enabled"))
    # The list of rooms may come only now, with this one in it: then it is the other button.
    for _ in range(PATIENCE // 1000):
        try:
            either.click(timeout=2000 * SLOWER)
        except TimeoutError:
            pass
        # A click that came too late for the test may have been in time for the page.
        if not dialog.is_visible():
            break
    expect(page.get_by_role("heading", name=room, exact=True)).to_be_visible()


def operates(page):
    """Waits until the page knows that its user operates the room: before that its menus offer less, also when open."""
    mine = page.locator("#aside .people li").filter(has=page.get_by_text("you", exact=True))
    expect(mine.locator(".role:is([title=operator], [title=founder])")).to_be_attached()


def jump(page, name):
    """Opens a room or a person by Control+K, and by the keyboard alone."""
    page.keyboard.press("Control+K")
    expect(page.get_by_role("combobox", name="Jump to a room or person")).to_be_focused()
    page.keyboard.type(name)
    expect(page.get_by_role("option").first).to_contain_text(name.removeprefix("@"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name.removeprefix("@"), exact=True)).to_be_visible()


def open_actions(page, row):
    """Opens the menu of a message by keyboard. A row that is drawn anew between the two steps loses the key."""
    for _ in range(PATIENCE // 1000):
        row.focus()
        page.keyboard.press("Enter")
        try:
            return expect(page.get_by_role("menu", name="Message actions")).to_be_visible(timeout=1000 * SLOWER)
        except AssertionError:
            pass
    raise SystemExit("a message has no menu")


def composer(page):
    return page.locator("#message")


def say(page, text):
    composer(page).fill(text)
    # On a phone, Enter begins a new line.
    if composer(page).get_attribute("enterkeyhint") == "enter":
        page.get_by_role("button", name="Send", exact=True).click()
    else:
        composer(page).press("Enter")


def open_room(page, name):
    """Opens a room or person of the list; on a phone, the list may be behind a conversation, or just go there."""
    for _ in range(PATIENCE // 1000):
        try:
            if not page.locator("#side").is_visible():
                page.get_by_role("button", name="All conversations").click(timeout=1000 * SLOWER)
            row(page, name).click(timeout=1000 * SLOWER)
            break
        except TimeoutError:
            pass
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def texts(page):
    """The messages in the document, oldest first."""
    return page.locator("#stream .text").all_inner_texts()


def stored(page, text):
    """Waits until the last message with this text is more than one that is being sent."""
    expect(page.locator("#stream .row", has_text=text).last.locator("[data-actions]")).to_be_attached(timeout=PATIENCE)


def heard(page, text):
    expect(page.locator("#stream .text", has_text=text).last).to_be_visible(timeout=PATIENCE)


def row(page, name):
    """A conversation's button in the sidebar."""
    return page.locator("#side li .row-button").filter(has=page.get_by_text(name, exact=True))


def unread(page, name):
    return row(page, name).locator(".badge")


class Telnet:
    """A client of the line protocol."""

    def __init__(self, address, nickname, channel):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE / 1000)
        self.seen = b""
        self.send(nickname)
        self.send(f"/join #{channel}")
        self.hears(f"#{channel}")

    def send(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def hears(self, text):
        while text.encode() not in self.seen:
            more = self.socket.recv(65536)
            assert more, f"closed before {text!r}: {self.seen!r}"
            self.seen += more
