"""A client of the JSON commands as written for the original server: it reads
only `from` and `body`.

usage: json_commands.py WEB_ADDRESS (host:port)
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

WEB = sys.argv[1]
PATIENCE = 30


def auth(nickname, in_query=False):
    """The status and the body of POST /auth."""
    form = urllib.parse.urlencode({"nickname": nickname})
    url = f"http://{WEB}/auth" + (f"?{form}" if in_query else "")
    data = b"" if in_query else form.encode()
    try:
        with urllib.request.urlopen(url, data, PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def token(nickname, **how):
    status, answer = auth(nickname, **how)
    assert status == 201, answer
    return answer["token"]


class Client:
    """A client on a WebSocket."""

    def __init__(self, url="/ws", **how):
        self.socket = connect(f"ws://{WEB}{url}", **how)

    def send(self, kind, **args):
        self.socket.send(json.dumps({"type": kind, "args": args}))

    def next(self):
        frame = json.loads(self.socket.recv(timeout=PATIENCE))
        assert isinstance(frame["from"], str) and isinstance(frame["body"], str), frame
        return frame["from"], frame["body"]

    def expect(self, *wanted):
        """Reads up to the wanted frame."""
        seen = []
        while (frame := self.next()) != wanted:
            seen.append(frame)
            assert len(seen) < 50, f"{wanted} did not come, but {seen}"
        return seen

    def expect_system(self, needle):
        while True:
            who, body = self.next()
            if who == "system" and needle in body:
                return body


def refused(status, url="/ws", **how):
    try:
        connect(f"ws://{WEB}{url}", **how)
    except InvalidStatus as error:
        assert error.response.status_code == status, error
    else:
        raise AssertionError("let in")


# Tokens, and errors about them.
alice_token = token("alice")
status, answer = auth("alice")
assert status == 409 and "error" in answer, answer
status, answer = auth("no spaces")
assert status == 400 and "error" in answer, answer
refused(401, "/ws?token=nonsense")
refused(401, additional_headers={"Authorization": "Bearer nonsense"})
refused(401, subprotocols=["nonsense"])

# The three ways to present a token.
alice = Client(subprotocols=[alice_token])
assert alice.socket.subprotocol == alice_token
alice.expect_system("You are now in global")
bob = Client(additional_headers={"Authorization": "Bearer " + token("bob", in_query=True)})
# The handshake ends before the room is entered: one after the other.
alice.expect("system", "bob joined")
carol = Client("/ws?token=" + token("carol"))
alice.expect("system", "carol joined")

# Every client starts in the same room; the server ignores `from`.
alice.send("message", **{"from": "mallory", "body": "hi"})
for client in (alice, bob, carol):
    client.expect("alice", "hi")

# Rooms.
alice.send("switchroom", room="nowhere")
alice.expect_system("nowhere")
alice.send("createroom", name="den")
alice.expect_system("den")
bob.expect("system", "alice left")
bob.send("createroom", name="den")
bob.expect_system("exists")
bob.send("switchroom", room="den")
alice.expect("system", "bob joined")
bob.send("message", body="in here")
alice.expect("bob", "in here")
bob.send("listusers")
assert bob.expect_system("alice").split("\n") == ["alice", "bob"]
bob.send("listrooms")
assert bob.expect_system("global").split("\n") == ["den", "global"]

# Nicknames.
bob.send("setnick", nickname="alice")
bob.expect_system("taken")
bob.send("setnick", nickname="bobby")
alice.expect("system", "bob is now bobby")

# An error gets a frame, and the connection stays.
alice.socket.send("{broken")
alice.expect_system("JSON")
alice.send("somersault")
alice.expect_system("somersault")
alice.send("message", body=7)
alice.expect_system("body")
alice.socket.send(json.dumps({"type": "message", "args": {"body": "ok", "x": [1]}, "y": 2}))
bob.expect("alice", "ok")

# A member of another room has seen none of it.
carol.send("message", body="end")
assert not [who for who, _ in carol.expect("carol", "end") if who in ("alice", "bob", "bobby")]

bob.send("exit")
try:
    while True:
        bob.next()
except ConnectionClosed as closed:
    assert closed.rcvd.code == 1000, closed
alice.expect("system", "bobby left")
