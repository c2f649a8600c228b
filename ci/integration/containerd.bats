#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# containerd's own shim for runc drives the runtime. containerd is no requirement: without it this is skipped.

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
    machines_up
    [ -z "$no_machine" ] || return 0
    export runtimes=$work/runtimes
    export root=$runtimes/default # the shim adds the namespace
    ! command -v containerd >/dev/null || containerd_up
}

containerd_up() {
    cat >"$work/containerd.toml" <<EOF
version = 2
root = "$work/containerd"
state = "$work/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "$work/containerd.sock"
EOF
    containerd -c "$work/containerd.toml" >"$work/containerd.log" 2>&1 3>&- &
    echo $! >"$work/containerd.pid"
    disown
    eventually ctr_here version
}

teardown_file() {
    if [ -e "$work/containerd.pid" ]; then
        kill "$(cat "$work/containerd.pid")"
        while kill -0 "$(cat "$work/containerd.pid")" 2>/dev/null; do sleep 0.05; done
    fi
    machines_down
}

setup() {
    needs_machine
    command -v containerd >/dev/null || skip "containerd is not installed"
}

teardown() {
    [ -z "$no_machine" ] && command -v containerd >/dev/null || return 0
    for id in $(ctr_here tasks ls -q); do ctr_here tasks rm -f "$id"; done
    for id in $(ctr_here containers ls -q); do ctr_here containers rm "$id"; done
    nothing_left
}

ctr_here() {
    timeout -k 2 40 ctr -a "$work/containerd.sock" "$@"
}

# run [OPTIONS] -- ID COMMAND...
ctr_run() {
    local options=()
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    ctr_here run --fifo-dir "$work" --runc-binary "$TATAMI" --runc-root "$runtimes" --rootfs "${options[@]}" "$work/bundle/rootfs" "${@:2}"
}

task_is() {
    [[ "$(ctr_here tasks ls)" =~ $1\ +[0-9]+\ +$2 ]]
}

@test "ctr run: both streams, the exit code, a program that is missing" {
    run -42 --separate-stderr ctr_run --rm -- c /bin/sh -c 'echo out; echo err >&2; exit 42'
    [ "$output" = out ]
    [ "$stderr" = err ]
    run -1 ctr_run --rm -- c /bin/nope
    [[ "$output" == *"OCI runtime create failed"*"no such file or directory"* ]]
}

@test "ctr run --tty: the terminal of the caller, and its window size" {
    run -3 python3 "$TATAMI_SOURCE/runtime-min/tests/caller.py" terminal '?40 90' \
        ctr -a "$work/containerd.sock" run --fifo-dir "$work" --runc-binary "$TATAMI" --runc-root "$runtimes" --rm --tty --rootfs "$work/bundle/rootfs" \
        c /bin/sh -c 'until [ "$(stty size)" = "40 90" ]; do sleep 0.05; done; stty size; exit 3'
}

@test "a detached task: exec, pause and resume, metrics, processes, kill, exit code" {
    ctr_run -d -- c /bin/sleep 1000 3>&-
    task_is c RUNNING
    run -5 ctr_here tasks exec --fifo-dir "$work" --exec-id e c /bin/sh -c 'echo inside; exit 5'
    [ "$output" = inside ]
    run -1 ctr_here tasks exec --fifo-dir "$work" --exec-id e c /bin/nope
    [[ "$output" == *"no such file or directory"* ]]
    ctr_here tasks pause c
    task_is c PAUSED
    ctr_here tasks resume c
    task_is c RUNNING
    ctr_here tasks metrics c | grep memory
    run -0 ctr_here tasks ps c
    [[ "${lines[1]}" =~ ^[0-9]+ ]]
    ctr_here tasks kill --signal KILL c
    eventually task_is c STOPPED
    run -0 ctr_here tasks rm c
    [[ "$output" == *"exit code 137"* ]]
    ! task_is c STOPPED
}
