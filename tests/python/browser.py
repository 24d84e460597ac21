"""Shared by the browser tests: the system's Chromium, and the steps that every
test needs on the page."""

import json
import shutil
import socket
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from types import SimpleNamespace

from playwright.sync_api import expect, sync_playwright

PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


def site():
    """The addresses that tests/page/browser.rs passes."""
    return SimpleNamespace(**json.loads(sys.argv[1]))


def ask(word):
    """Asks tests/page/browser.rs to do something with the server."""
    print(word, flush=True)
    assert sys.stdin.readline() == "done\n"


def announce(site, words):
    body = json.dumps({"message": words}).encode()
    headers = {"Authorization": f"Bearer {site.admin_token}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"http://{site.rest}/admin/announce", body, headers))


@contextmanager
def chromium():
    """A running browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def new_page(browser, web, size=DESKTOP, path="/client", **options):
    """A page in a context with storage of its own."""
    context = browser.new_context(viewport=size, base_url=f"http://{web}", **options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
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


def join(page, room):
    page.get_by_role("button", name="Browse or create rooms").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(room)
    dialog.get_by_role("button", name="Create").or_(dialog.get_by_role("button", name=f"Join #{room}", exact=True)).and_(
        dialog.locator(":enabled")).click()
    expect(page.get_by_role("heading", name=room, exact=True)).to_be_visible()


def composer(page):
    return page.locator("#message")


def say(page, text):
    composer(page).fill(text)
    composer(page).press("Enter")


def texts(page):
    """The messages in the document, oldest first."""
    return page.locator("#stream .text").all_inner_texts()


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
