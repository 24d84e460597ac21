"""An administrator signs in, sees users and messages, and acts."""

import re
import time

from admin import *

def change(where, method, path, body):
    headers = {"Authorization": f"Bearer {where.admin_token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{where.rest}{path}", json.dumps(body).encode(), headers, method=method)
    urllib.request.urlopen(request)


HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def signing_in(page, where):
    assert page.url.endswith("/admin/"), page.url
    page.get_by_label("Admin token").fill("a guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not the admin token")
    page.get_by_label("Admin token").fill("A" * 52)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()
    expect(page.get_by_role("alert")).to_contain_text("not the admin token")
    sign_in(page, where)
    assert where.admin_token not in page.url
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    expect(page.locator("#console")).to_be_visible()


def rated(ada, chart, value):
    """Says more until a graph shows it: what was said before its first sample, or long before its last one, has no rate."""
    for _ in range(PATIENCE // 5000):
        try:
            return expect(chart).to_have_attribute("aria-valuetext", value, timeout=10_000)
        except AssertionError:
            ada.send("for the rate")
    raise SystemExit(f"not {value}: {chart.get_attribute('aria-valuetext')}")


def figures(page, ada):
    # From now on there is a sample to which the next one is compared.
    with page.expect_response("**/metrics"):
        pass
    for number in range(20):
        ada.send(f"for the graphs {number}")
    expect(tile(page, "People on")).to_have_text("2")
    expect(tile(page, "Connections")).to_have_text("2")
    expect(tile(page, "Memory")).to_have_text(re.compile("[0-9.]+ MB"))
    expect(tile(page, "Threads")).to_have_text(re.compile("[0-9]+"))
    # Two samples give a rate, and so a line in the chart.
    messages = page.get_by_role("slider", name="Messages, value by time")
    expect(messages.locator("path.line")).to_have_attribute("d", re.compile("L"))
    rated(ada, messages, re.compile(r"\d\d:\d\d:\d\d: [1-9]|: 0\.[0-9]"))
    rated(ada, page.get_by_role("slider", name="Message time, value by time"), re.compile("p50 .* m?s, p99 .* m?s"))
    page.get_by_role("button", name="As a table").click()
    expect(page.get_by_role("columnheader", name="Connections telnet")).to_be_visible()
    page.get_by_role("button", name="As a table").click()


def people(page, bob):
    go(page, "People")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(row_of(page, "bob")).to_contain_text("telnet")
    expect(row_of(page, "bob")).to_contain_text("#dev")
    page.get_by_label("Filter people").fill("BOB")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Filter people").fill("")
    # A selected row stays selected while the table is updated.
    page.get_by_label("Select ada").check()
    with page.expect_response("**/admin/users"):
        pass
    expect(page.get_by_label("Select ada")).to_be_checked()
    page.get_by_role("button", name="Disconnect bob").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Disconnect bob?")
    dialog.get_by_label("Reason").fill("too much soup")
    dialog.get_by_role("button", name="Disconnect").click()
    toasted(page, "1 connection ended")
    bob.hears("too much soup")
    expect(row_of(page, "bob")).to_have_count(0)
    expect(page.get_by_label("Select ada")).to_be_checked()


def bans(page, where):
    go(page, "Bans")
    expect(page.get_by_text("Nobody is banned.")).to_be_visible()
    page.get_by_role("button", name="New ban").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Nickname or account").fill("no such name!")
    dialog.get_by_role("button", name="Ban", exact=True).click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_label("Nickname or account").fill("bob")
    dialog.get_by_label("Ends").first.select_option("in an hour")
    dialog.get_by_label("Reason").fill("until dinner")
    dialog.get_by_role("button", name="Ban", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(row_of(page, "bob")).to_contain_text("until dinner")
    expect(row_of(page, "bob")).to_contain_text("in 59 min")
    refused = Line(where.telnet)
    refused.send("bob")
    refused.hears("The nickname bob is banned.")
    page.get_by_role("button", name="Lift the ban of bob").click()
    page.get_by_role("dialog").get_by_role("button", name="Lift the ban").click()
    expect(page.get_by_text("Nobody is banned.")).to_be_visible()
    Telnet(where.telnet, "bob", "dev").send("back again")
    # The server checks an address and explains what is wrong.
    page.get_by_role("button", name="New ban").click()
    dialog.get_by_label("Address").check()
    dialog.get_by_label("Address or network").fill("192.0.2.0/99")
    dialog.get_by_role("button", name="Ban", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("such as 192.0.2.7")
    dialog.get_by_label("Address or network").fill("192.0.2.0/24")
    dialog.get_by_role("button", name="Ban", exact=True).click()
    expect(row_of(page, "192.0.2.0/24")).to_be_visible()


def banned_in_one_step(page, where):
    """A nickname and its address, so that a guest does not come back under another name."""
    mallory = Telnet(where.telnet, "mallory", "dev")
    go(page, "People")
    page.get_by_role("button", name="Ban mallory").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Ban the address 127.0.0.1, too").uncheck()
    dialog.get_by_label("Address", exact=True).check()
    expect(dialog.get_by_label("Ban the address")).to_be_hidden()
    dialog.get_by_label("Nickname", exact=True).check()
    dialog.get_by_label("Ban the address").check()
    posted = []
    # Banning 127.0.0.1 would end the test.

    def answer(route):
        if route.request.method != "POST":
            return route.fallback()
        posted.append(route.request.post_data_json)
        route.fulfill(status=201, json={"id": 99, **posted[-1]})

    page.route("**/admin/bans", answer)
    dialog.get_by_role("button", name="Ban", exact=True).click()
    expect(dialog).to_have_count(0)
    page.unroute("**/admin/bans")
    assert [list(body)[0] for body in posted] == ["nickname", "address"], posted
    assert posted[1]["address"] == "127.0.0.1" and posted[1]["expires_in_seconds"] == 24 * 3600, posted
    mallory.socket.close()


def a_new_password(page, where):
    body = b"nickname=olga&password=long+enough"
    urllib.request.urlopen(f"http://{where.web}/auth/register", body)
    page.get_by_role("button", name="New password").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Account").fill("Olga")
    dialog.get_by_label("New password").fill("short")
    dialog.get_by_role("button", name="Set the password").click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_label("New password").fill("another password")
    dialog.get_by_role("button", name="Set the password").click()
    toasted(page, "olga has the new password")
    urllib.request.urlopen(f"http://{where.web}/auth", b"nickname=olga&password=another+password")


def channels(page, where):
    """Also those without people, with their rules."""
    urllib.request.urlopen(f"http://{where.web}/auth/register", b"nickname=nina&password=long+enough")
    change(where, "PUT", "/admin/channels/empty/registration", {"founder": "nina"})
    change(where, "PATCH", "/admin/channels/empty", {"topic": "All quiet", "rules": {"moderated": True, "slow_seconds": 10}})
    go(page, "Channels")
    empty = row_of(page, "#empty")
    for text in ("nobody", "All quiet", "registered by nina", "moderated", "slow: 10 s"):
        expect(empty).to_contain_text(text)
    page.get_by_role("button", name="Details of #empty").click()
    dialog = page.get_by_role("dialog", name="#empty")
    expect(dialog).to_contain_text("nina: founder")
    dialog.get_by_role("button", name="Close").click()
    keeping(page)
    expect(row_of(page, "#dev")).to_contain_text("ada")
    page.get_by_role("button", name="Log of #dev").click()
    expect(page.get_by_label("Channel", exact=True)).to_have_value("dev")
    expect(log_rows(page).filter(has_text="for the graphs 0")).to_have_count(1)
    page.get_by_role("button", name="Clear").click()


def keeping(page):
    """How long messages are kept, and that nothing becomes of them."""
    open_it = page.get_by_role("button", name="How long the messages of #empty are kept")
    dialog = page.get_by_role("dialog", name="Messages of #empty")
    days, most = dialog.get_by_label("Days", exact=True), dialog.get_by_label("Messages", exact=True)
    hold = dialog.get_by_role("checkbox", name="On hold")
    open_it.click()
    expect(days).to_have_value("0")
    days.fill("7")
    most.fill("5")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("20")
    expect(most).to_have_attribute("aria-invalid", "true")
    most.fill("100")
    hold.check()
    dialog.get_by_role("button", name="Save").click()
    toasted(page, "#empty is on hold.")
    open_it.click()
    expect(days).to_have_value("7")
    expect(most).to_have_value("100")
    expect(hold).to_be_checked()
    hold.uncheck()
    dialog.get_by_role("button", name="Save").click()
    toasted(page, "Saved for #empty.")
    expect(dialog).to_have_count(0)


def announcement(page, ada):
    go(page, "Announce")
    page.get_by_role("button", name="Announce…").click()
    expect(page.get_by_role("alert")).to_contain_text("Say something")
    page.get_by_label("Announcement").fill("Soup is ready.")
    expect(page.locator(".preview")).to_contain_text("Public Server Announcement: Soup is ready.")
    page.get_by_role("button", name="Announce…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("will read this")
    # The log may have it some seconds later.
    asked = []

    def not_yet(route):
        asked.append(time.monotonic())
        if asked[-1] - asked[0] > 4:
            return route.fallback()
        route.fulfill(json={"entries": []})

    page.route("**/admin/log?kind=announcement&*", not_yet)
    dialog.get_by_role("button", name="Announce").click()
    ada.hears("Public Server Announcement: Soup is ready.")
    # The page looks for it for a minute, and pauses twice as long each time.
    expect(page.locator(".earlier")).to_contain_text("Soup is ready.", timeout=3 * PATIENCE)
    page.unroute("**/admin/log?kind=announcement&*")


def log(page, ada, where):
    go(page, "Log")
    expect(page.locator(".live")).to_have_text("Live")
    ada.send(HOSTILE)
    last = log_rows(page).last
    expect(last).to_contain_text(HOSTILE)
    last.click()
    expect(page.locator(".details")).to_contain_text(HOSTILE)
    page.get_by_role("button", name="Close the entry").click()
    # A row says that there are more lines; the entry has them.
    announce(where, "first\nsecond")
    expect(log_rows(page).filter(has_text="first ⏎ second").first).to_be_visible()
    expect(page.locator(".tail-columns")).to_contain_text("Nickname")
    # Two equal messages are two entries, even at the same moment.
    ada.send("twice\r\ntwice")
    expect(log_rows(page).filter(has_text="twice")).to_have_count(2)
    page.get_by_role("button", name="Pause").click()
    ada.send("held back")
    expect(page.locator(".newest")).to_contain_text("1 new")
    expect(log_rows(page).filter(has_text="held back")).to_have_count(0)
    page.get_by_role("button", name="Resume").click()
    expect(log_rows(page).filter(has_text="held back")).to_have_count(1)
    text = page.get_by_label("Text")
    text.fill("graphs 1[0-3]$")
    expect(log_rows(page)).to_have_count(4)
    text.fill("graphs (")
    expect(page.get_by_role("alert")).to_contain_text("unclosed group")
    expect(text).to_have_attribute("aria-invalid", "true")
    text.fill("graphs 1[0-3]$")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_label("Kind").select_option("join")
    expect(page.get_by_text("Nothing in the log fits.")).to_be_visible()
    text.fill("")
    page.get_by_label("Nickname").fill("ADA")
    expect(log_rows(page)).to_have_count(1)
    page.get_by_label("Nickname").fill("not a name")
    expect(page.get_by_role("alert")).not_to_be_empty()
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Until").fill("2020-01-01T00:00")
    expect(page.get_by_text("Nothing in the log fits.")).to_be_visible()
    expect(page.locator(".live")).to_contain_text("Not live")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".live")).to_have_text("Live")


def messages(page, ada):
    go(page, "Messages")
    page.get_by_label("Words").fill("graphs 7")
    page.get_by_label("Words").press("Enter")
    expect(page.locator(".found li")).to_have_count(1)
    expect(page.locator(".found li")).to_contain_text("for the graphs 7")
    page.get_by_label("Words").fill("onerror")
    page.get_by_label("Words").press("Enter")
    expect(page.locator(".found .text")).to_have_text(HOSTILE)
    page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog", name="Delete the message")
    expect(dialog).to_contain_text(HOSTILE)
    dialog.get_by_label("Reason").fill("hostile")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".found .text")).to_have_count(0)
    toasted(page, "is deleted.")
    ada.hears("removed a message: hostile")
    page.get_by_label("Words").fill("unheard")
    page.get_by_label("Words").press("Enter")
    expect(page.get_by_text("Nothing found.")).to_be_visible()


def gone_and_back(page):
    go(page, "Overview")
    ask("kill")
    expect(page.locator(".banner")).to_contain_text("The server does not answer. Trying again…")
    expect(page.locator("#health")).to_contain_text("No answer")
    ask("start")
    expect(page.locator(".banner")).to_be_hidden()
    expect(tile(page, "People on")).to_have_text("0")


def token_changed(page):
    page.evaluate("sessionStorage.setItem('chat.admin-token', 'AN-OLD-TOKEN')")
    page.reload()
    expect(page.get_by_text("The admin token was changed")).to_be_visible()
    assert page.evaluate("sessionStorage.getItem('chat.admin-token')") is None


def main():
    where = site()
    with chromium() as browser:
        ada = Telnet(where.telnet, "ada", "dev")
        bob = Telnet(where.telnet, "bob", "dev")
        page = open_admin(browser, where)
        signing_in(page, where)
        figures(page, ada)
        people(page, bob)
        bans(page, where)
        banned_in_one_step(page, where)
        a_new_password(page, where)
        channels(page, where)
        announcement(page, ada)
        log(page, ada, where)
        messages(page, ada)
        assert "Administration" in page.title(), page.title()
        gone_and_back(page)
        token_changed(page)
        # The browser's console shows refusals and a dead server.
        mistakes = [words for words in page.mistakes if "Failed to load resource" not in words]
        assert mistakes == [], mistakes


main()
