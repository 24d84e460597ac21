"""What keeps a user from the chat is said on the page, in words: no history, a full server, a kick, a
ban, a store that cannot be read."""

import re

from browser import *


def administer(where, method, path, body=None):
    headers = {"Authorization": f"Bearer {where.admin_token}", "Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"http://{where.rest}/admin{path}", body and json.dumps(body).encode(), headers, method=method))


def banner(page):
    return page.locator(".banner.offline")


def no_history(page):
    expect(page.locator("#stream .top")).to_contain_text("This server keeps no history")
    say(page, "/search anything")
    expect(page.locator("#aside .summary")).to_contain_text("No history is kept here.")
    page.get_by_role("button", name="Close the search").click()
    say(page, "said all the same")
    heard(page, "said all the same")


def a_kick_and_a_full_server(page, where):
    """The page says why, and comes back when there is a place."""
    # The one of the round before may not be gone yet.
    telnet = Telnet(where.telnet, f"{page.nickname}s-friend", "dev")
    administer(where, "DELETE", f"/users/{page.nickname}?reason=be%20kind")
    expect(banner(page)).to_contain_text("be kind")
    expect(page.locator("#me .status")).to_have_text("Not connected")
    ask("full")
    banner(page).get_by_role("button", name="Come back").click()
    # In one of these words: the browser may still have a connection over which the server answers.
    expect(banner(page)).to_contain_text(re.compile("The server is full|takes no more connections"))
    at_the_door(page.context.browser, where)
    comes_back(page)
    expect(banner(page)).to_have_count(0)
    telnet.send("/quit")


def at_the_door(browser, where):
    """Whoever opens the page while the server is full gets a page."""
    other = new_page(browser, where.web)
    expect(other.get_by_role("heading", name="Not now")).to_be_visible()
    expect(other.get_by_text("The server is full. Try again later.")).to_be_visible()
    # It has its own style, and nothing of it is refused.
    assert other.evaluate("getComputedStyle(document.body).display") == "grid"
    ask("room")
    other.get_by_role("link", name="Try again").click()
    expect(other.get_by_role("button", name="Enter")).to_be_visible()
    other.goto("/nothing/is/here")
    expect(other.get_by_role("heading", name="Nothing is here")).to_be_visible()
    other.get_by_role("link", name="To the chat").click()
    expect(other.get_by_role("button", name="Enter")).to_be_visible()
    other.context.close()


def a_ban(page, where):
    """It is told at once, to who wants to come back, and at the door."""
    administer(where, "POST", "/bans", {"nickname": page.nickname, "reason": "spam"})
    expect(banner(page)).to_contain_text("banned")
    banner(page).get_by_role("button", name="Come back").click()
    alert = page.locator("#sign-in").get_by_role("alert")
    expect(alert).to_contain_text("banned")
    # The words that are there go when a tab is chosen.
    page.get_by_role("tab", name="Guest").click()
    expect(alert).to_have_count(0)
    page.get_by_label("Nickname").fill(page.nickname)
    page.get_by_role("button", name="Enter").click()
    expect(alert).to_contain_text("banned")


def the_store_is_away(page):
    """Answers to questions about the past fail for a while, as if the database had gone."""
    away = [True]

    def carry(socket):
        server = socket.connect_to_server()

        def ask_server(text):
            asked = json.loads(text)
            if away[0] and asked["type"] in ("history", "resume"):
                refusal = {"type": "error", "from": "system", "body": "The history is not available.", "code": "history_unavailable"}
                return socket.send(json.dumps(refusal))
            server.send(text)

        socket.on_message(ask_server)
        server.on_message(socket.send)

    page.route_web_socket("**/ws", carry)
    page.reload()
    expect(page.locator("#stream .top")).to_contain_text("The history is not available. Trying again…")
    expect(page.locator(".toast")).to_have_count(0)
    away[0] = False
    expect(page.locator("#stream .top")).not_to_contain_text("Trying again…")


def main():
    where = site()
    with chromium() as browser:
        for size, name in ((DESKTOP, "ada"), (PHONE, "pia")):
            page = enter(browser, where.web, name, size=size)
            page.nickname = name
            join(page, "dev")
            no_history(page)
            a_kick_and_a_full_server(page, where)
            the_store_is_away(page)
            a_ban(page, where)
            serious = [one for one in page.mistakes if "WebSocket" not in one and "Failed to load" not in one]
            assert serious == [], serious


if __name__ == "__main__":
    main()
