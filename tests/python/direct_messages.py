"""A client of accounts and direct messages, written from docs/api.md alone.

usage: direct_messages.py WEB_ADDRESS TELNET_ADDRESS
(each host:port; the server must allow unlimited logins)
"""

import json
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta

import jwt
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

WEB, TELNET = sys.argv[1:3]
PATIENCE = 30
FIELDS = {"status", "data", "error", "page", "per_page", "current_page"}
TOKEN_FIELDS = {
    "access_key_id", "secret_access_key", "refresh_token",
    "created_at", "expires_at", "modified_at", "is_refreshable",
}


class Session:
    """A user with a token."""

    def __init__(self, username, token):
        self.username = username
        self.token = token

    def jwt(self, **claims):
        headers = {"access_key": self.token["access_key_id"]}
        secret = self.token["secret_access_key"]
        return jwt.encode(claims, secret, algorithm="HS256", headers=headers)

    def call(self, method, path, expected=200, **form):
        authorization = {"Authorization": "Bearer " + self.jwt()}
        return call(method, path, form or None, expected, authorization)

    def connect(self):
        authorization = {"Authorization": "Bearer " + self.jwt()}
        return Device(connect(f"ws://{WEB}/api/ws", additional_headers=authorization))


class Device:
    """One WebSocket of a user."""

    def __init__(self, socket):
        self.socket = socket

    def send(self, recipient, message, author="whoever"):
        frame = {"author": author, "recipient": recipient, "message": message}
        self.socket.send(json.dumps(frame))

    def next(self):
        return json.loads(self.socket.recv(timeout=PATIENCE))

    def expect(self, author, recipient, message):
        frame = self.next()
        got = (frame.get("author"), frame.get("recipient"), frame.get("message"))
        assert got == (author, recipient, message), frame
        assert frame["message_type"] == 0, frame
        datetime.fromisoformat(frame["created_at"])
        return frame

    def expect_failure(self, field):
        frame = self.next()
        assert set(frame) == FIELDS and frame["status"] == "fail", frame
        assert frame["error"]["message"] in ("Form error", "User error"), frame
        assert set(frame["error"]["errors"]) - {"error"} == {field}, frame

    def expect_close(self, code):
        try:
            frame = self.socket.recv(timeout=PATIENCE)
        except ConnectionClosed as closed:
            assert closed.rcvd.code == code, closed
            assert closed.rcvd.reason, closed
        else:
            raise AssertionError(f"not closed: {frame}")


class Telnet:
    """A client of the line protocol."""

    def __init__(self, nickname):
        host, port = TELNET.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.lines = self.socket.makefile("rb")
        self.send(nickname)

    def send(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def expect(self, needle):
        for line in self.lines:
            if needle in line.decode(errors="replace"):
                return
        raise AssertionError(f"closed before {needle!r}")


def call(method, path, form=None, expected=200, headers=None, as_json=False):
    """The envelope of an answer, which must have this status."""
    headers = dict(headers or {})
    body = None
    if isinstance(form, bytes):
        body = form
    elif as_json:
        body = json.dumps(form).encode()
        headers["Content-Type"] = "application/json"
    elif form is not None:
        body = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(f"http://{WEB}{path}", body, headers, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        answer = error
    envelope = json.loads(answer.read())
    assert answer.status == expected, (method, path, answer.status, envelope)
    assert set(envelope) == FIELDS, envelope
    assert envelope["status"] == ("success" if expected == 200 else "fail"), envelope
    assert envelope["error"]["code"] == expected, envelope
    assert envelope["per_page"] == 10, envelope
    assert envelope["current_page"] == len(envelope["data"]), envelope
    if expected == 200:
        assert envelope["error"] == {"code": 200, "errors": None, "message": ""}, envelope
    if expected == 401:
        assert envelope["error"]["errors"] == {"error": "Unauthenticated"}, envelope
    return envelope


def form_of(username, number):
    return {
        "first_name": "Mina", "last_name": "Harker", "username": username,
        "password": "correct horse", "email": f"{username}@example.org",
        "phone": f"+44 1947 6000{number:02}",
    }


def register(username, number, **how):
    [user] = call("POST", "/api/register", form_of(username, number), **how)["data"]
    assert user["username"] == username
    assert user["email"] == f"{username}@example.org"
    assert user["phone_number"] == f"+44 1947 6000{number:02}"
    assert (user["first_name"], user["last_name"]) == ("Mina", "Harker")
    check_token(user["token"])
    return Session(username, user["token"])


def check_token(token):
    assert set(token) == TOKEN_FIELDS, token
    for key in ("access_key_id", "secret_access_key", "refresh_token"):
        assert len(token[key]) == 52, token
    created, expires, _ = (
        datetime.fromisoformat(token[f"{what}_at"]) for what in ("created", "expires", "modified")
    )
    assert expires - created == timedelta(days=30), token
    assert token["is_refreshable"] is True


def log_in(username):
    form = {"username": username, "password": "correct horse"}
    [token] = call("POST", "/api/auth_token", form)["data"]
    check_token(token)
    return Session(username, token)


def registering_and_its_mistakes():
    for as_json in (False, True):
        empty = call("POST", "/api/register", {"x": "y"}, 400, as_json=as_json)
        assert empty["error"]["message"] == "Form error"
        fields = {"first_name", "last_name", "username", "password", "email", "phone"}
        assert set(empty["error"]["errors"]) == fields
    register("renfield", 1, as_json=True)
    again = call("POST", "/api/register", form_of("renfield", 1), 400)
    assert again["error"]["message"] == "User error"
    errors = again["error"]["errors"]
    assert set(errors) == {"error", "username", "email", "phone"}, errors
    # Misspelled as in the documentation that clients were written by.
    assert errors["error"] == "Some fileds are not unique", errors
    call("POST", "/api/register", b"{broken", 400)
    call("GET", "/api/register", expected=405)
    call("GET", "/api/what", expected=404)


def tokens_and_their_mistakes():
    wrong = {"username": "renfield", "password": "wrong horse"}
    call("POST", "/api/auth_token", wrong, 401)
    call("POST", "/api/auth_token", {"username": "nobody", "password": "x"}, 401)
    missing = call("POST", "/api/auth_token", {"username": "renfield"}, 400)
    assert set(missing["error"]["errors"]) == {"password"}

    session = log_in("renfield")
    now = time.time()
    good = session.jwt(exp=now + 300, nbf=now - 300)
    for header in ("Bearer ", "bearer ", "BEARER "):
        call("GET", "/api/inbox", headers={"Authorization": header + good})
    call("GET", f"/api/inbox?token={good}")
    other = log_in("renfield")
    mixed = Session("renfield", dict(session.token, access_key_id=other.token["access_key_id"]))
    stranger = Session("renfield", dict(session.token, access_key_id="A" * 52))
    for bad in (
        session.jwt(exp=now - 300), session.jwt(nbf=now + 300), mixed.jwt(), stranger.jwt(),
        jwt.encode({}, session.token["secret_access_key"], algorithm="HS256"), "x.y.z", "",
    ):
        call("GET", "/api/inbox", None, 401, {"Authorization": f"Bearer {bad}"})
        call("GET", f"/api/inbox?token={bad}", None, 401)
        try:
            connect(f"ws://{WEB}/api/ws?token={bad}")
        except InvalidStatus as refused:
            assert refused.response.status_code == 401, refused
            envelope = json.loads(refused.response.body)
            assert envelope["error"]["errors"] == {"error": "Unauthenticated"}
        else:
            raise AssertionError("a WebSocket without a good token")

    # A refresh token works once; a second use, by any client, is refused.
    refresh = {"refresh_token": session.token["refresh_token"]}
    device = session.connect()
    device.send("renfield", "on")
    device.expect("renfield", "renfield", "on")
    [fresh] = call("POST", "/api/auth_token/refresh", refresh)["data"]
    check_token(fresh)
    device.expect_close(1008)
    call("POST", "/api/auth_token/refresh", refresh, 400)
    session.call("GET", "/api/inbox", 401)
    fresh = Session("renfield", fresh)
    fresh.call("GET", "/api/inbox")

    # Revoking a token ends the connections opened with it, and no others.
    device = fresh.connect()
    device.send("renfield", "on")
    device.expect("renfield", "renfield", "on")
    kept = other.connect()
    fresh.call("DELETE", "/api/auth_token")
    device.expect_close(1008)
    fresh.call("GET", "/api/inbox", 401)
    kept.send("renfield", "a note")
    kept.expect("renfield", "renfield", "a note")


def every_way_to_bring_a_token():
    session = log_in("renfield")
    token = session.jwt()
    for header in ({"Authorization": "bearer " + token}, {"Authorization": "BEARER " + token}):
        connect(f"ws://{WEB}/api/ws", additional_headers=header).close()
    connect(f"ws://{WEB}/api/ws?token={token}").close()
    as_browsers_do = connect(f"ws://{WEB}/api/ws", subprotocols=[token])
    assert as_browsers_do.subprotocol == token
    as_browsers_do.close()


def messages():
    mina, lucy = register("mina", 2), register("lucy", 3)
    phone, desk = mina.connect(), mina.connect()
    # A message to oneself proves that a device is connected. The desk may have missed the phone's.
    phone.send("mina", "on")
    phone.expect("mina", "mina", "on")
    desk.send("mina", "on, too")
    phone.expect("mina", "mina", "on, too")
    while desk.next()["message"] != "on, too":
        pass

    # Lucy is away.
    for n in range(1, 13):
        phone.send("lucy", f"message {n}", author="lucy")
    for n in range(1, 13):
        desk.expect("mina", "lucy", f"message {n}")
    [thread] = lucy.call("GET", "/api/inbox")["data"]
    assert thread["author_username"] == "mina", thread
    assert thread["latest_message"] == "message 12", thread
    assert thread["unread"] == 12, thread
    datetime.fromisoformat(thread["created_at"])
    page = lucy.call("GET", "/api/thread/mina")
    got = [row["message"] for row in page["data"]]
    assert got == [f"message {n}" for n in range(12, 2, -1)], got
    for row in page["data"]:
        assert (row["author"], row["recipient"]) == ("mina", "lucy"), row
        assert row["message_type"] == 0, row
        datetime.fromisoformat(row["created_at"])
    page = lucy.call("GET", "/api/thread/mina?page=2")
    assert [row["message"] for row in page["data"]] == ["message 2", "message 1"], page
    assert page["page"] == 2
    [thread] = lucy.call("GET", "/api/inbox")["data"]
    assert thread["unread"] == 0, thread
    assert lucy.call("GET", "/api/thread/mina?page=3")["data"] == []
    first = lucy.call("GET", "/api/thread/mina")
    for page in ("0", "-1", "two", "1.5"):
        assert lucy.call("GET", f"/api/thread/mina?page={page}") == first, page
        assert lucy.call("GET", f"/api/inbox?page={page}")["page"] == 1, page
    lucy.call("GET", "/api/thread/nobody", 400)

    # Both are connected; the sending device does not get its own message.
    here = lucy.connect()
    here.send("mina", "here")
    arrived = phone.expect("lucy", "mina", "here")
    assert desk.expect("lucy", "mina", "here") == arrived
    desk.send("lucy", "two\nlines & <b>")
    live = here.expect("mina", "lucy", "two\nlines & <b>")
    assert phone.expect("mina", "lucy", "two\nlines & <b>") == live
    phone.send("lucy", "the end")
    desk.expect("mina", "lucy", "the end")
    here.expect("mina", "lucy", "the end")
    stored = lucy.call("GET", "/api/thread/mina")["data"]
    assert stored[1] == live and stored[2] == arrived, stored

    # A device reports how far she has read.
    phone.send("lucy", "unread")
    here.expect("mina", "lucy", "unread")
    assert lucy.call("GET", "/api/inbox")["data"][0]["unread"] == 1
    lucy.call("POST", "/api/thread/mina/read")
    assert lucy.call("GET", "/api/inbox")["data"][0]["unread"] == 0
    desk.expect("mina", "lucy", "unread")

    # Errors do not end a connection.
    for frame, field in (
        ("nonsense", "frame"),
        ('{"recipient":', "frame"),
        (b"binary", "frame"),
        (json.dumps({"recipient": "mina", "message": "x" * 5000}), "frame"),
        ('{"message": "to nobody"}', "recipient"),
        ('{"recipient": "nobody", "message": "hi"}', "recipient"),
        ('{"recipient": "mina", "message": " "}', "message"),
    ):
        phone.socket.send(frame)
        phone.expect_failure(field)
    phone.socket.send('{"recipient": "lucy", "message": "fine", "more": [1]}')
    here.expect("mina", "lucy", "fine")
    desk.expect("mina", "lucy", "fine")
    for device in (phone, desk, here):
        device.socket.close()


def people_on_telnet():
    guest = Telnet("arthur")
    guest.expect("/help")
    # The nickname is in use, so it cannot be registered now.
    refused = call("POST", "/api/register", form_of("Arthur", 4), 400)
    assert set(refused["error"]["errors"]) == {"error", "username"}, refused
    mina = log_in("mina").connect()
    mina.send("arthur", "to a guest")
    guest.expect("-PM from @mina: to a guest")
    guest.send("/msg @mina to an account")
    mina.expect("arthur", "mina", "to an account")

    # Mina also uses telnet with her password; it is the same account.
    line = Telnet("mina")
    line.expect("password")
    line.send("correct horse")
    line.expect("Welcome")
    mina.send("mina", "on")
    mina.expect("mina", "mina", "on")
    line.expect("-PM from @mina: on")
    line.send("/msg @lucy from telnet")
    mina.expect("mina", "lucy", "from telnet")
    lucy = log_in("lucy")
    [newest, *_] = lucy.call("GET", "/api/thread/mina")["data"]
    assert newest["message"] == "from telnet", newest
    device = lucy.connect()
    device.send("mina", "from a program")
    mina.expect("lucy", "mina", "from a program")
    line.expect("-PM from @lucy: from a program")
    line.send("/msg @lucy and back")
    device.expect("mina", "lucy", "and back")

    # No other user gets the nickname.
    thief = Telnet("MINA")
    thief.expect("password")
    thief.send("wrong horse")
    thief.expect("Wrong username or password")
    for device in (mina, device):
        device.socket.close()


def main():
    for part in (
        registering_and_its_mistakes, tokens_and_their_mistakes,
        every_way_to_bring_a_token, messages, people_on_telnet,
    ):
        part()
        print(f"{part.__name__}: ok", flush=True)


if __name__ == "__main__":
    main()
