"""A browser's client and a line client, both over TLS, with the strictest
checks that Python's own library has.

usage: over_tls.py CERTIFICATE WEB_PORT TELNET_PORT
"""

import json
import socket
import ssl
import sys
import urllib.request

from websockets.sync.client import connect

CERTIFICATE, WEB, TELNET = sys.argv[1:4]
PATIENCE = 30

context = ssl.create_default_context(cafile=CERTIFICATE)
context.verify_flags |= ssl.VERIFY_X509_STRICT


def read_until(next_text, needle):
    heard = ""
    while needle not in heard:
        text = next_text()
        assert text, f"closed before {needle!r}: {heard!r}"
        heard += text
    return heard


with urllib.request.urlopen(f"https://localhost:{WEB}/healthz", context=context) as answer:
    assert answer.status == 200
    assert json.load(answer) == {"status": "ok"}

plain = socket.create_connection(("localhost", int(TELNET)), timeout=PATIENCE)
alice = context.wrap_socket(plain, server_hostname="localhost")
assert alice.version() == "TLSv1.3", alice.version()


def alice_hears():
    return alice.recv(4096).decode()


alice.sendall(b"alice\n/join #dev\n")
read_until(alice_hears, "in #dev")

with connect(f"wss://localhost:{WEB}/ws", ssl=context) as bob:
    def bob_hears():
        return bob.recv(timeout=PATIENCE)

    bob.send("bob")
    bob.send("/join #dev")
    read_until(bob_hears, "in #dev")
    bob.send("hello from a WebSocket")
    read_until(alice_hears, "@bob: hello from a WebSocket")
    alice.sendall(("long " * 700 + "\n").encode() * 30)
    for _ in range(30):
        read_until(bob_hears, "@alice: long")
    assert bob.ping().wait(PATIENCE), "no pong"

read_until(alice_hears, "@bob left")
alice.sendall(b"/quit\n")
read_until(alice_hears, "Good-bye")
# The server closes TLS properly; otherwise this raises.
while alice.recv(4096):
    pass

old = ssl.create_default_context(cafile=CERTIFICATE)
old.maximum_version = ssl.TLSVersion.TLSv1_2
plain = socket.create_connection(("localhost", int(TELNET)), timeout=PATIENCE)
with old.wrap_socket(plain, server_hostname="localhost") as carol:
    assert carol.version() == "TLSv1.2", carol.version()
    carol.sendall(b"carol\n")
    read_until(lambda: carol.recv(4096).decode(), "Welcome, carol")
