"""A link that is dead for a while without being cut: the page says so, keeps what is written,
and afterwards everybody has each message once. The page's clock is moved on instead of waiting."""

import threading

from browser import *
from playwright.sync_api import Error


class Wire:
    """A TCP proxy that can hold back all bytes, and releases the newest connection first."""

    def __init__(self, target):
        host, port = target.split(":")
        self.target = (host, int(port))
        self.flowing = threading.Condition()
        self.held = False
        self.links = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hold(self):
        self.held = True

    def release(self, older=True):
        """Lets bytes flow again; those of connections from before only with `older`."""
        with self.flowing:
            self.held = False
            self.oldest = 0 if older else self.links - 1
            self.flowing.notify_all()

    oldest = 0

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(self.target)
            self.links += 1
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self._carry, args=(self.links, one, other), daemon=True).start()

    def _carry(self, number, one, other):
        try:
            while True:
                some = one.recv(65536)
                with self.flowing:
                    self.flowing.wait_for(lambda: not self.held and number >= self.oldest)
                if not some:
                    break
                other.sendall(some)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            other.close()


def open_page(browser, wire, size):
    """A page by way of a wire, with a clock that can be moved on."""
    page = new_page(browser, wire.address, size, path="about:blank")
    page.clock.install()
    page.goto("/client#dev")
    return page


def undelivered(page):
    return page.locator(".row.waiting, .row.sending, .row.failed")


def status(page):
    return page.locator("#me .status")


def stop_the_clock(page):
    """From now on only the test moves it on: however slow the machine is, the page does not give the connection up."""
    for _ in range(10):
        try:
            return page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 2)
        except Error:
            # It was later than that already.
            pass
    raise SystemExit("the clock goes on")


def no_answer(page):
    """Moves the clock on until the page misses an answer, and no further: later it gives the connection up."""
    for _ in range(60):
        page.clock.run_for(500)
        if status(page).text_content() == "No answer…":
            return
    raise SystemExit(f"still {status(page).text_content()}")


def come_back(page):
    """Moves the clock on until the page is connected again."""
    for _ in range(60):
        # A connection takes its time, however fast the clock is: meanwhile it only goes on by itself.
        expect(status(page)).not_to_have_text("Connecting…")
        if status(page).text_content() == "Online":
            return
        page.clock.run_for(1000)
    raise SystemExit(f"still {status(page).text_content()}")


def said_once(page, other, words, number):
    """Everybody has each message once."""
    expect(page.locator(".banner.offline")).to_have_count(0)
    expect(undelivered(page)).to_have_count(0)
    wanted = [f"{words} {number}" for number in range(number)]
    heard(other, wanted[-1])
    for one in (page, other):
        said = [text for text in texts(one) if text.startswith(words)]
        assert said == wanted, said


def no_bytes_for_39_seconds(page, wire, other):
    """Longer than all of the page's patience. An account can have two connections: what was sent
    over the old one is delivered after the new one has caught up."""
    stop_the_clock(page)
    wire.hold()
    for number in range(3):
        say(page, f"desk {number}")
    # The state shown is the state, and silence is no refusal.
    no_answer(page)
    expect(page.locator(".banner.offline")).to_contain_text("does not answer")
    say(page, "desk 3")
    page.clock.run_for(29_000)
    expect(page.locator(".row.failed")).to_have_count(0)
    expect(undelivered(page)).to_have_count(4)
    expect(status(page)).not_to_have_text("Online")
    page.clock.resume()
    wire.release(older=False)
    come_back(page)
    wire.release()
    said_once(page, other, "desk", 4)


def an_answer_comes_late(page, wire, other):
    """Nothing is given up as long as the answer may come."""
    stop_the_clock(page)
    wire.hold()
    say(page, "late 0")
    no_answer(page)
    wire.release()
    page.clock.resume()
    said_once(page, other, "late", 1)


def the_network_goes_and_comes(page, wire, other):
    """The browser hints that the network has changed: the page does not wait for its own timers."""
    wire.hold()
    page.context.set_offline(True)
    page.clock.run_for(4_000)
    expect(page.locator(".banner.offline")).to_contain_text("You are offline.")
    say(page, "phone 0")
    page.clock.run_for(40_000)
    expect(undelivered(page)).to_have_count(1)
    expect(page.locator(".row.failed")).to_have_count(0)
    wire.release()
    page.context.set_offline(False)
    online(page)
    said_once(page, other, "phone", 1)


def main():
    where = site()
    wires = Wire(where.web), Wire(where.web)
    with chromium() as browser:
        bob = enter(browser, where.web, "bob")
        join(bob, "dev")
        ada = open_page(browser, wires[0], DESKTOP)
        ada.get_by_role("tab", name="Register").click()
        ada.get_by_label("Nickname").fill("ada")
        ada.get_by_label("Password").fill("long enough")
        ada.get_by_role("button", name="Create the account").click()
        expect(composer(ada)).to_have_attribute("placeholder", "Message #dev")
        an_answer_comes_late(ada, wires[0], bob)
        no_bytes_for_39_seconds(ada, wires[0], bob)
        carol = open_page(browser, wires[1], PHONE)
        carol.get_by_label("Nickname").fill("carol")
        carol.get_by_role("button", name="Enter").click()
        expect(composer(carol)).to_have_attribute("placeholder", "Message #dev")
        the_network_goes_and_comes(carol, wires[1], bob)
        serious = [one for page in (ada, bob, carol) for one in page.mistakes if "WebSocket" not in one and "ERR_" not in one]
        assert serious == [], serious


if __name__ == "__main__":
    main()
