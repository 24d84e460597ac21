"""The server is killed during a conversation and comes back: the page shows
what is going on, loses no message and doubles none."""

from browser import *

BEFORE, DURING, AFTER = 30, 5, 10


def main():
    where = site()
    with chromium() as browser:
        ada = enter(browser, where.web, "ada")
        bob = enter(browser, where.web, "bob")
        for page in (ada, bob):
            join(page, "dev")
        for number in range(BEFORE):
            say(ada, f"before {number}.")
        # Some of these are in flight when the server dies.
        heard(bob, "before 0.")
        # What answers in its place speaks in few words.
        refusal = {"error": {"message": "requests cannot be carried out at the moment"}}
        bob.route("**/auth", lambda route: route.fulfill(status=503, json=refusal))
        ask("kill")
        expect(bob.locator(".banner.offline")).to_contain_text("Requests cannot be carried out at the moment. Trying again")
        bob.unroute("**/auth")
        expect(ada.locator(".banner.offline")).to_contain_text("The connection was lost")
        expect(ada.locator("#me .status")).to_have_text("Reconnecting…")
        # A command is not kept for later: it is not carried out, and says so.
        say(ada, "/topic the kill")
        expect(ada.locator("#composer .words")).to_have_text("Not connected: try again in a moment.")
        expect(composer(ada)).to_have_value("/topic the kill")
        for number in range(DURING):
            say(ada, f"during {number}.")
        expect(ada.locator(".row.waiting .text").last).to_have_text(f"during {DURING - 1}.")
        say(bob, "bob, during")
        ask("start")
        for page in (ada, bob):
            comes_back(page)
            expect(page.locator(".banner.offline")).to_have_count(0)
        for number in range(AFTER):
            say(ada, f"after {number}.")
        heard(bob, f"after {AFTER - 1}.")
        heard(ada, "bob, during")
        expect(ada.locator(".row.waiting, .row.sending, .row.failed")).to_have_count(0)
        expect(bob.locator(".row.waiting, .row.sending, .row.failed")).to_have_count(0)
        wanted = [f"before {number}." for number in range(BEFORE)]
        wanted += [f"during {number}." for number in range(DURING)]
        wanted += [f"after {number}." for number in range(AFTER)]
        for page in (ada, bob):
            said = texts(page)
            assert [text for text in said if text != "bob, during"] == wanted, said
            assert said.count("bob, during") == 1, said
        assert texts(ada) == texts(bob)

        # A page that was closed meanwhile marks new messages as new.
        ada.goto("about:blank")
        say(bob, "while you were out")
        say(bob, "and another")
        ada.goto("/client#global")
        online(ada)
        expect(unread(ada, "dev")).to_contain_text("2")
        row(ada, "dev").click()
        expect(ada.locator(".new-line + .row .text")).to_have_text("while you were out")

        # Without the server, the sign-in view explains the problem.
        carol = new_page(browser, where.web)
        carol.get_by_label("Nickname").fill("ada")
        carol.get_by_role("button", name="Enter").click()
        expect(carol.get_by_role("alert")).to_contain_text("The nickname ada is taken")
        ask("kill")
        carol.get_by_label("Nickname").fill("carol")
        carol.get_by_role("button", name="Enter").click()
        expect(carol.get_by_role("alert")).to_contain_text("cannot be reached")
        crashes = [one for page in (ada, bob, carol) for one in page.mistakes if "WebSocket" not in one and "Failed to load" not in one]
        assert crashes == [], crashes


if __name__ == "__main__":
    main()
