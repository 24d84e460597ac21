"""An administrator finds accounts, disables, enables and deletes them, and makes a link with which the
owner of one sets a new password: with the mouse, by keyboard, on a narrow phone, and under axe."""

import re
import urllib.parse

from accessible import check
from admin import *

NARROW = {"width": 320, "height": 640}
PASSWORD = "long enough"


def register(where, *names):
    for name in names:
        body = urllib.parse.urlencode({"nickname": name, "password": PASSWORD}).encode()
        urllib.request.urlopen(f"http://{where.web}/auth/register", body)


def status_of_login(where, name, password):
    body = urllib.parse.urlencode({"nickname": name, "password": password}).encode()
    try:
        return urllib.request.urlopen(f"http://{where.web}/auth", body).status
    except urllib.error.HTTPError as error:
        return error.code


def finding(page):
    go(page, "Accounts")
    expect(page.locator("tbody tr")).to_have_count(3)
    search = page.get_by_label("Find accounts")
    search.fill("OL")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator(".count")).to_have_text("2 accounts")
    search.fill("x")
    expect(page.get_by_text("No account's name begins so.")).to_be_visible()
    search.fill("no name!")
    expect(page.locator(".state:visible")).not_to_be_empty()
    search.fill("")
    expect(page.locator("tbody tr")).to_have_count(3)


def disabling(page, where):
    owner = new_page(page.context.browser, where.web)
    owner.get_by_role("tab", name="Log in").click()
    owner.get_by_label("Nickname").fill("olga")
    owner.get_by_label("Password").fill(PASSWORD)
    owner.get_by_role("button", name="Log in").click()
    online(owner)
    page.get_by_role("button", name="Disable olga").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Disable olga?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(row_of(page, "olga")).not_to_contain_text("disabled")
    page.get_by_role("button", name="Disable olga").click()
    dialog.get_by_role("button", name="Disable", exact=True).click()
    toasted(page, "olga is disabled.")
    expect(row_of(page, "olga")).to_contain_text("disabled")
    # The owner is told, also at the next attempt.
    expect(owner.get_by_role("alert")).to_contain_text("an administrator has disabled your account")
    owner.get_by_role("tab", name="Log in").click()
    owner.get_by_label("Password").fill(PASSWORD)
    owner.get_by_role("button", name="Log in").click()
    expect(owner.get_by_role("alert")).to_contain_text("The account is disabled.")
    owner.context.close()
    page.get_by_role("button", name="Enable olga").click()
    dialog.get_by_role("button", name="Enable", exact=True).click()
    expect(row_of(page, "olga")).not_to_contain_text("disabled")
    assert status_of_login(where, "olga", PASSWORD) == 201


def link_for(page, name):
    page.get_by_role("button", name=f"New password for {name}").click()
    page.get_by_role("dialog").get_by_role("button", name="Make the link").click()
    dialog = page.get_by_role("dialog", name=f"The link for {name}")
    link = dialog.get_by_label("The link").input_value()
    assert re.search(r"/reset#[0-9a-f]{32}$", link), link
    dialog.get_by_role("button", name="Close").click()
    return link


def a_new_password(browser, page, where):
    link = link_for(page, "olga")
    owner = new_page(browser, where.web, NARROW, path=link, bypass_csp=True)
    expect(owner.get_by_text("For the account olga")).to_be_visible()
    fits(owner)
    check(owner, "the page of a link")
    field = owner.get_by_label("New password")
    expect(field).to_be_focused()
    owner.keyboard.press("Enter")
    expect(owner.locator("#why")).to_have_text("This is needed.")
    field.fill("short")
    owner.keyboard.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(owner.locator("#why")).not_to_have_text("This is needed.")
    field.fill("another password")
    owner.keyboard.press("Enter")
    expect(owner.get_by_text("The password of olga is set.")).to_be_visible()
    expect(owner).not_to_have_url(re.compile("#"))
    assert (status_of_login(where, "olga", PASSWORD), status_of_login(where, "olga", "another password")) == (401, 201)
    # It worked once.
    owner.goto(link)
    expect(owner.get_by_text("The link has been used")).to_be_visible()
    owner.get_by_role("link", name="To the chat").click()
    expect(owner.get_by_label("Nickname")).to_be_visible()
    owner.context.close()


def give_role(page, name, role):
    page.get_by_role("button", name=f"Role of {name}").click()
    dialog = page.get_by_role("dialog", name=f"The role of {name}")
    dialog.get_by_label("Role").select_option(role)
    dialog.get_by_role("button", name="Give the role").click()
    expect(dialog).to_have_count(0)


def log_in(page, name, password):
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def moderating(page, where):
    """An account with a role signs in by name and password, and sees what it may do, until it may not."""
    other = open_admin(page.context.browser, where, bypass_csp=True)
    log_in(other, "nina", "wrong password")
    expect(other.get_by_role("alert")).to_contain_text("rong")
    log_in(other, "nina", PASSWORD)
    expect(other.get_by_role("alert")).to_contain_text("has no role on this server")
    give_role(page, "nina", "moderator")
    expect(row_of(page, "nina")).to_contain_text("moderator")
    log_in(other, "nina", PASSWORD)
    expect(other.get_by_role("heading", name="Overview")).to_be_attached()
    views = other.get_by_role("navigation", name="Views")
    expect(views.get_by_role("link", name="Bans")).to_be_visible()
    for hidden in ("Tokens", "Hooks", "Announce"):
        expect(views.get_by_role("link", name=hidden)).to_have_count(0)
    expect(other.locator("#health")).to_contain_text("nina, moderator")
    go(other, "Accounts")
    expect(row_of(other, "nina")).to_be_visible()
    expect(other.locator("tbody").get_by_role("button")).to_have_count(0)
    check(other, "accounts for a moderator")
    give_role(page, "nina", "none")
    expect(other.get_by_text("your account has another role now")).to_be_visible()
    expect(row_of(page, "nina")).not_to_contain_text("moderator")
    other.context.close()


def deleting(page, where):
    page.get_by_role("button", name="Delete olaf").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type the name").fill("olga")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("Type olaf to delete it")
    dialog.get_by_label("Type the name").fill("olaf")
    dialog.get_by_role("button", name="Delete", exact=True).click()
    toasted(page, "olaf is deleted.")
    expect(row_of(page, "olaf")).to_contain_text("deleted")
    expect(row_of(page, "olaf").get_by_role("button")).to_have_count(0)
    assert status_of_login(where, "olaf", PASSWORD) == 401


def narrow(browser, where):
    page = open_admin(browser, where, NARROW, has_touch=True, is_mobile=True, bypass_csp=True)
    sign_in(page, where)
    go(page, "Accounts")
    expect(row_of(page, "nina")).to_be_visible()
    fits(page)
    check(page, "accounts on a phone")
    # By keyboard alone.
    page.get_by_role("button", name="Disable nina").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Disable", exact=True)).to_be_focused()
    fits(page)
    check(page, "the question on a phone")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Disable nina")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(row_of(page, "nina")).to_contain_text("disabled")
    page.get_by_role("button", name="Enable nina").tap()
    dialog.get_by_role("button", name="Enable", exact=True).tap()
    expect(row_of(page, "nina")).not_to_contain_text("disabled")
    link_for(page, "nina")
    fits(page)
    assert page.mistakes == [], page.mistakes
    page.context.close()


def main():
    where = site()
    register(where, "olga", "olaf", "nina")
    with chromium() as browser:
        page = open_admin(browser, where)
        sign_in(page, where)
        finding(page)
        disabling(page, where)
        a_new_password(browser, page, where)
        moderating(page, where)
        deleting(page, where)
        narrow(browser, where)
        page.context.close()


main()
