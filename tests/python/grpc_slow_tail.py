"""A reader of the live tail that stops reading. Arguments: the gRPC address,
the admin token, a telnet address, and `reads` or `stalls`.

Either it reads on before it is disconnected, and is told what it missed; or it
never does, and is disconnected.
"""

import socket
import sys

import grpc
from grpc_support import DEADLINE, Service, wait_until

address, token, telnet, mode = sys.argv[1:]
# A fixed window, which no estimate of bandwidth enlarges.
options = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65536)]
admin = Service(grpc.insecure_channel(address, options=options), "chat.admin.v1.Admin", token)
tail = admin.TailLog(kinds=["message"], timeout=600)
tail.initial_metadata()

host, port = telnet.rsplit(":", 1)
person = socket.create_connection((host, int(port)), timeout=DEADLINE)
words = person.makefile("rwb")
count = 20_000
line = b"x" * 200 + b"\r\n"
words.write(b"alice\r\n/join #dev\r\n")
words.flush()
for _ in range(count // 100):
    words.write(line * 100)
    words.flush()
    # A sender sees its own messages once they are committed.
    for _ in range(100):
        while b"x" * 200 not in words.readline():
            pass

others = Service(grpc.insecure_channel(address), "chat.admin.v1.Admin", token)
assert len(others.ListUsers().users) == 1, "no other client waits for the slow one"
if mode == "reads":
    seen = missed = 0
    for item in tail:
        if item.HasField("missed"):
            missed += item.missed
        else:
            seen += 1
        if seen + missed == count:
            break
    assert missed > 0 and seen > 4096, (seen, missed)
else:
    wait_until("it is cut off", lambda: tail.code() is not None or not tail.is_active())
    try:
        seen = sum(1 for _ in tail)
        sys.exit(f"the tail ended well after {seen} entries")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE, error
