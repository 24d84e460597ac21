"""Pictures of every view of the browser client, light and dark, on a desk and
on a phone, for people to look at.

usage: screenshots.py FOLDER [VIEW...]
"""

import json
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

from browser import DESKTOP, PHONE, chromium, composer, expect, new_page, online, say
from team import PASSWORD, ROOT, team

DESK = {"width": 1440, "height": 900}
FOLDER = Path(sys.argv[1])
WANTED = sys.argv[2:]


def afternoon():
    """A time zone in which it is two in the afternoon now. The signs of these names are the other way round."""
    return f"Etc/GMT{datetime.now(timezone.utc).hour - 14:+d}"


def sign_in(page):
    page.get_by_role("tab", name="Log in").click()
    page.get_by_label("Nickname").fill("mina")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    online(page)


def open_room(page, name):
    if page.get_by_role("button", name="All conversations").is_visible():
        page.get_by_role("button", name="All conversations").click()
    page.locator("#rooms .row-button", has_text=name).click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def views(page, site, people, shoot):
    shoot("sign-in")
    page.get_by_role("tab", name="Register").click()
    page.get_by_label("Nickname").fill("mina!")
    page.get_by_label("Password").fill("short")
    for label in ("First name", "Last name"):
        page.get_by_label(label).fill("Mina")
    page.get_by_label("E-mail").fill("mina")
    page.get_by_role("button", name="Create the account").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    shoot("register")
    sign_in(page)
    shoot("first")
    for room in ("dev", "incidents", "lunch"):
        join_or_open(page, room)
    join_or_open(page, "design")
    expect(page.locator("#stream .text", has_text="by three")).to_be_visible()
    people["seward"].say("lunch", "@mina last call for soup")
    people["quincey"].say("dev", "Deploying to the pilots now.")
    people["arthur"].send("typing", room="design")
    newest(page)
    if page.get_by_role("button", name=re.compile("All conversations")).is_visible():
        page.wait_for_timeout(400)
        shoot("room")
        page.get_by_role("button", name=re.compile("All conversations")).click()
        shoot("list")
        page.locator("#rooms .row-button", has_text="design").click()
    else:
        expect(page.locator("#aside .people li")).to_have_count(6)
        people["arthur"].send("typing", room="design")
        expect(page.locator(".typing")).to_contain_text("typing")
        page.mouse.move(0, 0)
        shoot("room")
    page.locator("#stream").evaluate("box => box.scrollTop -= 420")
    expect(page.locator("#below")).to_contain_text("newest")
    people["lucy"].say("design", "Here it is: https://wall.example.org/legend")
    expect(page.locator("#below")).to_contain_text("new message")
    shoot("scrolled")
    composer(page).fill("@l")
    composer(page).press("End")
    composer(page).press_sequentially("u")
    shoot("mention")
    composer(page).fill("")
    composer(page).press_sequentially("/")
    shoot("commands")
    composer(page).fill("")
    composer(page).press_sequentially("Tea :te")
    expect(page.locator(".completion li").first).to_be_visible()
    shoot("emoji")
    composer(page).fill("")
    page.get_by_role("button", name="Search this room").click()
    page.get_by_label("Words to find").fill("line")
    page.get_by_label("Words to find").press("Enter")
    expect(page.locator("#aside .found li").first).to_be_visible()
    shoot("search")
    page.emulate_media(media="print")
    shoot("search-on-paper")
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Close the search").click()
    if page.viewport_size["width"] < 760:
        page.get_by_role("button", name="People").click()
        shoot("people")
        page.get_by_role("button", name="Close").click()
    page.emulate_media(media="print")
    shoot("paper")
    page.emulate_media(media="screen", forced_colors="active")
    shoot("forced-colours")
    page.emulate_media(forced_colors="none")
    if page.viewport_size["width"] >= 760:
        page.locator("#stream .row", has_text="In the legend.").last.hover()
        shoot("at-hand")
    page.locator("#stream .author", has_text="lucy").last.click()
    shoot("person")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+K")
    shoot("jump")
    page.get_by_role("combobox").fill("lu")
    shoot("jump-typed")
    page.keyboard.press("Escape")
    composer(page).fill("/rooms")
    composer(page).press("Enter")
    shoot("rooms")
    page.keyboard.press("Escape")
    composer(page).fill("/help")
    composer(page).press("Enter")
    shoot("help")
    page.keyboard.press("Escape")
    say(page, "/msg @lucy")
    expect(page.locator("#stream .text", has_text="tea at four")).to_be_visible()
    shoot("direct")
    if page.get_by_role("button", name=re.compile("All conversations")).is_visible():
        page.get_by_role("button", name=re.compile("All conversations")).click()
    page.locator("#me").click()
    shoot("settings")
    page.keyboard.press("Escape")
    join_or_open(page, "design")
    site.announce("The harbour office is closed on Monday. Soup is ready.")
    expect(page.locator(".banner")).to_be_visible()
    shoot("announcement")
    page.get_by_role("button", name="Dismiss").click()
    composer(page).fill("This waits until the connection is back.")
    site.stop()
    expect(page.locator(".banner.offline")).to_be_visible()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator(".row.waiting")).to_be_visible()
    shoot("cut-off")


def newest(page):
    """Goes to the end of the conversation."""
    jump = page.get_by_role("button", name=re.compile("Jump to newest"))
    if jump.is_visible():
        jump.click()
        expect(jump).to_be_hidden()


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for device, size in (("desktop", DESK), ("phone", PHONE)):
            for scheme in ("light", "dark"):
                with team() as (site, people):
                    phone = device == "phone"
                    page = new_page(browser, site.web, size, color_scheme=scheme, has_touch=phone, is_mobile=phone,
                                    device_scale_factor=2 if phone else 1, locale="en-GB",
                                    timezone_id=afternoon(), reduced_motion="reduce")

                    def shoot(view):
                        if not WANTED or view in WANTED:
                            page.screenshot(path=FOLDER / f"{view}-{device}-{scheme}.png")

                    views(page, site, people, shoot)
                    page.context.close()


def join_or_open(page, room):
    if page.viewport_size["width"] < 760 and not page.locator("#rooms").is_visible():
        page.get_by_role("button", name=re.compile("All conversations")).click()
    row = page.locator("#rooms .row-button").filter(has=page.get_by_text(room, exact=True))
    if row.count():
        row.click()
    else:
        page.get_by_role("button", name="Browse or create rooms").click()
        page.get_by_role("button", name=f"Join #{room}", exact=True).click()
    expect(page.get_by_role("heading", name=room, exact=True)).to_be_visible()


if __name__ == "__main__":
    main()
