"""Channels as an administrator's program sees and changes them over gRPC: every
call, and what is refused.

Arguments: the gRPC address, the admin token, a telnet address. There is an
account mina.
"""

import sys

import grpc
from grpc_support import Person, Service, fails, wait_until

address, token, telnet = sys.argv[1:]
channel = grpc.insecure_channel(address)
admin = Service(channel, "chat.admin.v1.Admin", token)
channels = Service(channel, "chat.admin.v1.Channels", token)

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
CONFLICT = grpc.StatusCode.FAILED_PRECONDITION


def refused(status, code, call, *words):
    error = fails(status, call, *words)
    assert dict(error.trailing_metadata())["code"] == code, error.trailing_metadata()


def dev():
    return channels.GetChannel(channel="dev")


def registration():
    refused(CONFLICT, "not_registered_channel", lambda: channels.DropRegistration(channel="dev"))
    registered = channels.RegisterChannel(channel="DEV", founder="MINA")
    assert (registered.name, registered.founder) == ("dev", "mina"), registered
    assert registered.registered and registered.details.registered_ms > 1_600_000_000_000
    assert [(it.name, it.role) for it in registered.details.accounts] == [("mina", "founder")]
    refused(NOT_FOUND, "no_such_account", lambda: channels.RegisterChannel(channel="dev", founder="nobody"))
    refused(INVALID, "bad_field", lambda: channels.RegisterChannel(channel="dev"), "founder:")
    refused(CONFLICT, "channel_is_global", lambda: channels.RegisterChannel(channel="global", founder="mina"))


def rules():
    given = {"moderated": True, "key": "s3cret", "limit": 50, "history": "since", "slow_seconds": 10}
    changed = channels.UpdateChannel(channel="dev", topic="the plan", rules=given)
    alice.hears("An administrator set the topic: the plan")
    assert (changed.topic.text, changed.topic.by) == ("the plan", "administrator"), changed
    for rule, value in given.items():
        assert getattr(changed.rules, rule) == value, changed
    assert changed.rules.members_only and not changed.rules.secret
    # What is absent stays; the empty topic and key, and the limit 0, are none.
    changed = channels.UpdateChannel(channel="dev", topic="", rules={"key": "", "limit": 0, "moderated": False})
    assert not changed.HasField("topic") and not changed.rules.moderated, changed
    assert not changed.rules.HasField("key") and not changed.rules.HasField("limit"), changed
    assert changed.rules.history == "since" and changed.rules.slow_seconds == 10, changed
    channels.UpdateChannel(channel="dev", topic="nothing secret", rules={"slow_seconds": 0})
    assert channels.UpdateChannel(channel="DEV") == dev()
    for wrong in ({"key": "a key"}, {"limit": 2_000_000}, {"slow_seconds": 1_000_000}, {"history": "some"}):
        (field,) = wrong
        # The topic is not set either.
        refused(INVALID, "bad_field", lambda: channels.UpdateChannel(channel="dev", topic="x", rules=wrong), f"{field}:")
    refused(INVALID, "bad_field", lambda: channels.UpdateChannel(channel="dev", topic="x" * 2000), "topic:")
    refused(INVALID, "bad_field", lambda: channels.UpdateChannel(channel="no name"), "channel:")
    refused(NOT_FOUND, "no_such_channel", lambda: channels.UpdateChannel(channel="nowhere", topic="x"))
    refused(NOT_FOUND, "no_such_channel", lambda: channels.GetChannel(channel="nowhere"))
    secret = {"secret": True}
    refused(CONFLICT, "channel_is_global", lambda: channels.UpdateChannel(channel="global", rules=secret))
    assert dev().topic.text == "nothing secret"


def listed():
    all_of_them = admin.ListChannels()
    assert not all_of_them.more
    of = {it.name: it for it in all_of_them.channels}
    assert (of["dev"].founder, of["dev"].topic.text) == ("mina", "nothing secret"), of
    assert of["dev"].rules.history == "since" and not of["dev"].HasField("details")
    assert list(of["dev"].members) == ["alice", "bob"] and not of["global"].registered
    first = admin.ListChannels(limit=1)
    assert [it.name for it in first.channels] == ["dev"] and first.more
    rest = admin.ListChannels(after="dev")
    assert [it.name for it in rest.channels] == ["global"] and not rest.more
    fails(INVALID, lambda: admin.ListChannels(limit=100_001), "limit:")
    fails(INVALID, lambda: admin.ListChannels(after="no name"), "after:")


def people():
    channels.SetChannelRole(channel="dev", user="Bob", role="operator")
    alice.hears("made @bob an operator")
    assert dev().details.roles["bob"] == "operator"
    channels.SetChannelRole(channel="dev", user="bob", role="member")
    alice.hears("made @bob an ordinary member")
    assert "bob" not in dev().details.roles

    def role(**fields):
        return lambda: channels.SetChannelRole(channel="dev", **fields)

    refused(NOT_FOUND, "not_on_channel", role(user="eve", role="voice"))
    refused(INVALID, "bad_field", role(user="bob"), "role:")
    refused(INVALID, "bad_field", role(user="bob", role="founder"), "role:")
    refused(INVALID, "bad_field", role(user="bob", role="voice", keep=True), "keep:")
    refused(INVALID, "bad_field", role(role="voice"), "user:")

    channels.RemoveChannelMember(channel="dev", user="bob", reason="be kind")
    bob.hears("be kind")
    assert list(dev().members) == ["alice"]
    gone = lambda: channels.RemoveChannelMember(channel="dev", user="bob")
    refused(NOT_FOUND, "not_on_channel", gone)
    everybody = lambda: channels.RemoveChannelMember(channel="global", user="bob")
    refused(CONFLICT, "channel_is_global", everybody)


def lists():
    channels.AddChannelEntry(channel="dev", mask="b?b", minutes=60, reason="spam")
    bob.say("/join #dev")
    bob.hears("You are banned from #dev")
    for word in ("mute", "except", "invite"):
        channels.AddChannelEntry(channel="dev", user="bob", list=word)
    shown = channels.ListChannelEntries(channel="dev")
    assert shown == dev().details.lists
    assert [len(it) for it in (shown.ban, shown.mute, shown.invite)] == [1, 1, 1], shown
    assert len(getattr(shown, "except")) == 1, shown
    ban = shown.ban[0]
    assert (ban.mask, ban.by, ban.reason) == ("b?b", "administrator", "spam"), ban
    assert ban.expires_ms == ban.at_ms + 60 * 60_000 and not shown.mute[0].HasField("expires_ms")
    only = channels.ListChannelEntries(channel="dev", list="mute")
    assert len(only.mute) == 1 and not only.ban, only
    for word in ("mute", "except", "invite"):
        channels.RemoveChannelEntry(channel="dev", user="bob", list=word)
    channels.RemoveChannelEntry(channel="dev", mask="B?B")
    assert not any(field for _, field in channels.ListChannelEntries(channel="dev").ListFields())

    def add(**fields):
        return lambda: channels.AddChannelEntry(channel="dev", **fields)

    def remove(**fields):
        return lambda: channels.RemoveChannelEntry(channel="dev", **fields)

    refused(INVALID, "bad_field", add(), "whom:")
    refused(INVALID, "bad_field", add(user="bob", list="black"), "list:")
    refused(INVALID, "bad_field", add(user="bob", minutes=0), "minutes:")
    refused(INVALID, "bad_field", add(mask="a b"), "mask:")
    refused(NOT_FOUND, "no_such_account", add(mask="account:nobody"))
    refused(INVALID, "bad_field", remove(), "whom:")
    refused(INVALID, "bad_field", remove(mask="never"), "mask:")
    refused(INVALID, "bad_field", lambda: channels.ListChannelEntries(channel="dev", list="x"), "list:")
    refused(CONFLICT, "channel_is_global", lambda: channels.AddChannelEntry(channel="global", user="bob"))


def invitations():
    made = channels.CreateInvitation(channel="dev", uses=3, minutes=60)
    path, secret = made.link.rsplit("/", 1)
    assert (path, len(secret), made.uses) == ("/join/dev", 32, 3), made
    assert made.expires_ms > 1_600_000_000_000
    other = channels.CreateInvitation(channel="dev")
    assert not other.HasField("uses") and not other.HasField("expires_ms"), other
    shown = dev().details
    assert [link.id for link in shown.links] == [made.id, other.id] and secret not in str(shown)
    channels.WithdrawInvitations(channel="dev", id=made.id)
    assert [link.id for link in dev().details.links] == [other.id]
    again = lambda: channels.WithdrawInvitations(channel="dev", id=made.id)
    refused(INVALID, "bad_field", again, "id:")
    channels.WithdrawInvitations(channel="dev")
    assert not dev().details.links
    refused(INVALID, "bad_field", lambda: channels.CreateInvitation(channel="dev", uses=0), "uses:")
    refused(CONFLICT, "channel_is_global", lambda: channels.CreateInvitation(channel="global"))


def keeping():
    usual = channels.GetKeeping(channel="dev")
    assert (usual.channel, usual.days, usual.messages, usual.hold) == ("dev", 0, 0, False), usual
    channels.SetKeeping(channel="dev", days=7, hold=True)
    laid_down = channels.SetKeeping(channel="dev", messages=100)
    assert (laid_down.days, laid_down.messages, laid_down.hold) == (7, 100, True), laid_down
    assert channels.GetKeeping(channel="dev") == laid_down
    for wrong in ({"days": 36_501}, {"messages": 19}):
        (field,) = wrong
        refused(INVALID, "bad_field", lambda: channels.SetKeeping(channel="dev", **wrong), f"{field}:")
    refused(INVALID, "bad_field", lambda: channels.SetKeeping(channel="no name"), "channel:")
    assert channels.GetKeeping(channel="dev") == laid_down
    for words in ("one", "two"):
        alice.say(words)
    held = wait_until("the log has what alice said", lambda: len(ids()) == 2 and ids())[0]
    refused(CONFLICT, "on_hold", lambda: channels.DeleteMessage(channel="dev", id=held))
    channels.SetKeeping(channel="dev", days=0, messages=0, hold=False)
    assert channels.GetKeeping(channel="dev") == usual


def messages():
    gone, stays = ids()[:2]
    channels.DeleteMessage(channel="DEV", id=gone, reason="an insult")
    alice.hears("* an administrator removed a message: an insult")
    refused(NOT_FOUND, "no_such_message", lambda: channels.DeleteMessage(channel="dev", id=gone))
    # One that is in another channel is not there.
    refused(NOT_FOUND, "no_such_message", lambda: channels.DeleteMessage(channel="global", id=stays))
    refused(NOT_FOUND, "no_such_message", lambda: channels.DeleteMessage(channel="dev", id="1-1"))
    refused(INVALID, "bad_field", lambda: channels.DeleteMessage(channel="dev", id="x"), "id:")
    refused(INVALID, "bad_field", lambda: channels.DeleteMessage(channel="no name", id=stays), "channel:")


def ids():
    """What alice has said, newest first: the log has the ids."""
    found = admin.SearchLog(channel="dev", kind="message")
    return [it.entry.id for it in found if it.HasField("entry")]


def only_with_the_token():
    stranger = Service(channel, "chat.admin.v1.Channels", "wrong")
    denied = grpc.StatusCode.UNAUTHENTICATED
    fails(denied, lambda: stranger.GetChannel(channel="dev"), "not the admin token")
    fails(denied, lambda: stranger.UpdateChannel(channel="dev", topic="mine"), "not the admin token")


assert "chat.admin.v1.Channels" in channels.listed, channels.listed
assert len(channels.methods) == 14, channels.methods
alice, bob = (Person(telnet, name, "/join #dev") for name in ("alice", "bob"))
for person in (alice, bob):
    person.hears("#dev")
registration()
rules()
listed()
people()
lists()
invitations()
keeping()
messages()
only_with_the_token()
channels.DropRegistration(channel="dev")
assert not dev().registered and not dev().HasField("founder")
