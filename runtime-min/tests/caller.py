#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What conmon, buildah and containerd's shim do with a runtime: they adopt its handle, wait for it and hold its terminal.

    caller.py adopt PID_FILE COMMAND...        runs COMMAND, then waits for the pid in PID_FILE and exits with its code
    caller.py terminal SCRIPT COMMAND...       runs COMMAND on a terminal of 40x90 and exits with its code; it must leave the terminal as it was
    caller.py console SOCKET PID_FILE SCRIPT COMMAND...
                                               as adopt, with a console socket
    SCRIPT drives the terminal, word by word:
                                               =TEXT sends, ?TEXT waits for output, @ROWSxCOLUMNS resizes, !COMMAND runs a command
"""
import array
import ctypes
import fcntl
import os
import pty
import select
import socket
import struct
import subprocess
import sys
import termios
import time

LIMIT_S = 20


def run(command):
    """Runs it as conmon does: with pipes, which must reach their end when it exits although the container goes on."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=LIMIT_S)
    sys.stderr.buffer.write(done.stderr)
    if done.returncode:
        sys.exit(done.returncode)


def adopt(pid_file):
    digits = open(pid_file).read()
    assert digits.isdigit(), digits
    pid = int(digits)
    parent = int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
    assert parent == os.getpid(), f"the parent of {pid} is {parent}"
    return pid


def wait(pid):
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    raise TimeoutError(f"{pid} lives on")


def receive(listener):
    connection, _ = listener.accept()
    data, control, flags, _ = connection.recvmsg(4096, socket.CMSG_SPACE(64))
    assert 0 < len(data) < 4096 and flags == 0 and len(control) == 1, (data, control, flags)
    fds = array.array("i")
    fds.frombytes(control[0][2])
    assert len(fds) == 1 and os.isatty(fds[0])
    assert connection.recv(1) == b""
    return fds[0]


def drive(terminal, script):
    seen = b""
    for word in script.split(" "):
        kind, text = word[0], word[1:].replace("_", " ").encode().decode("unicode_escape").encode()
        if kind == "=":
            os.write(terminal, text)
        elif kind == "@":
            rows, columns = map(int, text.split(b"x"))
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        elif kind == "!":
            subprocess.run(text.decode(), shell=True, check=True)
        elif kind == "?":
            deadline = time.monotonic() + LIMIT_S
            while text not in seen:
                if not select.select([terminal], [], [], deadline - time.monotonic())[0]:
                    raise TimeoutError(f"no {text} in {seen}")
                seen += os.read(terminal, 65536)
            seen = seen.split(text, 1)[1]


def on_terminal(script, command):
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
        before = termios.tcgetattr(0)
        code = subprocess.run(command).returncode
        os._exit(code if termios.tcgetattr(0) == before else 99)
    drive(terminal, script)
    sys.exit(wait(pid))


def main():
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    mode, *words = sys.argv[1:]
    if mode == "adopt":
        run(words[1:])
        sys.exit(wait(adopt(words[0])))
    if mode == "terminal":
        on_terminal(words[0], words[1:])
    path, pid_file, script, *command = words
    listener = socket.socket(socket.AF_UNIX)
    directory = os.open(os.path.dirname(path), os.O_PATH)
    listener.bind(f"/proc/self/fd/{directory}/{os.path.basename(path)}")  # an address holds 107 bytes only
    listener.listen(1)
    run(command)
    terminal = receive(listener)
    pid = adopt(pid_file)
    drive(terminal, script)
    sys.exit(wait(pid))


main()
