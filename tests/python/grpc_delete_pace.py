"""Programs that delete messages over gRPC write no more than the allowance of their address. Arguments: the
gRPC address, the admin token, the REST address.

The server allows 65,536 bytes a minute, which are 256 deletions.
"""

import sys

import grpc
from grpc_support import Service, fails
from program_tokens import Tokens

address, admin, rest = sys.argv[1:]
token = Tokens(rest, admin).make(["moderate:#dev"])[1]
channel = grpc.insecure_channel(address)
programs, administrators = (Service(channel, "chat.admin.v1.Channels", it) for it in (token, admin))


def delete(service):
    return lambda: service.DeleteMessage(channel="dev", id="1-1")


def is_let_in():
    try:
        delete(programs)()
    except grpc.RpcError as error:
        return error.code() == grpc.StatusCode.NOT_FOUND


deleted = 0
while is_let_in():
    deleted += 1
    assert deleted < 500, "without end"
assert deleted >= 256, deleted
error = fails(grpc.StatusCode.RESOURCE_EXHAUSTED, delete(programs))
metadata = dict(error.trailing_metadata())
assert metadata["code"] == "allowance_spent" and int(metadata["retry-after"]) > 0, metadata
# Administrators themselves may clear up.
fails(grpc.StatusCode.NOT_FOUND, delete(administrators))
