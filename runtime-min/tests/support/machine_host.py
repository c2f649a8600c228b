#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The two sockets of a machine that is none (machine_host.c): a hybrid vsock in front of an agent's unix socket, and a monitor that
kills a process in the guest when the handle that enrolled for it goes away.

    machine_host.py AGENT_SOCKET ROOT CTL
"""
import os
import socket
import subprocess
import sys
import threading

agent, root, ctl = sys.argv[1:4]


def listen(path):
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(256)
    return listener


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end, how in ((sink, socket.SHUT_WR), (source, socket.SHUT_RD)):
        try:
            end.shutdown(how)
        except OSError:
            pass


def read_line(connection):
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            break
        line += byte
    return line.decode().split()


def vsock(connection):
    words = read_line(connection)
    guest = socket.socket(socket.AF_UNIX)
    try:
        if words[:2] != ["CONNECT", "1024"]:
            return
        guest.connect(agent)
        connection.sendall(b"OK 1073741824\n")
        up = threading.Thread(target=pump, args=(connection, guest), daemon=True)
        up.start()
        pump(guest, connection)
        up.join()
    except OSError:
        pass
    finally:
        guest.close()
        connection.close()


def monitor(connection):
    words = read_line(connection)
    if len(words) == 2:
        connection.recv(1)
        request = '{"container_id":"%s","exec_id":"%s","signal":9}' % tuple(words)
        subprocess.run([ctl, "--address", "unix://" + agent, "call", "SignalProcess", request], capture_output=True)
    connection.close()


def serve(listener, handler):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=handler, args=(connection,), daemon=True).start()


threading.Thread(target=serve, args=(listen(root + ".monitor"), monitor), daemon=True).start()
serve(listen(root + ".vsock"), vsock)
