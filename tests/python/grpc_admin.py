"""An administrator's program over gRPC: every call, what is refused, and what
becomes of readers that are slow or go away.

Arguments: the gRPC address, the admin token, a telnet address.
"""

import sys
import threading

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_support import DEADLINE, Person, Service, fails, wait_until

address, token, telnet = sys.argv[1:]
channel = grpc.insecure_channel(address)
NAME = "chat.admin.v1.Admin"
admin = Service(channel, NAME, token)


def reflection():
    for service in (NAME, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"):
        assert service in admin.listed, admin.listed
    assert len(admin.methods) == 10, admin.methods


def health():
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", NAME):
        request = health_pb2.HealthCheckRequest(service=service)
        assert stub.Check(request, timeout=DEADLINE).status == 1
        watch = stub.Watch(request, timeout=DEADLINE)
        assert next(watch).status == 1
        watch.cancel()
    other = health_pb2.HealthCheckRequest(service="other")
    fails(grpc.StatusCode.NOT_FOUND, lambda: stub.Check(other, timeout=DEADLINE))
    unknown = stub.Watch(other, timeout=DEADLINE)
    assert next(unknown).status == 3
    unknown.cancel()


def people_and_log():
    tail = admin.TailLog(kinds=["message", "admin"])
    # The answer's metadata means that the tail has begun.
    tail.initial_metadata()
    alice = Person(telnet, "alice")
    alice.say("/join #dev")
    alice.hears("#dev")
    alice.say("hello over there")
    entry = next(tail).entry
    assert (entry.kind, entry.nick, entry.channel) == ("message", "alice", "dev"), entry
    assert entry.text == "hello over there" and entry.at_ms > 1_600_000_000_000, entry

    users = admin.ListUsers().users
    assert [(user.nickname, user.protocol) for user in users] == [("alice", "telnet")], users
    assert list(users[0].channels) == ["dev"] and users[0].since_ms > 0
    channels = {channel.name: list(channel.members) for channel in admin.ListChannels().channels}
    assert channels["dev"] == ["alice"], channels

    assert admin.Announce(message="back at noon").delivered_to == 1
    alice.hears("Public Server Announcement: back at noon")
    assert "announced to 1 connections: back at noon" in next(tail).entry.text

    def found(**query):
        items = list(admin.SearchLog(**query))
        assert items[-1].HasField("end")
        return [item.entry for item in items[:-1]], items[-1].end

    entries = wait_until("it is in the log", lambda: found(pattern="over there$")[0])
    assert [entry.nick for entry in entries] == ["alice"]
    assert entries[0].id and entries[0].at_ms == entry.at_ms
    first, end = found(limit=1)
    second, _ = found(limit=1, cursor=end.next_cursor)
    assert first != second and len(first) == len(second) == 1

    assert admin.Kick(nickname="ALICE", reason="lunch").disconnected == 1
    assert "disconnected ALICE" in next(tail).entry.text
    alice.hears("lunch")
    tail.cancel()

    nodes = admin.ListNodes().nodes
    assert len(nodes) == 1 and nodes[0].capacity > 0, nodes


def bans():
    made = admin.AddBan(nickname="mallory", reason="noise", expires_in_seconds=3600)
    net = admin.AddBan(address="192.0.2.0/24")
    assert made.expires_ms > made.created_ms and not net.HasField("expires_ms")
    listed = [ban.id for ban in admin.ListBans().bans]
    assert listed == [made.id, net.id], listed
    assert net.address == "192.0.2.0/24" and made.reason == "noise"
    admin.RemoveBan(id=made.id)
    fails(grpc.StatusCode.NOT_FOUND, lambda: admin.RemoveBan(id=made.id))
    admin.RemoveBan(id=net.id)
    assert not admin.ListBans().bans


def refusals():
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    fails(invalid, lambda: admin.Announce(message=" "), "message")
    fails(invalid, lambda: admin.Announce(message="x" * 5000), "4096")
    fails(invalid, lambda: admin.Kick(nickname="a b"), "nickname")
    fails(grpc.StatusCode.NOT_FOUND, lambda: admin.Kick(nickname="nobody"), "nobody")
    fails(invalid, lambda: admin.AddBan(), "target")
    fails(invalid, lambda: admin.AddBan(address="x"), "address")
    fails(invalid, lambda: admin.AddBan(nickname="x", expires_in_seconds=0), "future")
    fails(invalid, lambda: admin.SearchLog(pattern="("), "pattern")
    fails(invalid, lambda: admin.SearchLog(kind="x"), "announcement")
    fails(invalid, lambda: admin.SearchLog(limit=1001), "1000")
    fails(invalid, lambda: admin.SearchLog(cursor="x"), "cursor")
    fails(invalid, lambda: admin.TailLog(kinds=["x"]), "announcement")
    # Longer than limits.http_body_bytes: refused unread.
    fails(grpc.StatusCode.OUT_OF_RANGE, lambda: admin.Announce(message="x" * 100_000))
    other = channel.unary_unary(f"/{NAME}/Nothing")
    metadata = admin.metadata
    fails(
        grpc.StatusCode.UNIMPLEMENTED,
        lambda: other(b"", timeout=DEADLINE, metadata=metadata),
    )
    fails(
        grpc.StatusCode.UNIMPLEMENTED,
        lambda: channel.unary_unary("/no.Service/At")(b"", timeout=DEADLINE),
    )


def cancelled():
    """A reader that disconnects holds up no other client, and neither do its
    calls."""
    for _ in range(50):
        tail = admin.TailLog()
        tail.initial_metadata()
        tail.cancel()
    assert not admin.ListUsers().users


def many_at_once():
    results = []

    def client():
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(address, options=options) as own:
            service = Service(own, NAME, token)
            for _ in range(5):
                service.ListChannels()
            results.append(True)

    threads = [threading.Thread(target=client) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 50, f"only {len(results)} of 50 got through"


reflection()
health()
people_and_log()
bans()
refusals()
cancelled()
many_at_once()
