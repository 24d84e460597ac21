"""Every administrators' call over gRPC needs one scope. Arguments: the gRPC address, the admin token,
the REST address."""

import sys

import grpc
from grpc_support import Service, fails
from program_tokens import Tokens

address, admin, rest = sys.argv[1:]
tokens = Tokens(rest, admin)
channel = grpc.insecure_channel(address)
ADMIN, CHANNELS = "chat.admin.v1.Admin", "chat.admin.v1.Channels"
# What each call of the first service needs; those of the second are about a channel.
NEEDED = {
    "Announce": "announce",
    "SearchLog": "log",
    "TailLog": "log",
    "ListUsers": "users",
    "Kick": "users",
    "ListChannels": "users",
    "ListNodes": "users",
    "ListBans": "bans",
    "AddBan": "bans",
    "RemoveBan": "bans",
}
MODERATE = "moderate:#dev"
SCOPES = [
    "post:#dev", "read:#dev", "announce", "log", "private", "users", MODERATE, "bans", "metrics", "tokens",
]
DENIED = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)


def is_let_in(call, **fields):
    """The call may fail for any reason but that."""
    try:
        answer = call(**fields)
        if hasattr(answer, "cancel") and hasattr(answer, "initial_metadata"):
            # A stream that does not end by itself is let in once it has begun.
            answer.initial_metadata()
            answer.cancel()
    except grpc.RpcError as error:
        assert error.code() not in DENIED, f"{error.code()}: {error.details()}"


def as_program(service, scopes):
    return Service(channel, service, tokens.make(scopes)[1])


calls = {ADMIN: dict(NEEDED), CHANNELS: {}}
methods = Service(channel, CHANNELS, admin).methods
for method in methods:
    assert "channel" in methods[method].input_type.fields_by_name, method
    calls[CHANNELS][method] = "all" if method == "SetKeeping" else MODERATE
there = set(Service(channel, ADMIN, admin).methods)
assert there == set(NEEDED), f"a call is new, or gone: {there ^ set(NEEDED)}"
assert len(calls[CHANNELS]) >= 9, calls[CHANNELS]

everything = {service: as_program(service, ["all"]) for service in calls}
programs = {
    (service, scope): (as_program(service, [scope]), as_program(service, [it for it in SCOPES if it != scope]))
    for service, needed in calls.items()
    for scope in set(needed.values())
}
elsewhere = as_program(CHANNELS, ["moderate:#ops", *(it for it in SCOPES if it != MODERATE)])
for service, needed in calls.items():
    for method, scope in needed.items():
        fields = {"channel": "dev"} if service == CHANNELS else {}
        enough, lacking = programs[service, scope]
        for program in (enough, everything[service]):
            is_let_in(getattr(program, method), **fields)
        # Where the channel is not known yet, any channel would do.
        missing = f"lacks the scope {scope.split(':')[0]}"
        fails(DENIED[0], lambda: getattr(lacking, method)(**fields), missing)
        if service == CHANNELS:
            fails(DENIED[0], lambda: getattr(elsewhere, method)(**fields), f"lacks the scope {scope}")
