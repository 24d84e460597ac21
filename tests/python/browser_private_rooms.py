"""Rooms that are not open to all: keys, invitations, links, bans, and who may write."""

import re

from browser import *


def settings(page):
    page.get_by_role("button", name="Room actions").click()
    page.get_by_role("menuitem", name="Room settings…").click()
    dialog = page.get_by_role("dialog", name="Settings of #den")
    expect(dialog.get_by_role("switch", name="Moderated")).to_be_visible()
    return dialog


def set_rule(page, name, on=True):
    dialog = settings(page)
    switch = dialog.get_by_role("switch", name=name)
    switch.click()
    expect(switch).to_be_checked(checked=on)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    # Opened anew, it shows what the server has said.
    expect(settings(page).get_by_role("switch", name=name)).to_be_checked(checked=on)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def person(page, name):
    return page.locator("#aside .people .row-button").filter(has=page.get_by_text(name, exact=True))


def notice(page, text):
    expect(page.locator("#stream .notice", has_text=text).last).to_be_visible()


def ask_to_join(page, room):
    page.get_by_role("button", name="Browse or create rooms").click()
    page.get_by_role("dialog").get_by_role("button", name=f"Join #{room}", exact=True).click()


def main():
    where = site()
    with chromium() as browser:
        ada = enter(browser, where.web, "ada")
        join(ada, "den")
        operates(ada)
        bob = enter(browser, where.web, "bob")
        a_key(ada, bob)
        who_may_write(ada, bob)
        an_invitation(browser, where, ada)
        a_link(browser, where, ada)
        a_ban(ada, bob)
        by_keyboard(ada)
        assert ada.mistakes == bob.mistakes == [], ada.mistakes + bob.mistakes


def a_key(ada, bob):
    """A key is set, asked for, and told to those who are in."""
    dialog = settings(ada)
    dialog.get_by_label("Key", exact=True).fill("no comma, please")
    dialog.get_by_role("button", name="Set: Key").click()
    expect(dialog.get_by_role("alert")).to_contain_text("a key is")
    dialog.get_by_label("Key", exact=True).fill("sesame")
    dialog.get_by_role("button", name="Set: Key").click()
    notice(ada, "the channel has a new key")
    expect(dialog.get_by_role("alert")).to_be_hidden()
    ada.keyboard.press("Escape")

    ask_to_join(bob, "den")
    dialog = bob.get_by_role("dialog", name="#den has a key")
    expect(dialog.get_by_label("Key")).to_be_focused()
    bob.keyboard.type("wrong")
    bob.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("That is not the key.")
    bob.keyboard.type("sesame")
    bob.keyboard.press("Enter")
    expect(bob.get_by_role("heading", name="den", exact=True)).to_be_visible()
    bob.get_by_role("button", name="Room actions").click()
    bob.get_by_role("menuitem", name="Rules of the room…").click()
    dialog = bob.get_by_role("dialog", name="Settings of #den")
    expect(dialog.get_by_label("Key", exact=True)).to_have_value("sesame")
    expect(dialog.get_by_role("switch", name="Moderated")).to_be_disabled()
    expect(dialog.get_by_text("Bans and mutes")).to_have_count(0)
    bob.keyboard.press("Escape")


def who_may_write(ada, bob):
    """Those who may not write are told, and lose no text."""
    set_rule(ada, "Moderated")
    hint = bob.locator("#may-not")
    expect(hint).to_contain_text("Only people with voice may write here.")
    say(bob, "kept although refused")
    expect(bob.locator("#composer .words")).to_contain_text("Only people with voice may speak")
    expect(composer(bob)).to_have_value("kept although refused")
    expect(bob.locator("#stream .text")).to_have_count(0)
    person(ada, "bob").click()
    ada.get_by_role("menuitem", name="Give voice").click()
    notice(bob, "ada gave bob voice")
    expect(person(bob, "bob").locator(".role")).to_contain_text("+")
    expect(hint).to_be_hidden()
    composer(bob).press("Enter")
    heard(ada, "kept although refused")
    expect(composer(bob)).to_have_value("")
    person(ada, "bob").click()
    ada.get_by_role("menuitem", name="Take voice away").click()
    expect(hint).to_be_visible()
    set_rule(ada, "Moderated", on=False)
    expect(hint).to_be_hidden()

    # In slow mode the text waits, until that is switched off.
    slow_mode(ada, bob, "300", "slow mode: one message in 300 s")
    say(bob, "first")
    heard(ada, "first")
    expect(hint).to_contain_text("Slow mode: you can write again in")
    say(bob, "second")
    expect(bob.locator("#composer .words")).to_contain_text("Slow mode")
    expect(composer(bob)).to_have_value("second")
    slow_mode(ada, bob, "0", "slow mode is off")
    expect(hint).to_be_hidden()
    composer(bob).press("Enter")
    heard(ada, "second")
    # Or until the time is over. So short a time may have passed before this test looks.
    slow_mode(ada, bob, "5", "slow mode: one message in 5 s")
    hint.evaluate("hint => new MutationObserver(() => { hint.dataset.said += hint.textContent; }).observe(hint, { childList: true })")
    say(bob, "third")
    expect(hint).to_have_attribute("data-said", re.compile("Slow mode: you can write again in"))
    expect(hint).to_be_hidden()
    say(bob, "fourth")
    heard(ada, "fourth")
    slow_mode(ada, bob, "0", "slow mode is off")

    # Someone is muted, and may write again.
    person(ada, "bob").click()
    ada.get_by_role("menuitem", name="Mute…").click()
    dialog = ada.get_by_role("dialog", name="Mute bob")
    dialog.get_by_label("For how long").select_option("an hour")
    dialog.get_by_role("button", name="Mute", exact=True).click()
    notice(ada, "muted")
    say(bob, "may I?")
    expect(hint).to_contain_text("muted")
    expect(composer(bob)).to_have_value("may I?")
    dialog = settings(ada)
    entry = dialog.get_by_role("list", name="Bans and mutes").get_by_role("listitem")
    expect(entry).to_contain_text("muted, by ada")
    entry.get_by_role("button", name=re.compile("^Lift")).click()
    expect(dialog.get_by_text("Nobody is banned or muted.")).to_be_visible()
    ada.keyboard.press("Escape")
    expect(hint).to_be_hidden()
    composer(bob).press("Enter")
    heard(ada, "may I?")


def slow_mode(ada, bob, seconds, words):
    """Waits until bob's page knows, too."""
    told = bob.locator("#stream .notice", has_text=words)
    before = told.count()
    settings(ada).get_by_label("Slow mode").select_option(seconds)
    expect(told).to_have_count(before + 1)
    ada.keyboard.press("Escape")


def an_invitation(browser, where, ada):
    """Who is not invited is told so; an invitation is a card."""
    set_rule(ada, "Invited people only")
    carol = enter(browser, where.web, "carol", size=PHONE)
    ask_to_join(carol, "den")
    dialog = carol.get_by_role("dialog", name="#den does not let you in")
    expect(dialog).to_contain_text("Only invited people may join #den. Ask one of its operators")
    carol.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    ada.get_by_role("button", name="Room actions").click()
    ada.get_by_role("menuitem", name="Invite someone…").click()
    expect(ada.get_by_label("Nickname of someone")).to_be_focused()
    ada.keyboard.type("nobody-here")
    ada.keyboard.press("Enter")
    expect(ada.get_by_role("dialog").get_by_role("alert")).to_contain_text("nobody-here")
    # Those who are known and not in the room are completed.
    known = ada.locator("#invite-known option")
    assert known.evaluate_all("all => all.map(({ value }) => value)") == ["carol"], known.evaluate_all("all => all.map(({ value }) => value)")
    ada.get_by_label("Nickname of someone").fill("carol")
    ada.keyboard.press("Enter")
    card = carol.locator(".banner.invited")
    # On a phone it stands above the list, too.
    expect(carol.locator("#side")).to_be_visible()
    expect(card).to_contain_text("ada invites you to #den.")
    card.get_by_role("button", name="Join").click()
    expect(carol.get_by_role("heading", name="den", exact=True)).to_be_visible()
    expect(card).to_have_count(0)
    assert carol.mistakes == [], carol.mistakes
    carol.context.close()
    # Nobody else moves in the list any more when a person is chosen in it.
    expect(person(ada, "carol")).to_have_count(0)


def a_link(browser, where, ada):
    """A link leads a new user into the room; its secret is kept nowhere."""
    dialog = settings(ada)
    dialog.get_by_label("Can be used").select_option("10 times")
    dialog.get_by_role("button", name="Make a link").click()
    field = dialog.get_by_label("The new link")
    expect(field).to_have_value(re.compile("/join/den/"))
    secret = field.input_value().rsplit("/", 1)[1]
    assert len(secret) > 15, secret
    links = dialog.get_by_role("list", name="Invitation links").get_by_role("listitem")
    expect(links).to_contain_text("Link of ada")

    dora = new_page(browser, where.web, path=f"/client#join=den&invitation={secret}")
    expect(dora.get_by_text("You are invited to #den.")).to_be_visible()
    dora.get_by_label("Nickname").fill("dora")
    dora.get_by_role("button", name="Enter").click()
    online(dora)
    expect(dora.get_by_role("heading", name="den", exact=True)).to_be_visible()
    expect(dora).to_have_url(re.compile("/client#den$"))
    kept = dora.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, history.state, document.body.innerHTML])")
    assert secret not in kept, kept
    # The same in a tab that is open already.
    say(dora, "/leave")
    expect(row(dora, "den")).to_have_count(0)
    dora.evaluate(f"location.hash = 'join=den&invitation={secret}'")
    expect(dora.get_by_role("heading", name="den", exact=True)).to_be_visible()
    expect(dora).to_have_url(re.compile("/client#den$"))
    say(dora, "/leave")
    expect(row(dora, "den")).to_have_count(0)

    links.get_by_role("button", name="Withdraw").click()
    expect(dialog.get_by_text("There are no links.")).to_be_visible()
    ada.keyboard.press("Escape")
    dora.evaluate(f"location.hash = 'join=den&invitation={secret}'")
    expect(dora.get_by_role("dialog", name="#den does not let you in")).to_be_visible()
    assert dora.mistakes == [], dora.mistakes
    dora.context.close()
    expect(person(ada, "dora")).to_have_count(0)
    set_rule(ada, "Invited people only", on=False)


def a_ban(ada, bob):
    """A ban removes, is listed, keeps out, and is lifted."""
    composer(bob).fill("unsent")
    person(ada, "bob").click()
    ada.get_by_role("menuitem", name="Ban…").click()
    dialog = ada.get_by_role("dialog", name="Ban bob")
    dialog.get_by_label("For how long").select_option("a day")
    dialog.get_by_label("Why").fill("enough")
    dialog.get_by_role("button", name="Ban", exact=True).click()
    banner = bob.get_by_role("alert").filter(has_text="You were removed from #den by ada: enough")
    banner.get_by_role("button", name="Join again").click()
    dialog = bob.get_by_role("dialog", name="#den does not let you in")
    expect(dialog).to_contain_text("You are banned from #den.")
    bob.keyboard.press("Escape")
    dialog = settings(ada)
    entry = dialog.get_by_role("list", name="Bans and mutes").get_by_role("listitem")
    expect(entry).to_contain_text("banned, by ada")
    expect(entry).to_contain_text("enough")
    entry.get_by_role("button", name=re.compile("^Lift")).click()
    expect(dialog.get_by_text("Nobody is banned or muted.")).to_be_visible()
    # Without the key it would be asked for.
    dialog.get_by_label("Key", exact=True).fill("")
    dialog.get_by_role("button", name="Set: Key").click()
    notice(ada, "no key any more")
    ada.keyboard.press("Escape")
    banner.get_by_role("button", name="Join again").click()
    expect(bob.get_by_role("heading", name="den", exact=True)).to_be_visible()
    expect(composer(bob)).to_have_value("unsent")


def by_keyboard(ada):
    """The settings by the keyboard alone: reached, changed, and left."""
    expect(person(ada, "bob")).to_be_visible()
    button = ada.get_by_role("button", name="Room actions")
    button.focus()
    ada.keyboard.press("Enter")
    ada.keyboard.press("Enter")
    dialog = ada.get_by_role("dialog", name="Settings of #den")
    switch = dialog.get_by_role("switch", name="Secret")
    expect(switch).to_be_visible()
    for _ in range(20):
        if switch.evaluate("element => element === document.activeElement"):
            break
        ada.keyboard.press("Tab")
    expect(switch).to_be_focused()
    ada.keyboard.press("Space")
    notice(ada, "the channel is not listed")
    expect(switch).to_be_checked()
    expect(switch).to_be_focused()
    expect(switch).to_have_accessible_description("The room is in no list that people outside of it see.")
    # The focus stays inside.
    for _ in range(40):
        ada.keyboard.press("Tab")
        assert ada.evaluate("document.activeElement === document.body || document.activeElement.closest('dialog') !== null")
    ada.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()


if __name__ == "__main__":
    main()
