"""The page registers with an invitation's link, asks for one where it is needed, and does not offer what is closed;
administrators make and withdraw invitations on theirs."""

from admin import *


def register(page, name):
    page.get_by_label("Nickname").fill(name)
    page.get_by_label("Password").fill("long enough")
    page.get_by_role("button", name="Create the account").click()


def main():
    where = site()
    with chromium() as browser:
        admin = open_admin(browser, where)
        sign_in(admin, where)
        go(admin, "Accounts")
        admin.get_by_role("button", name="Invitations").click()
        dialog = admin.get_by_role("dialog")
        expect(dialog).to_contain_text("There are no invitations.")
        dialog.get_by_role("button", name="New invitation").click()
        admin.get_by_role("dialog").get_by_role("button", name="Make the link").click()
        link = admin.get_by_role("dialog").get_by_label("The link").input_value()
        secret = link.split("=")[1]

        # Without one, the page asks for it.
        other = new_page(browser, where.web)
        other.get_by_role("tab", name="Register").click()
        other.get_by_label("Invitation").fill("0" * 32)
        register(other, "olaf")
        expect(other.get_by_role("alert")).to_contain_text("needs an invitation")

        # With the link it has it, and the address does not keep it.
        invited = new_page(browser, where.web, path=f"/client#register={secret}")
        expect(invited.get_by_role("alert")).to_contain_text("You are invited to register")
        expect(invited.get_by_label("Invitation")).to_have_value(secret)
        assert secret not in invited.url, invited.url
        register(invited, "inge")
        online(invited)
        # It was for one account.
        other.get_by_label("Invitation").fill(link)
        other.get_by_role("button", name="Create the account").click()
        expect(other.get_by_role("alert")).to_contain_text("needs an invitation")

        admin.keyboard.press("Escape")
        admin.get_by_role("button", name="Invitations").click()
        row = admin.get_by_role("dialog").get_by_role("listitem")
        expect(row).to_contain_text("0 of 1 account left")
        row.get_by_role("button", name="Withdraw").click()
        expect(admin.get_by_role("dialog")).to_contain_text("There are no invitations.")

        ask("close")
        late = new_page(browser, where.web)
        expect(late.get_by_role("tab", name="Register")).to_have_count(0)
        expect(late.get_by_role("tab")).to_have_count(2)
        for page in (admin, other, invited, late):
            serious = [one for one in page.mistakes if "Failed to load resource" not in one]
            assert serious == [], serious


if __name__ == "__main__":
    main()
