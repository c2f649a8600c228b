#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a container through the agent without a line of Tatami's code: its own ttrpc frames, its own protobuf, from the protocol tables alone.

    independent_client.py SOCKET BUNDLE MESSAGES.TSV

Prints the container's output and exits with its code."""
import csv
import json
import socket
import struct
import sys


class Tables:
    def __init__(self, path):
        self.fields = {}
        with open(path, newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                message = self.fields.setdefault(f"{row['package']}.{row['message']}", {})
                if row["number"] != "0":
                    message[row["field_name"]] = (int(row["number"]), row["type"], row["label"])


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def delimited(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def encode_one(tables, number, kind, value):
    if kind in ("string", "bytes"):
        return delimited(number, value.encode() if isinstance(value, str) else value)
    if kind in ("bool", "int32", "int64", "uint32", "uint64"):
        return varint(number << 3) + varint(int(value))
    return delimited(number, encode(tables, kind, value))


def encode(tables, message, values):
    out = b""
    for name, value in values.items():
        number, kind, label = tables.fields[message][name]
        if label == "map":
            for key, item in value.items():
                out += delimited(number, delimited(1, key.encode()) + delimited(2, item.encode()))
        else:
            for item in value if label == "repeated" else [value]:
                out += encode_one(tables, number, kind, item)
    return out


def decode(data):
    fields, at = {}, 0

    def read_varint():
        nonlocal at
        shift = number = 0
        while True:
            byte = data[at]
            at += 1
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return number

    while at < len(data):
        key = read_varint()
        if key & 7 == 0:
            fields[key >> 3] = read_varint()
        else:
            assert key & 7 == 2, f"wire type {key & 7}"
            length = read_varint()
            fields[key >> 3] = data[at : at + length]
            at += length
    return fields


class Agent:
    def __init__(self, path, tables):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.tables = tables
        self.stream = 1

    def receive(self, length):
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            assert more, "connection closed"
            data += more
        return data

    def call(self, method, message, **values):
        payload = encode(self.tables, f"grpc.{message}", values)
        body = delimited(1, b"grpc.AgentService") + delimited(2, method.encode()) + delimited(3, payload)
        self.socket.sendall(struct.pack(">IIBB", len(body), self.stream, 1, 0) + body)
        length, stream, kind, _ = struct.unpack(">IIBB", self.receive(10))
        assert (stream, kind) == (self.stream, 2), (stream, kind)
        self.stream += 2
        reply = decode(self.receive(length))
        status = decode(reply.get(1, b""))
        if status.get(1, 0):
            sys.exit(f"{method}: {status.get(1)}: {status.get(2, b'').decode()}")
        return decode(reply.get(2, b""))


def wire_spec(bundle):
    with open(f"{bundle}/config.json") as file:
        config = json.load(file)
    process, linux = config["process"], config["linux"]
    return {
        "Version": config["ociVersion"],
        "Process": {
            "User": {"UID": process["user"]["uid"], "GID": process["user"]["gid"]},
            "Args": process["args"],
            "Env": process["env"],
            "Cwd": process["cwd"],
            "NoNewPrivileges": True,
            "Capabilities": {name.capitalize(): values for name, values in process["capabilities"].items()},
        },
        "Root": {"Path": config["root"]["path"]},
        "Hostname": config["hostname"],
        "Mounts": [
            {"destination": m["destination"], "source": m["source"], "type": m["type"], "options": m.get("options", [])}
            for m in config["mounts"]
        ],
        "Linux": {
            "Namespaces": [{"Type": n["type"]} for n in linux["namespaces"]],
            "MaskedPaths": linux["maskedPaths"],
            "ReadonlyPaths": linux["readonlyPaths"],
            "Resources": {},
        },
    }


def main():
    path, bundle, messages = sys.argv[1:]
    agent = Agent(path, Tables(messages))
    agent.call("CreateSandbox", "CreateSandboxRequest", sandbox_id="independent", hostname="independent")
    agent.call("CreateContainer", "CreateContainerRequest", container_id="indep", OCI=wire_spec(bundle))
    agent.call("StartContainer", "StartContainerRequest", container_id="indep")
    while data := agent.call("ReadStdout", "ReadStreamRequest", container_id="indep", len=4096).get(1, b""):
        sys.stdout.write(data.decode())
    code = agent.call("WaitProcess", "WaitProcessRequest", container_id="indep").get(1, 0)
    agent.call("RemoveContainer", "RemoveContainerRequest", container_id="indep")
    sys.exit(code)


if __name__ == "__main__":
    main()
