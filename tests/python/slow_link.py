"""A TCP proxy over which bytes come late: in the order in which they were sent, each piece by a time of its own."""

import queue
import random
import socket
import threading
import time


def slow_link(target, most):
    """The address of a proxy for this address; pieces are late by up to `most` seconds."""
    host, port = target.split(":")
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener, (host, int(port)), most), daemon=True).start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def _accept(listener, target, most):
    while True:
        client, _ = listener.accept()
        try:
            server = socket.create_connection(target)
        except OSError:
            client.close()
            continue
        for one, other in ((client, server), (server, client)):
            pieces = queue.Queue()
            threading.Thread(target=_take, args=(one, pieces, most), daemon=True).start()
            threading.Thread(target=_give, args=(other, pieces), daemon=True).start()


def _take(source, pieces, most):
    some = True
    while some:
        try:
            some = source.recv(65536)
        except OSError:
            some = b""
        pieces.put((time.monotonic() + random.uniform(0, most), some))


def _give(sink, pieces):
    while True:
        due, some = pieces.get()
        time.sleep(max(0, due - time.monotonic()))
        try:
            if not some:
                return sink.shutdown(socket.SHUT_WR)
            sink.sendall(some)
        except OSError:
            return sink.close()
