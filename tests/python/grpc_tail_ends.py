"""A tail ends when its token is removed or expires, and no other does. Arguments: the gRPC address, the
admin token, the REST address."""

import datetime
import sys

import grpc
from grpc_support import Service, fails, wait_until
from program_tokens import Tokens

address, admin, rest = sys.argv[1:]
tokens = Tokens(rest, admin)
NAME = "chat.admin.v1.Admin"
OVER = grpc.StatusCode.UNAUTHENTICATED


def tail(token):
    channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
    opened = Service(channel, NAME, token).TailLog(timeout=600)
    opened.initial_metadata()
    return opened


def next_text(opened, text):
    for answer in opened:
        if text in answer.entry.text:
            return


def ends(opened):
    fails(OVER, lambda: list(opened), "the token is no longer valid")


removed_id, removed = tokens.make(["log"])
_, other = tokens.make(["log"])
going, staying, administrators = [tail(removed), tail(removed)], tail(other), tail(admin)
announce = Service(grpc.insecure_channel(address), NAME, admin)
announce.Announce(message="before")
for opened in (*going, staying, administrators):
    next_text(opened, "before")
tokens.remove(removed_id)
for opened in going:
    ends(opened)
fails(OVER, lambda: list(Service(grpc.insecure_channel(address), NAME, removed).TailLog()), "not the admin token")
announce.Announce(message="afterwards")
for opened in (staying, administrators):
    next_text(opened, "afterwards")


def opened_in_time():
    """A slow machine may need longer than the token is valid."""
    for seconds in (5, 20, 80):
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
        _, short = tokens.make(["log"], expires_at=end.isoformat())
        opened = tail(short)
        if opened.is_active():
            return opened, end
    return None, None


opened, end = opened_in_time()
assert opened, "no tail could be opened within a minute"
ends(opened)
assert datetime.datetime.now(datetime.timezone.utc) >= end, "it has ended too early"
# The places of those that have ended are free.
announce.Announce(message="at the end")
for still in (staying, administrators):
    next_text(still, "at the end")
