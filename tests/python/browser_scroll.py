"""A room with many pages of messages: the document holds few of them at a time, and nothing that is read jumps.
How long the page computes is measured by `make bench-page`."""

from browser import *
from long_room import FRAME, fill, point_at, to_the_beginning, to_the_end, write

# Twenty pages of history; seven times what the document holds.
MESSAGES = 1200
# The window, and what is exchanged at once.
MOST_ENTRIES = 200

# Where the first row is that can be read, in pixels.
FIRST = """() => [...document.querySelectorAll('#stream .row')]
    .find(row => row.getBoundingClientRect().bottom > 150).getBoundingClientRect().top"""

# Scrolls up in small steps; returns by how many pixels a row moved more or less
# than the scroll.
STEPS = """async () => {
    const box = document.querySelector('#stream');
    const off = [];
    for (let step = 0; step < 60; step += 1) {
        const edge = box.getBoundingClientRect().top + 100;
        const row = [...box.querySelectorAll('.row')].find(row => row.getBoundingClientRect().bottom > edge);
        const before = row.getBoundingClientRect().top;
        box.scrollTop -= 300;
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        off.push(Math.abs(row.getBoundingClientRect().top - before - 300));
    }
    return off;
}"""


def news_do_not_move_what_is_read(page, writer):
    page.locator("#stream").evaluate("box => box.scrollTop = 700")
    page.evaluate(FRAME)
    before = page.evaluate(FIRST)
    for number in range(20):
        write(writer, "long", f"news {number}")
    expect(page.locator("#below")).to_contain_text("20 new messages")
    assert abs(page.evaluate(FIRST) - before) <= 1


def all_is_printed(page):
    """Paper has all that is loaded, and afterwards the page is as it was."""
    rows = page.locator("#stream .row")
    place = page.locator("#stream").evaluate("box => box.scrollTop")
    few = rows.count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert rows.count() > 2 * few, (few, rows.count())
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert rows.count() == few, (few, rows.count())
    moved = page.locator("#stream").evaluate("box => box.scrollTop") - place
    assert abs(moved) < 2, moved


def main():
    where = site()
    with chromium() as browser:
        writer = fill(where.web, "long", MESSAGES)
        page = enter(browser, where.web, "ada")
        join(page, "long")
        heard(page, f"message {MESSAGES - 1}:")
        point_at(page)
        assert to_the_beginning(page) <= MOST_ENTRIES
        news_do_not_move_what_is_read(page, writer)
        all_is_printed(page)
        assert to_the_end(page) <= MOST_ENTRIES
        heard(page, "news 19")
        # The end is followed again.
        write(writer, "long", "the last one")
        expect(page.locator("#stream .text", has_text="the last one")).to_be_in_viewport(ratio=1)
        # Inserting older messages in front does not move the top row.
        steps = page.evaluate(STEPS)
        assert max(steps) <= 2, steps
        assert page.mistakes == [], page.mistakes


if __name__ == "__main__":
    main()
