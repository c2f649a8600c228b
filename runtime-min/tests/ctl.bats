#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# tatami-ctl against the real agent: as a person would use it.

bats_require_minimum_version 1.5.0

setup_file() {
    [ "$(id -u)" = 0 ] || return 0
    export work=$(mktemp -d /tmp/tatami-XXXXXX)
    export address=unix://$work/agent.sock
    sh "$TATAMI_SOURCE/ci/bench/bundle" "$work/bundle"
    unshare -m "$TATAMI_AGENT" --server-addr "$address" --base-dir "$work/run" >"$work/log" 2>&1 3>&- &
    echo $! >"$work/pid"
    for _ in $(seq 500); do
        [ -S "$work/agent.sock" ] && break
        sleep 0.01
    done
}

teardown_file() {
    [ -n "${work:-}" ] || return 0
    kill "$(cat "$work/pid")"
    while kill -0 "$(cat "$work/pid")" 2>/dev/null; do sleep 0.01; done
    rm -rf "$work"
}

setup() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

ctl() {
    "$TATAMI_CTL" --address "$address" "$@"
}

program() {
    sed "s|\"args\": \[[^]]*\]|\"args\": [ $1 ]|" "$work/bundle/config.json" >"$work/bundle/new"
    mv "$work/bundle/new" "$work/bundle/config.json"
}

@test "call prints the reply as JSON" {
    run ctl call Check
    [ "$status" = 0 ]
    [ "$output" = '{"status":"SERVING"}' ]
    run ctl call grpc.Health/Version '{"service":"x"}'
    [ "$output" = '{"grpc_version":"0.0.1","agent_version":"4.1.0"}' ]
    run ctl call GetGuestDetails - <<<'{}'
    [[ "$output" == *'"supports_seccomp":true'* ]]
}

@test "a refused call says why and exits with 125" {
    run ctl call WaitProcess '{"container_id":"absent"}'
    [ "$status" = 125 ]
    [ "$output" = "tatami-ctl: INVALID_ARGUMENT: InvalidContainerId" ]
    run ctl call CopyFile
    [ "$status" = 125 ]
    [[ "$output" == *UNIMPLEMENTED*CopyFile* ]]
}

@test "bad requests are refused before they are sent, with their place" {
    run ctl call SignalProcess '{"signal":-1}'
    [ "$status" = 125 ]
    [ "$output" = "tatami-ctl: INVALID_ARGUMENT: SignalProcessRequest.signal: -1 is out of range" ]
    run ctl call SignalProcess '{"sig":1}'
    [[ "$output" == *"has no field 'sig'"* ]]
    run ctl call NoSuchMethod
    [[ "$output" == *"no method 'NoSuchMethod'"* ]]
}

@test "a deadline ends a call" {
    run ctl --timeout 50 call GetOOMEvent
    [ "$status" = 125 ]
    [[ "$output" == *DEADLINE_EXCEEDED* ]]
}

@test "run relays output and input and exits with the container's code" {
    program '"/bin/sh", "-c", "cat; echo err >\&2; exit 7"'
    run --separate-stderr ctl run "$work/bundle" c1 <<<'typed'
    [ "$status" = 7 ]
    [ "$output" = typed ]
    [ "$stderr" = err ]
}

@test "run removes what it made, also after a failure" {
    program '"/bin/missing"'
    run ctl run "$work/bundle" c2
    [ "$status" = 125 ]
    [ "$output" = "tatami-ctl: INTERNAL: the file /bin/missing was not found" ]
    [ ! -e "$work/run/c2" ]
    program '"/bin/true"'
    run ctl run "$work/bundle" c2
    [ "$status" = 0 ]
    [ ! -e "$work/run/c2" ]
}

@test "wrong words show the usage" {
    run "$TATAMI_CTL"
    [ "$status" = 2 ]
    [[ "$output" == usage:* ]]
    run "$TATAMI_CTL" --address "$address" --timeout x call Check
    [ "$status" = 2 ]
    run "$TATAMI_CTL" --help
    [ "$status" = 0 ]
    run "$TATAMI_CTL" methods
    [[ "$output" == *"grpc.AgentService/CreateContainer grpc.CreateContainerRequest -> google.protobuf.Empty"* ]]
}

@test "no agent, no bundle: one clear line" {
    run "$TATAMI_CTL" --address unix:///nowhere/sock call Check
    [ "$status" = 125 ]
    [[ "$output" == *"/nowhere/sock"* ]]
    run ctl run /nowhere
    [[ "$output" == *"/nowhere/config.json"* ]]
}

@test "the hybrid socket of a machine leads to its agent" {
    # What the vsock device of a machine does: CONNECT PORT, then the connection is the guest's.
    cat >"$work/hybrid.py" <<'X'
import socket, sys, threading
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
def pump(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)
for _ in range(2):
    client, _ = listener.accept()
    if client.recv(32) != b"CONNECT 1024\n":
        sys.exit(1)
    if sys.argv[3] == "refuse":
        client.close()
        continue
    client.sendall(b"OK 5\n")
    agent = socket.socket(socket.AF_UNIX)
    agent.connect(sys.argv[2])
    threading.Thread(target=pump, args=(client, agent), daemon=True).start()
    pump(agent, client)
X
    python3 "$work/hybrid.py" "$work/vsock.sock" "$work/agent.sock" lead 3>&- &
    hybrid=$!
    until [ -S "$work/vsock.sock" ]; do sleep 0.01; done
    run "$TATAMI_CTL" --address "hvsock://$work/vsock.sock" call Check
    [ "$status" -eq 0 ]
    [[ "$output" == *'"status":"SERVING"'* ]]
    kill $hybrid
    python3 "$work/hybrid.py" "$work/other.sock" "$work/agent.sock" refuse 3>&- &
    hybrid=$!
    until [ -S "$work/other.sock" ]; do sleep 0.01; done
    run "$TATAMI_CTL" --address "hvsock://$work/other.sock" call Check
    kill $hybrid
    [ "$status" -eq 125 ]
    [[ "$output" == *"connect to port 1024 of the virtual machine at $work/other.sock"* ]]
}

@test "a client in another language, made from the protocol tables alone, runs a container" {
    program '"/bin/sh", "-c", "echo from the tables; exit 5"'
    run python3 "$TATAMI_SOURCE/runtime-min/tests/independent_client.py" "$work/agent.sock" "$work/bundle" \
        "$TATAMI_SOURCE/fixtures/spec/messages.tsv"
    [ "$output" = "from the tables" ]
    [ "$status" = 5 ]
}
