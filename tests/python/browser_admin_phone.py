"""The administrators' page on a narrow phone, by tapping: every view fits, is accessible, and does what it
is for, also in the dark and in forced colours."""

import re
import urllib.parse
from pathlib import Path

from accessible import check
from admin import *

NARROW = {"width": 320, "height": 640}
SIZES = {"narrow": NARROW, "phone": PHONE}
VIEWS = ["Overview", "People", "Accounts", "Channels", "Bans", "Tokens", "Hooks", "Log", "Messages", "Announce"]
PICTURES = Path(__file__).parents[2] / "target/screenshots"


def open_on_phone(browser, where, size, **options):
    page = open_admin(browser, where, size, has_touch=True, is_mobile=True, bypass_csp=True, **options)
    fits(page)
    sign_in(page, where)
    return page


def filled(page, view):
    """Waits until a view shows what it has asked for."""
    if view in ("People", "Channels", "Accounts"):
        expect(page.locator("tbody tr").first).to_be_visible()
    if view == "Overview":
        expect(tile(page, "People on")).to_have_text("2")
    if view == "Log":
        expect(log_rows(page).last).to_be_visible()


def fingers(page, where):
    """What is tapped is large enough (WCAG 2.2, 2.5.8)."""
    small = page.evaluate("""where => [...document.querySelectorAll(where)].flatMap((it) => [...it.querySelectorAll("button, a, select, input")])
        .map((element) => [element, (element.closest('label') ?? element).getBoundingClientRect()])
        .filter(([, { width, height }]) => height > 0 && (height < 24 || width < 24))
        .map(([element]) => element.outerHTML)""", where)
    assert small == [], small


def every_view(browser, where, size, **options):
    page = open_on_phone(browser, where, SIZES[size], **options)
    look = "-".join([size, *map(str, options.values())])
    for view in VIEWS:
        go(page, view)
        filled(page, view)
        fits(page)
        fingers(page, "main")
        check(page, f"{view}, {look}")
        page.screenshot(path=PICTURES / f"admin-{view.lower()}-{look}.png")
    assert page.mistakes == [], page.mistakes
    page.context.close()


def a_dialog(page, button):
    """Taps what opens a dialog, and returns that, on the screen."""
    button.tap()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_in_viewport(ratio=0.9)
    fits(page)
    fingers(page, "dialog")
    check(page, "a dialog on a phone")
    return dialog


def people(page, bob):
    go(page, "People")
    dialog = a_dialog(page, page.get_by_role("button", name="Ban bob"))
    dialog.get_by_label("Reason").fill("until dinner")
    dialog.get_by_role("button", name="Ban", exact=True).tap()
    expect(dialog).to_have_count(0)
    bob.hears("until dinner")
    expect(row_of(page, "bob")).to_have_count(0)
    go(page, "Bans")
    expect(row_of(page, "bob")).to_contain_text("until dinner")
    fits(page)
    check(page, "bans on a phone")
    dialog = a_dialog(page, page.get_by_role("button", name="Lift the ban of bob"))
    dialog.get_by_role("button", name="Lift the ban").tap()
    expect(page.get_by_text("Nobody is banned.")).to_be_visible()


def tokens(page, where):
    go(page, "Tokens")
    expect(page.get_by_text("No program has a token.")).to_be_visible()
    dialog = a_dialog(page, page.get_by_role("button", name="New token"))
    dialog.get_by_label("Name").fill("builds")
    dialog.get_by_label("Scopes").fill("nonsense")
    dialog.get_by_role("button", name="Make the token").tap()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    expect(dialog.get_by_label("Scopes")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Scopes").fill("post:#dev read:#dev")
    dialog.get_by_role("button", name="Make the token").tap()
    shown = page.get_by_role("dialog", name="The token builds")
    secret = shown.get_by_label("The token", exact=True)
    expect(secret).to_have_value(re.compile("^cst_.{43}$"))
    token = secret.input_value()
    fits(page)
    check(page, "a token on a phone")
    shown.get_by_role("button", name="Close").tap()
    # A dialog is hidden first, and gone a moment later.
    expect(page.locator("dialog")).to_have_count(0)
    expect(row_of(page, "builds")).to_contain_text("post:#dev, read:#dev")
    assert status_of_post(where, token) == 201
    assert page.evaluate("document.body.innerHTML").count(token) == 0
    dialog = a_dialog(page, page.get_by_role("button", name="Remove the token builds"))
    dialog.get_by_role("button", name="Remove", exact=True).tap()
    expect(page.get_by_text("No program has a token.")).to_be_visible()
    assert status_of_post(where, token) == 401


def hooks(page, where):
    go(page, "Hooks")
    expect(page.get_by_text("No channel has a hook.")).to_be_visible()
    dialog = a_dialog(page, page.get_by_role("button", name="New hook"))
    dialog.get_by_label("Channel").fill("d e v")
    dialog.get_by_label("Name").fill("alerts")
    dialog.get_by_role("button", name="Make the hook").tap()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    expect(dialog.get_by_label("Channel")).to_have_attribute("aria-invalid", "true")
    dialog.get_by_label("Channel").fill("dev")
    dialog.get_by_role("button", name="Make the hook").tap()
    shown = page.get_by_role("dialog", name="The hook alerts of #dev")
    address = shown.get_by_label("The address", exact=True)
    expect(address).to_have_value(re.compile("^http.*/hooks/cst_.{43}$"))
    address = address.input_value()
    fits(page)
    check(page, "a hook on a phone")
    shown.get_by_role("button", name="Close").tap()
    expect(shown).to_have_count(0)
    expect(row_of(page, "#dev")).to_contain_text("alerts")
    assert status_of(urllib.request.Request(address, b"disk full")) == 201
    assert page.evaluate("document.body.innerHTML").count(address) == 0
    dialog = a_dialog(page, page.get_by_role("button", name="Remove the hook alerts of #dev"))
    dialog.get_by_role("button", name="Remove", exact=True).tap()
    expect(page.get_by_text("No channel has a hook.")).to_be_visible()
    assert status_of(urllib.request.Request(address, b"disk full")) == 404
    dialog = a_dialog(page, page.get_by_role("button", name="New hook"))
    dialog.get_by_label("Channel").fill("dev")
    dialog.get_by_label("Name").fill("relay")
    dialog.get_by_label("URL").fill("http://127.0.0.1:1/")
    dialog.get_by_label("Triggers").fill("!deploy")
    dialog.get_by_role("button", name="Make the hook").tap()
    shown = page.get_by_role("dialog", name="The hook relay of #dev")
    expect(shown.get_by_label("The secret", exact=True)).to_have_value(re.compile("^whsec_"))
    shown.get_by_role("button", name="Close").tap()
    expect(shown).to_have_count(0)
    expect(row_of(page, "#dev")).to_contain_text("sends !deploy and mentions to 127.0.0.1:1")
    page.get_by_role("button", name="Send a test by the hook relay of #dev").tap()
    expect(row_of(page, "#dev")).to_contain_text("the address is not public", timeout=60_000)
    fits(page)
    check(page, "hooks on a phone")
    dialog = a_dialog(page, page.get_by_role("button", name="Remove the hook relay of #dev"))
    dialog.get_by_role("button", name="Remove", exact=True).tap()
    expect(page.get_by_text("No channel has a hook.")).to_be_visible()


def status_of_post(where, token):
    return status_of(urllib.request.Request(f"http://{where.rest}/api/channels/dev/messages", b"build 512 ok", {"Authorization": f"Bearer {token}"}))


def status_of(request):
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code


def channels(page):
    go(page, "Channels")
    page.get_by_label("Filter channels").fill("dev")
    expect(page.locator("tbody tr")).to_have_count(1)
    dialog = a_dialog(page, page.get_by_role("button", name="Details of #dev"))
    expect(dialog).to_contain_text("ada")
    dialog.get_by_role("button", name="Close").tap()
    page.get_by_role("button", name="Log of #dev").tap()
    expect(page.get_by_role("heading", name="Log", exact=True)).to_be_attached()
    expect(log_rows(page).last).to_be_visible()


def log(page, ada):
    go(page, "Log")
    ada.send("for the narrow log " + "long " * 40)
    last = log_rows(page).filter(has_text="for the narrow log")
    last.tap()
    expect(page.locator(".details")).to_contain_text("for the narrow log")
    fits(page)
    check(page, "an entry on a phone")
    page.get_by_role("button", name="Close the entry").tap()
    expect(page.locator(".details")).to_be_hidden()
    page.get_by_role("button", name="More filters").tap()
    page.get_by_label("Nickname").fill("nobody-here")
    expect(page.get_by_text("Nothing in the log fits.")).to_be_visible()
    fits(page)
    page.get_by_role("button", name="Clear").tap()
    expect(log_rows(page).last).to_be_visible()


def messages(page, ada):
    go(page, "Messages")
    page.get_by_label("Words").fill("narrow")
    page.get_by_label("Words").press("Enter")
    expect(page.locator(".found li")).to_have_count(1)
    expect(page.locator(".found .text")).to_contain_text("for the narrow log")
    fits(page)
    check(page, "messages found on a phone")


def announcing(page, ada):
    go(page, "Announce")
    page.get_by_label("Announcement").fill("Soup is ready.")
    dialog = a_dialog(page, page.get_by_role("button", name="Announce…"))
    dialog.get_by_role("button", name="Announce").tap()
    ada.hears("Public Server Announcement: Soup is ready.")
    expect(page.locator(".earlier")).to_contain_text("Soup is ready.")
    fits(page)


def register(where, name):
    body = urllib.parse.urlencode({"nickname": name, "password": "long enough"}).encode()
    urllib.request.urlopen(f"http://{where.web}/auth/register", body)


def main():
    where = site()
    PICTURES.mkdir(parents=True, exist_ok=True)
    register(where, "a-name-of-23-characters")
    with chromium() as browser:
        ada = Telnet(where.telnet, "ada", "dev")
        bob = Telnet(where.telnet, "bob", "dev")
        ada.send("a word without an end: " + "x" * 300)
        every_view(browser, where, "narrow", color_scheme="dark")
        every_view(browser, where, "phone", forced_colors="active")
        page = open_on_phone(browser, where, NARROW)
        people(page, bob)
        tokens(page, where)
        hooks(page, where)
        channels(page)
        log(page, ada)
        messages(page, ada)
        announcing(page, ada)
        # The browser's console shows what was refused.
        mistakes = [words for words in page.mistakes if "status of 400" not in words]
        assert mistakes == [], mistakes
        page.context.close()


main()
