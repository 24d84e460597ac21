"""Opens several tails, each on its own connection, reports that, and waits to
be killed. Arguments: the gRPC address, the admin token, the number."""

import sys
import time

import grpc
from grpc_support import Service

address, token, count = sys.argv[1:]
tails = []
for number in range(int(count)):
    channel = grpc.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
    admin = Service(channel, "chat.admin.v1.Admin", token)
    tail = admin.TailLog(timeout=600)
    tail.initial_metadata()
    tails.append((channel, tail))
print("open", flush=True)
time.sleep(600)
