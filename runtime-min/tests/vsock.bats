#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# tatami-vsock as a runtime starts it, with a frontend that shares no code with it.

setup() {
    vsock=$TATAMI_BUILD/tatami-vsock
    work=$(mktemp -d /tmp/tatami-XXXXXX)
}

teardown() {
    [ -z "${pid:-}" ] || kill "$pid" 2>/dev/null || true
    rm -rf "$work"
}

start() {
    ASAN_OPTIONS=handle_sigbus=0 "$vsock" --socket "$work/vhost" --uds "$work/hybrid" --guest-cid 42 "$@" >"$work/log" 2>&1 3>&- &
    pid=$!
    for _ in $(seq 500); do
        [ -S "$work/hybrid" ] && return
        sleep 0.01
    done
}

peer() {
    timeout 60 python3 "$TATAMI_SOURCE/runtime-min/tests/vsock_peer.py" "$1" "$work/vhost" "$work/hybrid"
}

# Its status once it has ended.
ended() {
    local code=0
    wait "$pid" || code=$?
    pid=
    [ "$code" = "$1" ]
}

@test "data goes both ways under the filter, and the end of the frontend is the end" {
    start
    peer both_ways
    ended 0
    [ ! -s "$work/log" ]
}

@test "the guest reaches PATH_PORT and nothing else" {
    start
    peer from_guest
    ended 0
}

@test "a frontend that takes the memory away ends the device alone" {
    start
    peer memory_gone
    ended 135
}

@test "a frontend that breaks the protocol is named" {
    start
    peer no_message
    ended 1
    [ "$(cat "$work/log")" = "tatami-vsock: vhost-user request 8: a new size for a ring that runs" ]
}

@test "it gives up all it does not need" {
    start
    [ "$(stat -c %a "$work/vhost" "$work/hybrid" | sort -u)" = 600 ]
    python3 "$TATAMI_SOURCE/runtime-min/tests/vsock_peer.py" idle "$work/vhost" "$work/hybrid" 3>&- &
    local idle=$!
    for _ in $(seq 500); do
        [ -e "$work/hybrid_1" ] && break
        sleep 0.01
    done
    grep -q 'Seccomp:[[:space:]]*2' "/proc/$pid/status"
    grep -q 'NoNewPrivs:[[:space:]]*1' "/proc/$pid/status"
    grep -q 'CapEff:[[:space:]]*0000000000000000' "/proc/$pid/status"
    grep -q 'CapPrm:[[:space:]]*0000000000000000' "/proc/$pid/status"
    if [ "$(id -u)" = 0 ]; then
        grep -q 'CapBnd:[[:space:]]*0000000000000000' "/proc/$pid/status"
        [[ $TATAMI_BUILD =~ /(asan|coverage)$ ]] || [ "$(readlink "/proc/$pid/root")" = "$work" ]
        [ "$(readlink "/proc/$pid/ns/net")" != "$(readlink /proc/self/ns/net)" ]
    fi
    kill "$idle"
    ended 0
}

@test "its memory is small" {
    [[ "$TATAMI_BUILD" != */asan ]] || skip "a sanitizer keeps memory of its own"
    start
    [ "$(awk '/RssAnon/ {print $2}' "/proc/$pid/status")" -lt 1024 ]
    [ "$(awk '/VmRSS/ {print $2}' "/proc/$pid/status")" -lt 3072 ]
}

@test "sockets may be open already" {
    run timeout 60 python3 - "$vsock" "$work" "$TATAMI_SOURCE/runtime-min/tests/vsock_peer.py" <<'PY'
import socket, subprocess, sys
vsock, work, peer = sys.argv[1:]
fds = []
for name in ("vhost", "hybrid"):
    s = socket.socket(socket.AF_UNIX)
    s.bind(work + "/" + name)
    s.listen()
    fds.append(s)
device = subprocess.Popen([vsock, "--socket-fd=%d" % fds[0].fileno(), "--uds-fd", str(fds[1].fileno()), "--uds", work + "/hybrid",
                           "--guest-cid=42"], pass_fds=[s.fileno() for s in fds])
for s in fds:
    s.close()
subprocess.run([sys.executable, peer, "both_ways", work + "/vhost", work + "/hybrid"], check=True)
sys.exit(device.wait())
PY
    [ "$status" = 0 ]
}

@test "a socket that is there already is left alone" {
    start
    run "$vsock" --socket "$work/other" --uds "$work/hybrid" --guest-cid 42
    [ "$status" = 1 ]
    [ "$output" = "tatami-vsock: '$work/hybrid' exists already; remove it if nobody listens there" ]
    [ ! -e "$work/other" ]
    peer from_guest
    ended 0
    [ ! -e "$work/vhost" ]
}

@test "what it cannot do is said in one line" {
    run "$vsock" --socket "$work/vhost" --uds "$work/hybrid" --guest-cid 2
    [ "$status" = 1 ]
    [ "$output" = "tatami-vsock: 2 is no address of a guest: 3 to 4294967294" ]
    run "$vsock" --socket "$work/vhost" --uds "$work/hybrid" --guest-cid 3x
    [ "$output" = "tatami-vsock: --guest-cid: '3x' is no number up to 4294967295" ]
    run "$vsock" --socket "$work/none/vhost" --uds "$work/hybrid" --guest-cid 3
    [ "$output" = "tatami-vsock: listen on '$work/none/vhost': ENOENT: No such file or directory" ]
    run "$vsock" --socket-fd 999 --uds "$work/hybrid" --guest-cid 3
    [ "$output" = "tatami-vsock: --socket-fd: descriptor 999: EBADF: Bad file descriptor" ]
    long=$work/$(printf '%0100d' 0)
    run "$vsock" --socket "$long" --uds "$work/hybrid" --guest-cid 3
    [ "$output" = "tatami-vsock: '$long' is too long for a socket, at most 107 bytes" ]
    [ -z "$(ls "$work")" ]
}

@test "words that fit no usage get it" {
    for words in "" "--socket a" "--socket a --uds b" "--socket a --socket-fd 3 --uds b --guest-cid 3" "--sock a --uds b --guest-cid 3" \
        "--uds b --guest-cid 3" "--socket a --uds b --guest-cid" "--socket a --socket a --uds b --guest-cid 3"; do
        run "$vsock" $words
        [ "$status" = 2 ]
        [[ "$output" == "usage: tatami-vsock "* ]]
    done
    run "$vsock" --help
    [ "$status" = 0 ]
    run "$vsock" --print-capabilities
    [ "$output" = '{"type":"vsock"}' ]
}
