"""Messages are shown as text, whichever protocol they came by."""

import json
import urllib.parse
import urllib.request

import jwt
from websockets.sync.client import connect

from browser import *

EVIL = [
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg onload=window.pwned=1>&lt;b&gt;",
    "https://example.org/\"onmouseover=\"window.pwned=1",
    "javascript:window.pwned=1 data:text/html,<script>window.pwned=1</script>",
    "`<b>code</b>` ```<i>block</i>``` > <u>quote</u> @<b> #<i> {{7*7}} ${7*7}",
]


# A text, and what of it is a link, with where that leads. In brackets: a host that the text hides.
ADDRESSES = [
    ("Https://Example.org/a.", [("Https://Example.org/a", "https://example.org/a")]),
    ("\u89c1https://example.org/b\u3002\u597d", [("https://example.org/b", "https://example.org/b")]),
    ("\u201chttps://example.org/c\u201d \u00abhttps://example.org/d\u00bb https://example.org/e\u2026",
     [(f"https://example.org/{end}", f"https://example.org/{end}") for end in "cde"]),
    ("(www.example.org/f_(g))", [("www.example.org/f_(g)", "https://www.example.org/f_(g)")]),
    ("ask ada.b@example.org, @ada", [("ada.b@example.org", "mailto:ada.b@example.org")]),
    ("https://m\u00fcnchen.example/", [("https://m\u00fcnchen.example/", "https://xn--mnchen-3ya.example/")]),
    ("https://\u0430\u0440\u0440\u04cf\u0435.com/",
     [("https://\u0430\u0440\u0440\u04cf\u0435.com/ [xn--80ak6aa92e.com]", "https://xn--80ak6aa92e.com/")]),
    ("https://bank.example@evil.example/",
     [("https://bank.example@evil.example/ [evil.example]", "https://bank.example@evil.example/")]),
    ("https://0x7f.1/", [("https://0x7f.1/ [127.0.0.1]", "https://127.0.0.1/")]),
    ("https://example.org:8443/h?a=1&b=[2]#c!", [("https://example.org:8443/h?a=1&b=[2]#c", "https://example.org:8443/h?a=1&b=[2]#c")]),
    ("[https://example.org/i] {https://example.org/j}; (https://example.org/k(l)m),",
     [("https://example.org/i", "https://example.org/i"), ("https://example.org/j", "https://example.org/j"),
      ("https://example.org/k(l)m", "https://example.org/k(l)m")]),
    ("http://[2001:db8::1]:8080/n.", [("http://[2001:db8::1]:8080/n", "http://[2001:db8::1]:8080/n")]),
    ("(http://[::1]/)", [("http://[::1]/", "http://[::1]/")]),
    ("\u300chttps://example.org/o\u300d\uff08https://example.org/p\uff09\uff1f\u201ahttps://example.org/q\u2018 \u2039www.example.org/r\u203a",
     [(f"https://example.org/{end}", f"https://example.org/{end}") for end in "opq"] + [("www.example.org/r", "https://www.example.org/r")]),
    ("https://ada:secret@example.org/s",
     [("https://ada:secret@example.org/s [example.org]", "https://ada:secret@example.org/s")]),
    ("https://example.org\\@evil.example/", [("https://example.org\\@evil.example/", "https://example.org/@evil.example/")]),
    ("https://\u4f8b\u3048.\u30c6\u30b9\u30c8/", [("https://\u4f8b\u3048.\u30c6\u30b9\u30c8/", "https://xn--r8jz45g.xn--zckzah/")]),
    ("https://ex\u0430mple.org/",
     [("https://ex\u0430mple.org/ [xn--exmple-4nf.org]", "https://xn--exmple-4nf.org/")]),
    ("https://example.org\u2024evil.example/", []),
    ("a.b+c@xn--mnchen-3ya.example; <d@e.example>", [("a.b+c@xn--mnchen-3ya.example", "mailto:a.b+c@xn--mnchen-3ya.example"), ("d@e.example", "mailto:d@e.example")]),
    ("JaVaScRiPt:1 data:text/html,1 file:///etc/passwd ftp://example.org vbscript:1 http://[ https://[::/ https://a:b:c/", []),
    ("www.x a@b http:// javascript:1", []),
]


# A text, and the words of it that stand out, by their elements.
STRESSED = [
    ("**bold**, *leaning* (_too_) and ~~gone~~.", ["STRONG bold", "EM leaning", "EM too", "S gone"]),
    ("**both *of them* at once**", ["STRONG both of them at once", "EM of them"]),
    ("_see https://example.org/a_b_c and @ada_", ["EM see https://example.org/a_b_c and @ada"]),
    ("2*3*4 2 * 3 * 4 snake_case_name __init__ *.rs **kwargs /usr/_a_/ ~~ ** not *across", []),
    ("lines* `*code*` https://example.org/*b*", []),
    ("* one\n* two", []),
    ("*" * 900 + " _" * 900, []),
]


def emphasis_is_shown(page):
    for number, (text, stressed) in enumerate(STRESSED):
        say(page, f"{text}\nstressed {number}")
        heard(page, f"stressed {number}")
        found = page.locator("#stream .row").last.locator(".text :is(strong, em, s)").evaluate_all(
            "all => all.map(one => `${one.tagName} ${one.textContent}`)")
        assert found == stressed, (text, found)


def addresses_are_links(page):
    say(page, "\n".join(text for text, _ in ADDRESSES))
    heard(page, "javascript:1")
    found = page.locator("#stream .row").last.locator("a").evaluate_all("all => all.map(one => [one.textContent, one.href])")
    assert found == [list(link) for _, links in ADDRESSES for link in links], found


def post(where, path, **form):
    data = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(f"http://{where.web}{path}", data) as answer:
        return json.load(answer)


def main():
    where = site()
    with chromium() as browser:
        page = new_page(browser, where.web)
        post(where, "/api/register", first_name="<b>A", last_name="<i>B", username="ada", password="long enough",
             email="ada@example.org", phone="+44 1947 600000")
        mallory = post(where, "/api/register", first_name="M", last_name="M", username="mallory", password="long enough",
                       email="mallory@example.org", phone="+44 1947 600001")["data"][0]["token"]
        page.get_by_role("tab", name="Log in").click()
        page.get_by_label("Nickname").fill("ada")
        page.get_by_label("Password").fill("long enough")
        page.get_by_role("button", name="Log in").click()
        online(page)
        join(page, "dev")

        telnet = Telnet(where.telnet, "telly", "dev")
        lines = connect(f"ws://{where.web}/ws")
        lines.send("weblin")
        lines.send("/join #dev")
        token = post(where, "/auth", nickname="json")["token"]
        objects = connect(f"ws://{where.web}/ws", subprotocols=[token])
        objects.send(json.dumps({"type": "join", "args": {"room": "dev"}}))
        host, port = where.tcp.split(":")
        room = socket.create_connection((host, int(port)))
        room.sendall(json.dumps({"name": "liner", "room": "dev"}).encode())
        for text in EVIL:
            telnet.send(f"telnet {text}")
            lines.send(f"line {text}")
            objects.send(json.dumps({"type": "message", "args": {"room": "dev", "body": f"json {text}"}}))
            room.sendall(f"room {text}\n".encode())
        for kind in ("telnet", "line", "json", "room"):
            for text in EVIL:
                # Code and blocks are shown without their marks.
                shown = f"{kind} {text}" if "`" not in text else f"{kind} "
                expect(page.locator("#stream .text", has_text=shown).first).to_be_attached()
        expect(page.locator("#stream .text code")).to_have_count(8)

        # Direct messages, through the account protocol.
        headers = {"access_key": mallory["access_key_id"]}
        signed = jwt.encode({}, mallory["secret_access_key"], algorithm="HS256", headers=headers)
        direct = connect(f"ws://{where.web}/api/ws?token={signed}")
        for text in EVIL:
            direct.send(json.dumps({"recipient": "ada", "message": text}))
        row(page, "mallory").click()
        expect(page.locator("#stream .text")).to_have_count(len(EVIL))
        assert texts(page)[0] == EVIL[0]

        announce(where, EVIL[1])
        expect(page.get_by_role("alert")).to_contain_text(EVIL[1])
        row(page, "dev").click()
        page.get_by_role("button", name="Search this room").click()
        page.get_by_label("Words to find").fill("<img src=x onerror=window.pwned=1>")
        page.get_by_label("Words to find").press("Enter")
        expect(page.locator("#aside .found button").first).to_contain_text("<img src=x onerror")
        # None of it became an element, and no script has run.
        hits = page.locator("#chat").evaluate("""chat => chat.querySelectorAll(
            'script, img:not([src$="/icon.svg"]), svg:not(.icon), [onerror], [onload], [onmouseover], .text b, .text i, .text u, iframe').length""")
        assert hits == 0, hits
        links = page.locator("#stream a").evaluate_all("all => all.map(one => one.href)")
        assert all(link.startswith("https://example.org/") for link in links), links
        addresses_are_links(page)
        page.set_viewport_size(PHONE)
        addresses_are_links(page)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{wide} pixels too wide"
        page.set_viewport_size(DESKTOP)
        emphasis_is_shown(page)
        assert page.evaluate("window.pwned") is None
        # Even if a script received markup, the browser would refuse it.
        refused = page.evaluate("() => { try { document.body.innerHTML = '<b>x</b>'; return 'taken'; } catch (error) { return error.name; } }")
        assert refused == "TypeError", refused
        assert [one for one in page.mistakes if "TrustedHTML" not in one] == [], page.mistakes


if __name__ == "__main__":
    main()
