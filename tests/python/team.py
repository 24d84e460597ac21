"""A server with a plausible team on it, for screenshots. Some messages date
from yesterday: between two runs of the server, their times in the store are
moved back."""

import json
import sqlite3
import subprocess
import tempfile
import urllib.parse
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path

from websockets.sync.client import connect

ROOT = Path(__file__).parents[2]
PASSWORD = "whitby 1897"
ACCOUNTS = ["mina", "jonathan", "lucy"]

CODE = """The parser gave up on heads that are split across reads. This is all it needed:
```rust
fn take_line(buffer: &mut Vec<u8>) -> Option<String> {
    let end = buffer.iter().position(|&byte| byte == b'\\n')?;
    let line: Vec<u8> = buffer.drain(..=end).collect();
    Some(String::from_utf8_lossy(&line).into_owned())
}
```
Tests are green, `make test` takes 40 s on my laptop."""

LONG = (
    "I have gone through all the answers to the survey. Three things keep coming back: people want to find "
    "what was decided without reading everything, they want to know whether somebody has seen their question, and "
    "they do not want another tool for it. Most of them are on the train or on a ship when they read it, so whatever "
    "we do has to survive a connection that comes and goes every few minutes."
)

# Hours before now; then the messages: author, place, text. What becomes of messages is in the last act: the ids of
# those that are moved back change.
ACTS = [
    (27.0, [
        ("lucy", "design", "Good afternoon! The new tide tables are in the shared folder: https://tides.example.org/tables/2026?port=whitby"),
        ("arthur", "design", "Lovely. The contrast of the low-water line is much better now."),
        ("lucy", "design", LONG),
        ("quincey", "design", "That matches what I heard at the harbour. Shall we put it on the wall?"),
        ("jonathan", "dev", "Release branch is cut. Only fixes from here on, please."),
        ("seward", "incidents", "Pilot station reports slow updates since 14:10."),
        ("jonathan", "incidents", "Found it: a full disk on the second node. Cleaned up, watching."),
    ]),
    (25.5, [
        ("mina", "design", "Yes please. I can do the wall tomorrow morning."),
        ("arthur", "design", "🎉"),
        ("direct", "lucy", "mina", "Do you have the sketches of the arrivals board?"),
        ("direct", "mina", "lucy", "On my desk, blue folder. Take whatever you need."),
    ]),
    (3.2, [
        ("quincey", "design", "Morning all. The wall looks great, thank you @mina"),
        ("arthur", "design", "Two questions came up when I showed it to the pilots:"),
        ("arthur", "design", "1. what does the dashed line mean?\n2. can the night colours be a little warmer?"),
        ("lucy", "design", "> can the night colours be a little warmer?\nThey can. I have tried three: see #palette, the second one is my favourite."),
        ("seward", "lunch", "Soup or sandwiches?"),
        ("quincey", "lunch", "Soup. It is November."),
        ("direct", "jonathan", "mina", "Can you have a look at the release notes before noon?"),
        ("direct", "mina", "jonathan", "Will do, after the stand-up."),
    ]),
    (0.6, [
        ("jonathan", "design", CODE),
        ("lucy", "design", "Nice and short. Does it also cope with `\\r\\n`?"),
        ("jonathan", "design", "It does, the caller trims. I have added a test for it anyway 🙂"),
        ("jonathan", "dev", "2.4.0 is out. Notes: https://releases.example.org/2.4.0 Thanks everybody!"),
        ("quincey", "dev", "Congratulations! 🎉"),
    ]),
    (0.06, [
        ("arthur", "design", "Then only the legend is missing. @mina, do you want the dashed line explained there or in the margin?"),
        ("answer", "quincey", "design", "The parser gave up", "That was quick! Off to the pilots with it?"),
        ("answer", "mina", "design", "Then only the legend", "In the legend. The margin is full enough as it is."),
        ("lucy", "design", "Agreed. I will have a version for everybody to look at by two."),
        ("edit", "lucy", "design", "Agreed.", "Agreed. I will have a version for everybody to look at by three."),
        ("react", "lucy", "design", "It does, the caller", "👍"),
        ("react", "quincey", "design", "It does, the caller", "👍"),
        ("react", "mina", "design", "It does, the caller", "👍"),
        ("react", "arthur", "design", "It does, the caller", "🎉"),
        ("react", "arthur", "design", "In the legend.", "❤️"),
        ("react", "lucy", "design", "In the legend.", "❤️"),
        ("seward", "lunch", "@mina there is soup left for you"),
        ("direct", "lucy", "mina", "Found the folder, thanks!"),
        ("direct", "lucy", "mina", "Also: tea at four?"),
    ]),
]
GUESTS = ["arthur", "quincey", "seward"]
ROOMS = ["design", "dev", "incidents", "lunch", "palette"]


class Person:
    """A connection of a team member."""

    def __init__(self, web, name):
        form = {"nickname": name}
        if name in ACCOUNTS:
            form["password"] = PASSWORD
        token = post(web, "/auth", form)["token"]
        self.name = name
        self.tag = 0
        self.socket = connect(
            f"ws://{web}/ws", subprotocols=[token], ping_interval=None, close_timeout=0.1, max_queue=None)
        for room in ROOMS:
            if not (room == "palette" and name == "seward"):
                self.send("join", room=room)

    def send(self, type, **args):
        self.socket.send(json.dumps({"type": type, "args": args}))

    def say(self, where, text, **more):
        self.tag += 1
        tag = f"{self.name}-{self.tag}"
        self.send("message", room=where, body=text, tag=tag, **more)
        self.stored(tag)

    def write(self, to, text):
        self.tag += 1
        tag = f"{self.name}-{self.tag}"
        self.send("private", to=to, body=text, tag=tag)
        self.stored(tag)

    def find(self, room, beginning):
        """The id of a message in a room."""
        self.send("history", room=room, limit=100)
        for frame in self.socket:
            frame = json.loads(frame)
            # What came when the room was joined may be older.
            for one in frame["messages"] if frame["type"] == "history" and frame["room"] == room else ():
                if one.get("body", "").startswith(beginning):
                    return one["id"]

    def mend(self, type, **args):
        """Edits a message, or reacts to it."""
        self.send(type, **args)
        told = {"edit": "edited", "react": "reacted"}[type]
        for frame in self.socket:
            frame = json.loads(frame)
            assert frame["type"] != "error", frame
            if frame["type"] == told and frame["id"] == args["id"]:
                return

    def stored(self, tag):
        for frame in self.socket:
            frame = json.loads(frame)
            assert frame["type"] != "error" or frame.get("tag") != tag, frame
            if frame["type"] == "stored" and frame["tag"] == tag:
                return


def post(web, path, form, **headers):
    data = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(f"http://{web}{path}", data, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


class Site:
    """A server as a child process."""

    def __init__(self, folder, program=ROOT / "target/debug/chat-server", limits={}):
        self.folder = Path(folder)
        self.program = program
        config = {
            "listen": {name: "127.0.0.1:0" for name in ("telnet", "rest", "web")} | {"tcp": "off", "ws": "off", "irc": "off"},
            "data_dir": str(self.folder / "data"),
            "limits": {"auth_attempts": 0, **limits},
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        self.moved_to = 0

    def start(self):
        command = [str(self.program), "-c", str(self.folder / "config.json")]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addresses = {}
        for line in self.child.stdout:
            words = line.split()
            if words[:1] == ["listening:"]:
                self.addresses[words[1]] = words[2].split("://")[-1].split("/")[0]
            if words[:2] == ["admin", "token:"]:
                self.token_file = self.folder / words[2]
            if line.strip() == "ready":
                return self
        raise SystemExit("the server did not start")

    @property
    def web(self):
        return self.addresses["web"]

    def announce(self, words):
        body = json.dumps({"message": words}).encode()
        headers = {"Authorization": f"Bearer {self.token_file.read_text().strip()}", "Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"http://{self.addresses['rest']}/admin/announce", body, headers))

    def stop(self):
        self.child.terminate()
        self.child.wait()

    def move_back(self, hours):
        """Moves all messages since the last call back in time. The server must
        not be running."""
        ms = int(hours * 3600_000)
        with sqlite3.connect(self.folder / "data/chat.db") as store:
            # Ids are milliseconds * 2^20 + a sequence.
            since, step = self.moved_to << 20, ms << 20
            store.execute("UPDATE message SET id = id - ?, at_ms = at_ms - ? WHERE id > ?", (step, ms, since))
            store.execute("UPDATE participant SET last_message_id = last_message_id - ? WHERE last_message_id > ?", (step, since))
            store.execute("UPDATE search_state SET indexed_to = 0")
            [(last,)] = store.execute("SELECT max(id) FROM message")
        self.moved_to = (last >> 20) + 1


@contextmanager
def team():
    """A running server with the team on it; yields it and its members."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(folder)
        for number, (hours_ago, acts) in enumerate(ACTS):
            is_last = number == len(ACTS) - 1
            site.start()
            if number == 0:
                for name in ACCOUNTS:
                    register(site.web, name)
            people = {name: Person(site.web, name) for name in ACCOUNTS + GUESTS}
            for who, *what in acts:
                if who == "direct":
                    people[what[0]].write(*what[1:])
                elif who in ("answer", "edit", "react"):
                    name, room, beginning, text = what
                    person = people[name]
                    id = person.find(room, beginning)
                    if who == "answer":
                        person.say(room, text, reply_to=id)
                    elif who == "edit":
                        person.mend("edit", id=id, body=text)
                    else:
                        person.mend("react", id=id, sign=text)
                else:
                    people[who].say(*what)
            with ExitStack() as stack:
                stack.callback(site.stop)
                if is_last:
                    people.pop("mina").socket.close()
                    yield site, people
                for person in people.values():
                    person.socket.close()
            if not is_last:
                site.move_back(hours_ago)


def register(web, name):
    post(web, "/api/register", {
        "username": name, "password": PASSWORD, "first_name": name.title(), "last_name": "Harker",
        "email": f"{name}@example.org", "phone": "+44 1947 60000" + str(ACCOUNTS.index(name)),
    })
