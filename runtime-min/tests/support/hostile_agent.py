#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An agent that a guest has taken over, behind the sockets of a machine (machine_host.c): it answers every call with an empty
message, but for what its behaviour says.

    hostile_agent.py ROOT BEHAVIOUR
"""
import socket
import struct
import sys
import threading
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))
from independent_client import delimited, varint  # noqa: E402

REQUEST, RESPONSE, DATA = 1, 2, 3
# A terminal would clear itself, take a new title, and show a line that tatami did not write.
OBEYED = b"evil \x1b[2J\x1b]0;owned\x07\xc2\x9b31m\r\nroot@host# \xe2\x80\xae"


def number(field, value):
    return varint(field << 3) + varint(value)


def frame(stream, payload, kind=RESPONSE, length=None):
    return struct.pack(">IIBB", len(payload) if length is None else length, stream, kind, 0) + payload


def answer(stream, payload=b""):
    return frame(stream, delimited(2, payload))


def refusal(stream, text, code=13):
    return frame(stream, delimited(1, number(1, code) + delimited(2, text)))


def endless(chunk):
    while True:
        yield chunk


def method_of(request):
    """The second field of the envelope; the first one is the service."""
    length = request[1]
    at = 2 + length
    return request[at + 2:at + 2 + request[at + 1]].decode()


def stats(entries):
    entry = delimited(1, number(1, 8) + delimited(3, b"Read") + number(4, 1 << 63))
    return delimited(1, delimited(4, entry * entries))


# Name: method, then what is sent instead of an answer: bytes or several, made of the stream's number.
BEHAVIOURS = {
    "good": ("", None),
    "terminal-create": ("CreateContainer", lambda s: refusal(s, OBEYED)),
    "terminal-start": ("StartContainer", lambda s: refusal(s, OBEYED)),
    "long-text": ("CreateContainer", lambda s: refusal(s, b"\xe7\x95\xb3" * 500000)),
    "no-text": ("CreateContainer", lambda s: refusal(s, b"\xff\xc0\x80" * 1000)),
    "unknown-status": ("CreateContainer", lambda s: refusal(s, b"what", 4242)),
    "negative-status": ("CreateContainer", lambda s: refusal(s, b"what", -1)),
    "not-ttrpc": ("CreateContainer", lambda s: b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "no-envelope": ("CreateContainer", lambda s: frame(s, b"\xff" * 100)),
    "request": ("CreateContainer", lambda s: frame(s, b"", REQUEST)),
    "data": ("CreateContainer", lambda s: frame(s, b"", DATA)),
    "unknown-frame": ("CreateContainer", lambda s: frame(s, b"", 99)),
    "closed": ("CreateContainer", lambda s: [answer(s), None]),
    "truncated": ("ReadStdout", lambda s: [frame(s, b"x" * 10, length=100), None]),
    "oversized": ("ReadStdout", lambda s: frame(s, b"x" * (5 << 20))),
    "longest": ("ReadStdout", lambda s: frame(s, delimited(2, delimited(1, b"x" * ((4 << 20) - 20))))),
    "more-than-asked": ("ReadStdout", lambda s: answer(s, delimited(1, b"x" * (3 << 20)))),
    "twice": ("*", lambda s: answer(s) + answer(s)),
    "unknown-streams": ("*", lambda s: b"".join(answer(n) for n in (0, 2, 99999, 0xffffffff, s + 2)) + answer(s)),
    "flood": ("ReadStdout", lambda s: endless(answer(99999, b"x" * 10000))),
    "negative-code": ("WaitProcess", lambda s: answer(s, number(1, -1))),
    "large-code": ("WaitProcess", lambda s: answer(s, number(1, 256 + 7))),
    "huge-code": ("WaitProcess", lambda s: answer(s, number(1, 1 << 63 | 9))),
    "stats": ("StatsContainer", lambda s: answer(s, stats(100000))),
    "stats-text": ("StatsContainer", lambda s: answer(s, delimited(1, delimited(4, delimited(1, delimited(3, OBEYED + b'","x":"')))))),
}


# What a process does that runs; in these behaviours it ends when it is killed.
PROCESS = ("ReadStdout", "ReadStderr", "WaitProcess")
LASTING = ("stats", "stats-text")
SIGKILL = number(3, 9)
started, killed = threading.Event(), threading.Event()


def serve(connection, behaviour):
    method, misbehave = BEHAVIOURS[behaviour]
    lock = threading.Lock()

    def send(piece):
        with lock:
            if piece is None:
                connection.shutdown(socket.SHUT_RDWR)
            else:
                connection.sendall(piece)

    def respond(stream, request):
        name = method_of(request)
        try:
            if name == "SignalProcess" and request.find(SIGKILL) >= 0:
                killed.set()
            if name in PROCESS:
                started.wait()
            if misbehave and method in ("*", name):
                out = misbehave(stream)
                for piece in [out] if isinstance(out, bytes) else out:
                    send(piece)
            else:
                if name in PROCESS and behaviour in LASTING:
                    killed.wait()
                send(answer(stream))
            if name == "StartContainer":
                started.set()
        except OSError:
            pass

    def receive(n):
        out = b""
        while len(out) < n:
            piece = connection.recv(n - len(out))
            if not piece:
                raise EOFError
            out += piece
        return out

    try:
        receive(len("CONNECT 1024\n"))
        connection.sendall(b"OK 1073741824\n")
        while True:
            length, stream, _, _ = struct.unpack(">IIBB", receive(10))
            threading.Thread(target=respond, args=(stream, receive(length)), daemon=True).start()
    except (EOFError, OSError):
        pass


def listen(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(256)
    return listener


def accept(listener, handler):
    while True:
        threading.Thread(target=handler, args=(listener.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    root, name = sys.argv[1:]
    # What enrols with the monitor stays: nobody is told when a handle goes.
    threading.Thread(target=accept, args=(listen(root + ".monitor"), lambda c: c.recv(4096) and c.recv(1)), daemon=True).start()
    accept(listen(root + ".vsock"), lambda connection: serve(connection, name))
