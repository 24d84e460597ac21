"""The same calls over TLS. Arguments: the port, the admin token, the
certificate's file."""

import sys

import grpc
from grpc_support import Service, wait_until

port, token, certificate = sys.argv[1:]
with open(certificate, "rb") as file:
    credentials = grpc.ssl_channel_credentials(root_certificates=file.read())
channel = grpc.secure_channel(f"localhost:{port}", credentials)
admin = Service(channel, "chat.admin.v1.Admin", token)
assert not admin.ListUsers().users
# More than fits into one record, in both directions.
for _ in range(20):
    admin.Announce(message="x" * 4000)
wait_until(
    "all is in the log",
    lambda: len(list(admin.SearchLog(kind="announcement"))) == 21,
)
entries = [item.entry for item in admin.SearchLog(kind="announcement")]
assert [entry.text for entry in entries[:-1]] == ["x" * 4000] * 20
