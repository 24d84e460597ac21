"""A server that registers with a name server over gRPC, and a client that asks
it over HTTP. Arguments: the name server's address and its secret.

The name server removes a server that is silent for five seconds.
"""

import json
import queue
import sys
import threading
import urllib.error
import urllib.request

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_support import DEADLINE, Service, fails, wait_until

address, SECRET = sys.argv[1:3]
channel = grpc.insecure_channel(address)
names = Service(channel, "proto.NameService")
# Shorter than the silence that counts as gone, even on a slow machine.
BEAT = 0.5


def get(path):
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=DEADLINE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def listed():
    status, answer = get("/api/nodes")
    assert status == 200
    return {node["id"]: node for node in answer["nodes"]}


class Node:
    """A chat server as a name server sees it."""

    def __init__(self, id=None, secret=None, **report):
        self.report = report
        self.header = {"message_server_id": id} if id else {}
        self.silent = threading.Event()
        self.now = queue.Queue()
        self.beat(**report)
        metadata = [("authorization", f"Bearer {secret}")] if secret else None
        self.answers = names.ConnectMessageServer(requests=self.beats(), timeout=600, metadata=metadata)
        self.id = next(self.answers).header.message_server_id

    def beat(self, **report):
        header = self.header
        self.now.put(names.message("ConnectMessageServer", header=header, **report))

    def beats(self):
        while True:
            try:
                beat = self.now.get(timeout=BEAT)
            except queue.Empty:
                if self.silent.is_set():
                    continue
                beat = names.message("ConnectMessageServer", header=self.header)
            if beat is None:
                return
            yield beat

    def answer(self):
        return next(self.answers).header.message_server_id

    def leave(self):
        self.now.put(None)
        for _ in self.answers:
            pass


def no_server():
    assert listed() == {}
    status, answer = get("/api/nodes/best")
    assert status == 503 and answer["error"]["code"] == "no_node", answer
    assert "name_server.url" in answer["error"]["message"]
    assert get("/api/nothing")[0] == 404
    fails(grpc.StatusCode.UNAVAILABLE, lambda: names.CreateRoom(id="dev"))
    fails(grpc.StatusCode.INVALID_ARGUMENT, lambda: names.CreateRoom())


def ids():
    first = Node(address="chat1:4004", connections=3, capacity=100)
    assert len(first.id) >= 16, "a server without an id gets one"
    kept = Node(id="my-own", address="chat2:4004", connections=1, capacity=100)
    assert kept.id == "my-own", "a server with an id keeps it"
    # Beats keep it alive for longer than the silence that ends it, and each is
    # answered.
    for _ in range(14):
        assert kept.answer() == "my-own" and first.answer() == first.id
    nodes = listed()
    assert set(nodes) == {first.id, "my-own"}, nodes
    node = nodes[first.id]
    assert (node["address"], node["connections"], node["capacity"]) == ("chat1:4004", 3, 100)
    assert node["load"] == 0.03 and node["last_heartbeat"].endswith("Z"), node
    return first, kept


def best(first, kept):
    assert get("/api/nodes/best")[1]["id"] == "my-own"
    room = names.CreateRoom(id="dev")
    assert (room.id, room.message_server_id, room.address) == ("dev", "my-own", "chat2:4004")
    kept.beat(connections=99)
    wait_until("the other is less busy", lambda: get("/api/nodes/best")[1]["id"] == first.id)
    assert names.CreateRoom(id="dev").message_server_id == "my-own", "a room stays"
    assert names.CreateRoom(id="ops").message_server_id == first.id


def gone(first, kept):
    # It deregisters.
    kept.leave()
    wait_until("it is gone", lambda: "my-own" not in listed())
    assert names.CreateRoom(id="dev").message_server_id == first.id
    # Its connection is lost.
    cut = Node(id="cut", address="chat3:4004")
    cut.answers.cancel()
    wait_until("it is gone", lambda: "cut" not in listed())
    # It falls silent, although its connection is still open.
    first.silent.set()
    wait_until("it is gone", lambda: first.id not in listed())
    fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: list(first.answers), "heartbeat")
    assert get("/api/nodes/best")[0] == 503


def twice():
    """Two servers that start with the same made-up id are two servers."""
    first = Node(id="unamed", address="chat4:4004")
    other = Node(id="unamed", address="chat5:4004")
    assert first.id == "unamed" and len(other.id) >= 16, other.id
    third = Node(id="unamed", address="chat6:4004")
    assert third.id not in (first.id, other.id)
    # None of them is removed, although they keep sending that id.
    for node in (first, other, third) * 3:
        assert node.answer() == node.id
    addresses = {id: node["address"] for id, node in listed().items()}
    assert addresses == {"unamed": "chat4:4004", other.id: "chat5:4004", third.id: "chat6:4004"}
    for node in (first, other, third):
        node.leave()
    wait_until("all are gone", lambda: not listed())


def in_its_place():
    """A server that knows the secret replaces its earlier connection."""
    old = Node(id="twice", address="chat4:4004", secret=SECRET)
    new = Node(id="twice", address="chat5:4004", secret=SECRET)
    assert new.id == "twice"
    fails(grpc.StatusCode.ABORTED, lambda: list(old.answers))
    assert listed()["twice"]["address"] == "chat5:4004"
    # A server without the secret gets an id of its own; with a wrong secret it
    # is refused.
    stranger = Node(id="twice", address="evil:4004")
    assert stranger.id != "twice"
    assert listed()["twice"]["address"] == "chat5:4004"
    denied = grpc.StatusCode.UNAUTHENTICATED
    fails(denied, lambda: Node(id="twice", address="evil:4004", secret="not-the-secret"), "name_server.secret")
    fails(denied, lambda: Node(address="evil:4004", secret="not-the-secret"))
    new.leave()
    stranger.leave()
    wait_until("both are gone", lambda: not listed())


def bad():
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    for fields in ({"id": "x" * 300}, {"id": "a\nb"}, {"address": ""}):
        fails(invalid, lambda: Node(**fields))


def many():
    nodes = []

    def come(number):
        nodes.append(Node(id=f"node-{number}", address="chat:1"))

    threads = [threading.Thread(target=come, args=[number]) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(listed()) == 50
    for node in nodes:
        node.leave()
    wait_until("all are gone", lambda: not listed())


stub = health_pb2_grpc.HealthStub(channel)
request = health_pb2.HealthCheckRequest(service="proto.NameService")
assert stub.Check(request, timeout=DEADLINE).status == 1
no_server()
nodes = ids()
best(*nodes)
gone(*nodes)
twice()
in_its_place()
bad()
many()
