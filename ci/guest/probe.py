# SPDX-License-Identifier: Apache-2.0
"""When does a guest answer? Asks grpc.Health/Check on its port over a hybrid vsock socket."""
import socket
import struct
import time

PAUSE_S = 0.001


def check_request():
    """A ttrpc request to grpc.Health/Check: header of ten bytes, then service, method and time-out."""
    def field(number, data):
        return bytes([number << 3 | 2, len(data)]) + data
    request = field(1, b"grpc.Health") + field(2, b"Check")
    return struct.pack(">IIBB", len(request), 1, 1, 0) + request


def answered(path, deadline):
    """Connects to the guest's port until something answers the request; returns the time of the answer."""
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            try:
                client.connect(path)
                client.sendall(b"CONNECT 1024\n")
                if client.recv(64).startswith(b"OK"):
                    client.sendall(check_request())
                    if client.recv(1):
                        return time.monotonic()
            except OSError:
                pass
        time.sleep(PAUSE_S)
    raise TimeoutError("the guest does not answer")
