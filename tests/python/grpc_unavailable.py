"""What a call that changes a channel is answered while the log or the database is away.

Arguments: the gRPC address, the admin token, and which: redis or postgres. The channel
#dev is there.
"""

import sys

import grpc
from grpc_support import Service, fails

address, token, away = sys.argv[1:]
channel = grpc.insecure_channel(address)
channels = Service(channel, "chat.admin.v1.Channels", token)

CALLS = {
    # An entry that is on its way to Redis may still arrive there.
    "redis": (("not_stored", "unanswered"), lambda: channels.UpdateChannel(channel="dev", topic="the plan")),
    "postgres": (("cannot_look_up",), lambda: channels.RegisterChannel(channel="dev", founder="mina")),
}

codes, call = CALLS[away]
error = fails(grpc.StatusCode.UNAVAILABLE, call, "try again")
assert dict(error.trailing_metadata())["code"] in codes, error.trailing_metadata()
# What is known is told all the same, and nothing has changed.
dev = channels.GetChannel(channel="dev")
assert not dev.HasField("topic") and not dev.registered, dev
