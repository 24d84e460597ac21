"""A client of room lines over WebSocket, as written for the original server.

usage: room_lines.py WEBSOCKET_ADDRESS (host:port)
"""

import json
import sys

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

URL = f"ws://{sys.argv[1]}/mychat"
PATIENCE = 30


def enter(name, room="devroom", **how):
    socket = connect(URL, **how)
    socket.send(json.dumps({"name": name, "room": room}))
    return socket


def expect(socket, line):
    got = socket.recv(timeout=PATIENCE)
    assert got == line, got


mina = enter("Mina", origin=f"http://{sys.argv[1]}")
mina.send("one\ntwo\n")
expect(mina, "Mina:one\n")
expect(mina, "Mina:two\n")
jon = enter("Jon")
jon.send("hello")
for socket in (mina, jon):
    expect(socket, "Jon:hello\n")

# A client with a name that is taken gets one line and is disconnected.
again = enter("mina")
line = again.recv(timeout=PATIENCE)
assert "mina" in line and line.endswith("\n"), line
try:
    again.recv(timeout=PATIENCE)
except ConnectionClosed:
    pass
else:
    raise AssertionError("not closed")

# Joins and leaves are not announced.
other = enter("Other", "elsewhere")
other.send("unheard")
expect(other, "Other:unheard\n")
enter("Late").close()
jon.close()
mina.send("alone")
expect(mina, "Mina:alone\n")
