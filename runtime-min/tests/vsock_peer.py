#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A frontend with its guest, and a host program, for tests of tatami-vsock: written from the specifications, sharing no code with it.

    vsock_peer.py SCENARIO VHOST_USER_SOCKET HYBRID_SOCKET
"""
import array
import mmap
import os
import select
import signal
import socket
import struct
import sys

CID, SIZE, BYTES, UVA = 42, 64, 4 << 20, 0x7F0000000000
RX, TX = 0, 1
REQUEST, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE, CREDIT_REQUEST = range(1, 8)
HEADER = struct.Struct("<QQIIIHHIII")


class Guest:
    def __init__(self, path):
        self.fd = os.memfd_create("guest")
        os.ftruncate(self.fd, BYTES)
        self.mem = mmap.mmap(self.fd, BYTES)
        self.added, self.seen = [0, 0], [0, 0]
        self.kick = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
        self.call = [os.eventfd(0) for _ in range(2)]
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(path)

    def say(self, request, payload=b"", fds=(), flags=1):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.sock.sendmsg([struct.pack("<III", request, flags, len(payload)) + payload], rights)

    def ask(self, request, payload=b"", fds=(), flags=1):
        self.say(request, payload, fds, flags)
        got, flags, size = struct.unpack("<III", self.sock.recv(12, socket.MSG_WAITALL))
        assert (got, flags) == (request, 5), (got, flags)
        return self.sock.recv(size, socket.MSG_WAITALL)

    def start(self):
        """Negotiates without EVENT_IDX, so that every kick and call is seen."""
        features = struct.unpack("<Q", self.ask(1))[0]
        assert features >> 32 & 1 and features >> 30 & 1
        self.say(16, struct.pack("<Q", 0x208))
        config = self.ask(24, struct.pack("<III", 0, 8, 0) + bytes(8))
        assert struct.unpack("<Q", config[12:])[0] == CID
        self.say(2, struct.pack("<Q", 1 << 32 | 1 << 30))
        assert self.ask(5, struct.pack("<IIQQQQ", 1, 0, 0, BYTES, UVA, 0), [self.fd], flags=9) == bytes(8)
        for ring in (RX, TX):
            at = UVA + ring * 8192
            self.say(8, struct.pack("<II", ring, SIZE))
            self.say(10, struct.pack("<II", ring, 0))
            self.say(9, struct.pack("<IIQQQQ", ring, 0, at, at + 4096, at + 2048, 0))
            self.say(13, struct.pack("<Q", ring), [self.call[ring]])
            self.say(12, struct.pack("<Q", ring), [self.kick[ring]])
            self.say(18, struct.pack("<II", ring, 1))
        for index in range(SIZE):
            self.give(index)

    def offer(self, ring, head, addr, length, flags):
        base = ring * 8192
        struct.pack_into("<QIHH", self.mem, base + head * 16, addr, length, flags, 0)
        struct.pack_into("<H", self.mem, base + 2048 + 4 + self.added[ring] % SIZE * 2, head)
        self.added[ring] += 1
        struct.pack_into("<H", self.mem, base + 2048 + 2, self.added[ring] & 0xFFFF)
        os.eventfd_write(self.kick[ring], 1)

    def give(self, head):
        self.offer(RX, head, (1 << 20) + head * 4096, 4096, 2)

    def used(self, ring):
        """The next used buffer: (head, length); waits for the call."""
        base = ring * 8192 + 4096
        while struct.unpack_from("<H", self.mem, base + 2)[0] == self.seen[ring] & 0xFFFF:
            assert select.select([self.call[ring]], [], [], 10)[0], "no call"
            os.eventfd_read(self.call[ring])
        entry = struct.unpack_from("<II", self.mem, base + 4 + self.seen[ring] % SIZE * 8)
        self.seen[ring] += 1
        return entry

    def send(self, op, port, data=b"", flags=0, guest_port=1024):
        head = self.added[TX] % SIZE
        at = (2 << 20) + head * 16384
        packet = HEADER.pack(CID, 2, guest_port, port, len(data), 1, op, flags, 262144, 0) + data
        self.mem[at : at + len(packet)] = packet
        self.offer(TX, head, at, len(packet), 0)
        assert self.used(TX) == (head, 0)

    def receive(self, *expected):
        """The next packet: (op, host port, data); one of the expected operations. Credit updates are passed over."""
        while True:
            head, length = self.used(RX)
            at = (1 << 20) + head * 4096
            src, dst, port, _, size, kind, op, _, _, _ = HEADER.unpack_from(self.mem, at)
            assert (src, dst, kind, length) == (2, CID, 1, 44 + size)
            data = self.mem[at + 44 : at + length]
            self.give(head)
            if op != CREDIT_UPDATE or op in expected:
                assert op in expected, op
                return op, port, data


def dial(guest, hybrid, port=1024):
    host = socket.socket(socket.AF_UNIX)
    host.settimeout(10)
    host.connect(hybrid)
    host.sendall(b"CONNECT %d\n" % port)
    _, port, _ = guest.receive(REQUEST)
    guest.send(RESPONSE, port)
    line = b"OK %d\n" % port
    assert host.recv(len(line), socket.MSG_WAITALL) == line
    return host, port


def both_ways(guest, hybrid):
    host, port = dial(guest, hybrid)
    host.sendall(b"ping")
    assert guest.receive(RW)[2] == b"ping"
    guest.send(RW, port, b"pong")
    assert host.recv(4) == b"pong"
    host.shutdown(socket.SHUT_WR)
    guest.receive(SHUTDOWN)
    sent = [bytes([n]) * 16000 for n in range(16)]  # more than the socket takes: the device keeps the rest
    for data in sent:
        guest.send(RW, port, data)
    guest.send(SHUTDOWN, port, flags=3)
    assert b"".join(iter(lambda: host.recv(65536), b"")) == b"".join(sent)
    guest.receive(RST)


def from_guest(guest, hybrid):
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(10)
    listener.bind(hybrid + "_5000")
    listener.listen()
    guest.send(REQUEST, 5000)
    guest.receive(RESPONSE)
    host, _ = listener.accept()
    guest.send(RW, 5000, b"hello")
    assert host.recv(5) == b"hello"
    host.close()
    guest.receive(SHUTDOWN)
    guest.send(RST, 5000)
    guest.send(REQUEST, 5001)
    guest.receive(RST)
    os.unlink(hybrid + "_5000")


def memory_gone(guest, hybrid):
    host, _ = dial(guest, hybrid)
    os.ftruncate(guest.fd, 4096)
    os.eventfd_write(guest.kick[TX], 1)
    assert host.recv(1) == b""  # the device is gone, and whoever waits knows


def idle(guest, hybrid):
    """The device has answered, so it has locked itself in; says so by a name."""
    open(hybrid + "_1", "x").close()
    signal.pause()


def no_message(guest, hybrid):
    guest.say(8, struct.pack("<II", 0, 0))  # of a ring that runs
    assert guest.sock.recv(1) == b""


if __name__ == "__main__":
    guest = Guest(sys.argv[2])
    guest.start()
    globals()[sys.argv[1]](guest, sys.argv[3])
