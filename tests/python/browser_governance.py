"""Topics, roles and removals: what people see, and what they are offered, on a desk and on a phone."""

from browser import *


def person(page, name):
    return page.locator("#aside .people .row-button").filter(has=page.get_by_text(name, exact=True))


def menu_of(page, name):
    if not page.locator("#aside").is_visible():
        page.get_by_role("button", name="People", exact=True).click()
    person(page, name).click()
    return page.get_by_role("menu", name=name)


def notice(page, text):
    expect(page.locator("#stream .notice", has_text=text).last).to_be_visible()


def main():
    where = site()
    with chromium() as browser:
        ada = enter(browser, where.web, "ada")
        bob = enter(browser, where.web, "bob", size=PHONE)
        join(ada, "club")
        notice(ada, "You are an operator of this room.")
        join(bob, "club")
        topics(ada, bob)
        carol = Telnet(where.telnet, "carol", "club")
        removal(ada, bob, carol)
        assert ada.mistakes == bob.mistakes == [], ada.mistakes + bob.mistakes


def topics(ada, bob):
    """The topic is edited in place by those who may, and shown to everyone."""
    expect(bob.locator("#topic")).to_be_hidden()
    ada.get_by_role("button", name="Set a topic").click()
    field = ada.get_by_label("Topic of #club")
    expect(field).to_be_focused()
    field.fill("Tea <b>at</b> four, see https://example.org/")
    field.press("Enter")
    for page in (ada, bob):
        expect(page.locator("#topic p")).to_have_text("Tea <b>at</b> four, see https://example.org/")
        notice(page, "ada set the topic: Tea <b>at</b> four")
    expect(bob.locator("#topic a")).to_have_attribute("href", "https://example.org/")
    expect(bob.locator("#topic button")).to_have_count(0)
    expect(composer(ada)).to_be_focused()
    # Escape keeps the old one, and so does the other button.
    for leave in (lambda: ada.keyboard.press("Escape"), lambda: ada.get_by_role("button", name="Cancel").click()):
        ada.get_by_role("button", name="Change the topic").click()
        ada.keyboard.type("something else")
        leave()
        expect(ada.locator("#topic p")).to_contain_text("Tea <b>at</b> four")
    # A refusal is shown in words.
    say(bob, "/topic mine")
    toasted(bob, "Only operators of #club may do that.")
    # Who comes later sees it too.
    bob.reload()
    online(bob)
    expect(bob.locator("#topic p")).to_contain_text("Tea <b>at</b> four")
    # An empty one takes it away.
    ada.get_by_role("button", name="Change the topic").click()
    ada.keyboard.press("Delete")
    ada.keyboard.press("Enter")
    notice(bob, "ada took the topic away")
    expect(bob.locator("#topic")).to_be_hidden()


def removal(ada, bob, carol):
    """A person is removed, and told by whom and why."""
    menu = menu_of(bob, "ada")
    expect(menu.get_by_role("menuitem", name="Mention")).to_be_visible()
    expect(menu.get_by_text("Remove from the room")).to_have_count(0)
    bob.keyboard.press("Escape")
    bob.get_by_role("button", name="Close", exact=True).click()
    menu_of(ada, "bob").get_by_role("menuitem", name="Remove from the room…").click()
    dialog = ada.get_by_role("dialog", name="Remove bob")
    dialog.get_by_label("Why").fill("too <i>loud</i>")
    dialog.get_by_role("button", name="Remove", exact=True).click()
    banner = bob.get_by_role("alert").filter(has_text="You were removed from #club by ada: too <i>loud</i>")
    expect(banner).to_be_visible()
    expect(row(bob, "club")).to_have_count(0)
    expect(bob.get_by_role("heading", name="global", exact=True)).to_be_visible()
    notice(ada, "ada removed bob: too <i>loud</i>")
    expect(person(ada, "bob")).to_have_count(0)
    carol.hears("bob")
    # Nothing of what is said meanwhile arrives.
    say(ada, "without bob")
    carol.hears("without bob")
    banner.get_by_role("button", name="Join again").click()
    expect(bob.get_by_role("heading", name="club", exact=True)).to_be_visible()
    expect(banner).to_have_count(0)
    expect(person(ada, "bob")).to_be_visible()


if __name__ == "__main__":
    main()
