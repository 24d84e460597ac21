"""Guessing the admin token over gRPC. Arguments: the address, the token.

The server allows three failures a minute.
"""

import sys

import grpc
from grpc_support import Service, fails

address, token = sys.argv[1:]
channel = grpc.insecure_channel(address)
name = "chat.admin.v1.Admin"
code = grpc.StatusCode.UNAUTHENTICATED
fails(code, Service(channel, name).ListUsers, "authorization: Bearer")
right, wrong = Service(channel, name, token), Service(channel, name, "not-" + token)
right.ListUsers()
for _ in range(3):
    fails(code, wrong.ListUsers, "not the admin token")
# Even the right token is refused for a while, as with REST.
fails(grpc.StatusCode.RESOURCE_EXHAUSTED, right.ListUsers, "try again in")
