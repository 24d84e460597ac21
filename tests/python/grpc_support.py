"""gRPC clients without .proto files: they ask the server for its types."""

import socket
import sys
import time

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

# How long a wait may take; it runs out only when something is broken.
DEADLINE = 30


class Service:
    """The methods of a service; each takes its fields by name."""

    def __init__(self, channel, name, token=None):
        database = ProtoReflectionDescriptorDatabase(channel)
        self.listed = list(database.get_services())
        pool = descriptor_pool.DescriptorPool(database)
        self.channel = channel
        self.metadata = [("authorization", f"Bearer {token}")] if token else None
        self.methods = {}
        for method in pool.FindServiceByName(name).methods:
            self.methods[method.name] = method
            setattr(self, method.name, self._caller(name, method))

    def message(self, method, **fields):
        return message_factory.GetMessageClass(self.methods[method].input_type)(**fields)

    def _caller(self, name, method):
        wanted = message_factory.GetMessageClass(method.input_type)
        answer = message_factory.GetMessageClass(method.output_type)
        kind = "_".join(
            "stream" if streams else "unary"
            for streams in (method.client_streaming, method.server_streaming)
        )
        stub = getattr(self.channel, kind)(
            f"/{name}/{method.name}",
            request_serializer=wanted.SerializeToString,
            response_deserializer=answer.FromString,
        )

        def call(requests=None, timeout=DEADLINE, metadata=None, **fields):
            given = wanted(**fields) if requests is None else requests
            return stub(given, timeout=timeout, metadata=metadata or self.metadata)

        return call


class Person:
    """A telnet client, who says these lines first."""

    def __init__(self, telnet, nickname, *lines):
        host, port = telnet.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=DEADLINE)
        self.file = self.socket.makefile("rwb")
        self.say(nickname)
        self.hears(f"Welcome, {nickname}")
        for line in lines:
            self.say(line)

    def say(self, line):
        self.file.write(line.encode() + b"\r\n")
        self.file.flush()

    def hears(self, text):
        for line in self.file:
            if text.encode() in line:
                return
        raise AssertionError(f"never heard {text!r}")


def fails(code, call, *words):
    """The call must fail with this code and this text."""
    try:
        answer = call()
        if hasattr(answer, "__iter__") and not hasattr(answer, "DESCRIPTOR"):
            answer = list(answer)
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()}, not {code}: {error.details()}"
        for word in words:
            assert word in error.details(), f"{word!r} is not in {error.details()!r}"
        return error
    raise AssertionError(f"{code} was expected, not {answer}")


def wait_until(what, is_so):
    deadline = time.monotonic() + DEADLINE
    while True:
        value = is_so()
        if value:
            return value
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain until {what}")
        time.sleep(0.01)
