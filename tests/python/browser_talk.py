"""Two browsers and a telnet client talk; measures the size of the page."""

from browser import *

MOST = 110_000


def main():
    where = site()
    with chromium() as browser:
        ada, sizes = weighed(browser, where)
        bob = enter(browser, where.web, "bob")
        for page in (ada, bob):
            join(page, "dev")
        carol = Telnet(where.telnet, "carol", "dev")

        say(ada, "Good morning, everybody")
        heard(bob, "Good morning, everybody")
        carol.hears("@ada: Good morning, everybody")
        carol.send("Hello from a terminal")
        for page in (ada, bob):
            heard(page, "Hello from a terminal")
        say(bob, "two\nlines")
        heard(ada, "two\nlines")
        expect(ada.locator("#stream .row.sending, #stream .row.waiting")).to_have_count(0)
        assert texts(ada) == texts(bob) == ["Good morning, everybody", "Hello from a terminal", "two\nlines"], texts(ada)

        # What people do instead of saying it.
        say(ada, "/me  waves at all")
        deed = bob.locator("#stream .row.action .deed")
        expect(deed).to_contain_text("ada waves at")
        expect(deed.locator(".text")).to_have_css("font-style", "italic")
        expect(ada.locator("#stream .row.action .deed")).to_contain_text("ada waves at")
        carol.hears("* @ada waves at all")
        carol.send("/me nods")
        expect(ada.locator("#stream .row.action .deed").last).to_contain_text("carol nods")
        composer(ada).fill("/me")
        composer(ada).press("Enter")
        expect(ada.locator("#composer .words")).to_contain_text("What do you do?")
        composer(ada).fill("")

        # Members, joins and leaves.
        people = ada.locator("#aside .people .label")
        expect(people).to_have_text(["ada", "bob", "carol"])
        expect(ada.locator("#stream .notice")).to_contain_text(["bob and carol joined"])
        carol.send("/nick dora")
        expect(people).to_have_text(["ada", "bob", "dora"])

        # Unread marks, mentions, and the title.
        join(bob, "lunch")
        say(ada, "unread")
        expect(unread(bob, "dev")).to_contain_text("1")
        expect(bob).to_have_title("• #lunch · Chat")
        say(ada, "and for @bob")
        expect(unread(bob, "dev")).to_have_class("badge mention")
        expect(bob).to_have_title("(1) #lunch · Chat")
        row(bob, "dev").click()
        expect(bob.locator(".new-line")).to_be_visible()
        expect(unread(bob, "dev")).to_have_count(0)
        expect(bob.locator(".row.to-me")).to_contain_text("and for")

        # The typing notice appears, and ends with the message.
        seen_typing(ada, bob)
        say(ada, "hm!")
        heard(bob, "hm!")
        expect(bob.locator(".typing")).to_have_text("")

        # Private messages between guests, from a page and from a terminal.
        say(ada, "/msg @bob psst")
        expect(ada.get_by_role("heading", name="bob", exact=True)).to_be_visible()
        expect(unread(bob, "ada")).to_contain_text("1")
        row(bob, "ada").click()
        heard(bob, "psst")
        carol.send("/msg @bob from afar")
        expect(unread(bob, "dora")).to_contain_text("1")
        say(bob, "/ignore @dora")
        carol.send("/msg @bob not heard")
        say(ada, "heard")
        heard(bob, "heard")
        expect(unread(bob, "dora")).to_contain_text("1")

        # Announcements reach all clients, search finds messages, links are
        # links.
        announce(where, "Soup is ready.")
        for page in (ada, bob):
            expect(page.get_by_role("alert")).to_contain_text("Soup is ready.")
        row(ada, "dev").click()
        ada.get_by_role("button", name="Search this room").click()
        ada.get_by_label("Words to find").fill("terminal hello")
        ada.get_by_label("Words to find").press("Enter")
        found = ada.locator("#aside .found button")
        expect(found).to_have_count(1)
        found.click()
        expect(ada.locator(".entry.found")).to_contain_text("Hello from a terminal")
        say(ada, "see https://example.org/a_(b). or javascript:alert(1)")
        link = bob_link(row, bob)
        assert link.get_attribute("href") == "https://example.org/a_(b)", link.get_attribute("href")
        assert link.get_attribute("rel") == "noopener noreferrer nofollow"

        # Leaving a room, and the explanations of refusals.
        say(bob, "/leave")
        expect(row(bob, "dev")).to_have_count(0)
        say(bob, "/dance")
        expect(bob.locator("#composer .words")).to_contain_text("There is no command /dance")
        composer(bob).fill("x" * 5000)
        composer(bob).press("Enter")
        expect(bob.locator("#composer .words")).to_contain_text("too long for one message")
        composer(bob).fill("")
        again(ada)
        assert ada.mistakes == bob.mistakes == [], ada.mistakes + bob.mistakes
        assert 1000 < sizes < MOST, sizes


def seen_typing(ada, bob):
    """Types until it is seen: the notice is shown for some seconds only."""
    for _ in range(PATIENCE // 1000):
        composer(ada).press_sequentially("hm")
        try:
            return expect(bob.locator(".typing")).to_have_text("ada is typing…", timeout=1000)
        except AssertionError:
            pass
    raise SystemExit("no typing notice")


def bob_link(row, bob):
    row(bob, "dev").click()
    link = bob.locator("#stream a").last
    expect(link).to_be_visible()
    expect(bob.locator("#stream a")).to_have_count(1)
    return link


def weighed(browser, where):
    """Loads the page without a cache; returns it and the bytes transferred."""
    page = new_page(browser, where.web, path="about:blank")
    answers = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto("/client")
    page.get_by_label("Nickname").fill("ada")
    page.get_by_role("button", name="Enter").click()
    online(page)
    assert all(answer.url.startswith(f"http://{where.web}/") for answer in answers)
    sizes = [answer.request.sizes() for answer in answers]
    return page, sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)


def again(page):
    """A second load transfers nothing again, and the user is still signed
    in."""
    answers = []
    page.on("response", lambda answer: answers.append(answer))
    page.reload()
    online(page)
    heard(page, "Hello from a terminal")
    bodies = [answer.url for answer in answers if answer.request.sizes()["responseBodySize"] > 0]
    assert bodies == [], bodies


if __name__ == "__main__":
    main()
