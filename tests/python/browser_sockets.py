"""Pages that others wrote: a browser's own WebSockets, over TLS, without our
client. Chromium trusts the key of the server's certificate and no other.

usage: browser_sockets.py PUBLIC_KEY_SHA256 TLS_WEB_PORT ROOM_WEBSOCKET_PORT
"""

import json
import sys

from browser import CHROMIUM, FLAGS, PATIENCE
from playwright.sync_api import Error, sync_playwright

KEY, WEB, ROOMS = sys.argv[1:4]
HOME = f"https://localhost:{WEB}"

# A socket that records its frames and can wait for one that contains a text.
CLIENT = """
window.enter = (url, protocols) => new Promise((resolve, reject) => {
  const socket = new WebSocket(url, protocols);
  socket.heard = [];
  socket.onmessage = (event) => socket.heard.push(event.data);
  socket.onopen = () => resolve(socket);
  socket.onerror = () => reject(new Error("refused: " + url));
  socket.gets = async (needle) => {
    const end = Date.now() + %d;
    while (Date.now() < end) {
      const frame = socket.heard.find((frame) => frame.includes(needle));
      if (frame) return frame;
      await new Promise((next) => setTimeout(next, 10));
    }
    throw new Error(`no ${needle} in ${JSON.stringify(socket.heard)}`);
  };
});
""" % PATIENCE

LINES = """async () => {
  window.lines = await enter(`wss://${location.host}/ws`);
  lines.send("ada");
  lines.send("/join #dev");
  await lines.gets("#dev");
  return lines.heard;
}"""

COMMANDS = """async () => {
  const answer = await fetch("/auth", { method: "POST", body: new URLSearchParams({ nickname: "bob" }) });
  const { token } = await answer.json();
  const send = (type, args) => commands.send(JSON.stringify({ type, args }));
  window.commands = await enter(`wss://${location.host}/ws`, [token]);
  const echoed = commands.protocol === token;
  send("switchroom", { room: "dev" });
  await commands.gets('"dev"');
  send("message", { body: "hello from <b>JSON</b>" });
  await commands.gets("hello from");
  lines.send("hello from lines");
  return [echoed, JSON.parse(await commands.gets("hello from lines")), await lines.gets("hello from <b>")];
}"""

ROOM = """async () => {
  window.room = await enter(`wss://${location.host}/mychat`);
  room.send(JSON.stringify({ name: "Cem", room: "dev" }));
  room.send("hello from a room\\n");
  return await room.gets("hello from a room");
}"""


def page_at(context, path):
    page = context.new_page()
    page.goto(path)
    page.evaluate(f"() => {{{CLIENT}}}")
    return page


with sync_playwright() as playwright:
    strict = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    try:
        strict.new_page().goto(f"{HOME}/client")
    except Error as error:
        assert "ERR_CERT_AUTHORITY_INVALID" in str(error), error
    else:
        raise AssertionError("a certificate without a trusted issuer is accepted")
    strict.close()

    browser = playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=[*FLAGS, f"--ignore-certificate-errors-spki-list={KEY}"])
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = page_at(context, f"{HOME}/client")
    assert page.evaluate("isSecureContext")
    page.evaluate(LINES)
    echoed, heard, line = page.evaluate(COMMANDS)
    assert echoed, "the subprotocol is not the token"
    assert (heard["from"], heard["body"]) == ("ada", "hello from lines"), heard
    assert line.rstrip("\n").endswith("@bob: hello from <b>JSON</b>"), line

    # Room lines have an origin of their own, where there is no page but one that says so, and that opens no sockets.
    stranger = browser.new_context(bypass_csp=True)
    stranger.set_default_timeout(PATIENCE)
    elsewhere = page_at(stranger, f"https://localhost:{ROOMS}/")
    line = elsewhere.evaluate(ROOM)
    assert line == "Cem:hello from a room\n", line
    page.evaluate("() => lines.gets('@Cem: hello from a room')")
    page.evaluate("() => commands.gets('hello from a room')")

    # The page works over TLS as it does without.
    page = context.new_page()
    page.goto(f"{HOME}/client")
    page.get_by_label("Nickname").fill("dora")
    page.get_by_role("button", name="Enter").click()
    page.locator("#me .status.open").wait_for(state="attached")
    browser.close()
