#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Life cycle, exit codes, signals and exec of containers in a machine.

bats_require_minimum_version 1.5.0

load helpers

setup_file() { pod_up; }
teardown_file() { pod_down; }
setup() { needs_machine; }
teardown() { pod_is_clean; }

@test "run carries both streams and the exit code" {
    member b /bin/sh -c 'cat; echo err >&2; exit 3'
    run -3 --separate-stderr tatami run -b "$work/b" $c1 <<<'typed'
    [ "$output" = typed ]
    [ "$stderr" = err ]
}

@test "create, start, kill, delete: each status follows and success is silent" {
    member b /bin/sleep 1000
    silently tatami create -b "$work/b" --pid-file "$work/pid" $c1
    status_is $c1 created
    [ -d "/proc/$(cat "$work/pid")" ]
    for step in "start $c1" "pause $c1" "resume $c1" "kill $c1 KILL"; do
        run -0 tatami $step
        [ "$output" = "" ]
    done
    await $c1 stopped
    run -0 tatami delete $c1
    [ "$output" = "" ]
    refused 1 "does not exist" state $c1
}

@test "a created container's program does not run before start" {
    member b /bin/sh -c 'echo ran >/tmp/ran'
    silently tatami create -b "$work/b" $c1
    [ ! -e "$work/bundle/rootfs/tmp/ran" ]
    tatami start $c1
    await $c1 stopped
    [ "$(cat "$work/bundle/rootfs/tmp/ran")" = ran ]
    rm "$work/bundle/rootfs/tmp/ran"
}

@test "exit codes are those of the program, cut to a byte" {
    for code in 0 1 42 125 255; do
        member b /bin/sh -c "exit $code"
        run "-$code" tatami run -b "$work/b" $c1
    done
    member b /bin/sh -c 'exit 300'
    run -44 tatami run -b "$work/b" $c1
}

@test "a program that a signal ends has 128 and the signal" {
    member b /bin/sleep 1000
    tatami run -b "$work/b" $c1 3>&- &
    await $c1 running
    tatami kill $c1 9
    code=0
    wait $! || code=$?
    [ "$code" = 137 ]
    member b /bin/sh -c '/bin/sh -c "kill -TERM \$\$"; exit $?'
    run -143 tatami run -b "$work/b" $c1
}

@test "the caller adopts the handle and gets the program's exit code" {
    member b /bin/sh -c 'exit 7'
    caller_adopts_handle
}

@test "signals to the handle reach the program, which decides" {
    member b /bin/sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.1; done'
    tatami create -b "$work/b" --pid-file "$work/pid" $c1 >"$work/out" 3>&-
    tatami start $c1
    eventually grep -q ready "$work/out"
    kill -TERM "$(cat "$work/pid")"
    await $c1 stopped
    grep -q got "$work/out"
}

@test "run passes a signal on and ends with the program's code" {
    member b /bin/sh -c 'trap "exit 9" INT; echo ready; while :; do sleep 0.1; done'
    "$TATAMI" --root "$root" run -b "$work/b" $c1 >"$work/out" 3>&- &
    eventually grep -q ready "$work/out"
    kill -INT $!
    code=0
    wait $! || code=$?
    [ "$code" = 9 ]
}

@test "each signal by number, name and with SIG reaches the program" {
    member b /bin/sh -c 'for s in HUP USR1 USR2 WINCH TERM; do trap "echo got $s" $s; done; echo ready; while :; do sleep 0.1; done'
    tatami run -d -b "$work/b" $c1 >"$work/out" 3>&-
    eventually grep -q ready "$work/out"
    for pair in 1:HUP SIGUSR1:USR1 usr2:USR2 sigwinch:WINCH :TERM; do
        tatami kill $c1 ${pair%:*}
        eventually grep -qx "got ${pair#*:}" "$work/out"
    done
}

@test "kill --all reaches every process of the container" {
    member b /bin/sh -c 'sleep 1000 & sleep 1000 & echo ready; wait; wait'
    tatami run -d -b "$work/b" $c1 >"$work/out" 3>&-
    eventually grep -q ready "$work/out"
    tatami kill --all $c1 KILL
    await $c1 stopped
    run -0 tatami kill --all $c1 KILL
}

@test "the verbs refuse what the status does not allow" {
    member b /bin/sleep 1000
    silently tatami create -b "$work/b" $c1
    refused 1 "already exists" create -b "$work/b" $c1
    refused 1 "not paused" resume $c1
    tatami start $c1
    refused 1 "cannot start an already running container" start $c1
    refused 1 "that is not stopped: running" delete $c1
    tatami pause $c1
    refused 1 "container not running" pause $c1
    refused 255 "paused" exec $c1 /bin/true
    tatami resume $c1
    for word in 65 -1 999 BOGUS ""; do refused 1 signal kill $c1 "$word"; done
    tatami kill $c1 KILL
    await $c1 stopped
    refused 1 "container not running" kill $c1
    refused 1 "that has stopped" start $c1
    refused 1 "not running" update --pids-limit 5 $c1
    refused 1 "not running" events --stats $c1
    refused 255 "stopped container" exec $c1 /bin/true
}

@test "a name that is unknown is told by every command, and removing it by force is no error" {
    for verb in state start kill delete pause resume ps "update --pids-limit 5" "events --stats"; do
        refused 1 "does not exist" $verb absent
    done
    refused 255 "does not exist" exec absent /bin/true
    run -0 tatami delete --force absent
    [ "$output" = "" ]
}

@test "list and ps know the containers" {
    member b /bin/sleep 1000
    silently tatami create -b "$work/b" --pid-file "$work/pid" $c1
    [ "$(tatami list -q | sort | xargs)" = "$c1 pod" ]
    tatami list -f json | python3 -c '
import json, sys
rows = {row["id"]: row for row in json.load(sys.stdin)}
assert rows["c1"]["status"] == "created" and rows["pod"]["status"] == "running", rows
assert rows["c1"]["pid"] == int(sys.argv[1]) and rows["c1"]["bundle"].endswith("/b"), rows' "$(cat "$work/pid")"
    run -0 tatami ps -f json $c1
    [ "$output" = "[$(cat "$work/pid")]" ]
    run -0 tatami ps $c1
}

# ---- exec ----

@test "exec carries streams, codes and what its options change" {
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    exec_carries_streams_and_options
    run -0 tatami exec --cap CAP_SYS_ADMIN $c1 /bin/grep -e CapInh -e CapBnd /proc/self/status
    [[ "${lines[0]}" == *0000000000000000 ]]
    (( 16#$(echo "${lines[1]}" | tr -dc '0-9a-f' | tail -c 16) & 1 << 21 ))
}

@test "exec works in a created container, and shares its namespaces" {
    member b /bin/sleep 1000
    silently tatami create -b "$work/b" $c1
    before=$(tatami exec $c1 /bin/readlink /proc/self/ns/pid)
    tatami start $c1
    [ "$(tatami exec $c1 /bin/readlink /proc/self/ns/pid)" = "$before" ]
    run -0 tatami exec $c1 /bin/sh -c 'tr "\0" " " </proc/1/cmdline'
    [[ "$output" == "/bin/sleep 1000"* ]]
}

@test "exec tells a program that is missing in the words callers look for" {
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    refused 255 'exec: "/bin/nope": stat /bin/nope: no such file or directory' exec $c1 /bin/nope
    refused 255 'executable file not found in $PATH' exec $c1 nope
    refused 255 'permission denied' exec $c1 /etc
    refused 255 '/absent' exec --cwd /absent $c1 /bin/true
}

@test "a detached exec has a handle with its exit code" {
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    caller_adopts_exec
}

@test "exec passes signals on" {
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    "$TATAMI" --root "$root" exec $c1 /bin/sh -c 'trap "exit 11" TERM; echo ready; while :; do sleep 0.1; done' >"$work/out" 3>&- &
    eventually grep -q ready "$work/out"
    kill -TERM $!
    code=0
    wait $! || code=$?
    [ "$code" = 11 ]
}

@test "thirty execs at once each have their own output and code" {
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    for i in $(seq 30); do
        { code=0; tatami exec $c1 /bin/sh -c "seq $i 5000; exit $i" >"$work/out.$i" 2>"$work/err.$i" || code=$?; echo $code >"$work/code.$i"; } 3>&- &
        pids="$pids $!"
    done
    wait $pids
    for i in $(seq 30); do
        [ "$(cat "$work/code.$i")" = "$i" ] || { cat "$work/err.$i" >&2; false; }
        cmp "$work/out.$i" <(seq "$i" 5000)
    done
}

@test "an exec ends when its container does" {
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    tatami exec $c1 /bin/sleep 1000 3>&- &
    eventually test "$(tatami exec pod /bin/sh -c 'ls /guest/proc' >/dev/null; echo ok)" = ok
    sleep 0.3
    tatami kill $c1 KILL
    code=0
    wait $! || code=$?
    [ "$code" = 137 ]
}

# ---- pid files and logs ----

@test "a pid file has digits alone, is replaced, and one that cannot be written undoes the creation" {
    member b /bin/sleep 1000
    echo old >"$work/pid"
    silently tatami create -b "$work/b" --pid-file "$work/pid" $c1
    grep -qxE '[0-9]+' "$work/pid"
    [ "$(wc -l <"$work/pid")" = 0 ]
    tatami delete $c1
    refused 1 "/absent/pid" create -b "$work/b" --pid-file "$work/absent/pid" $c1
    refused 1 "does not exist" state $c1
}

@test "a failure is one line of JSON in the log, success none" {
    member b /bin/nope
    rm -f "$work/log"
    run -1 tatami --log "$work/log" --log-format json create -b "$work/b" $c1
    python3 -c '
import json, sys
(line,) = open(sys.argv[1])
record = json.loads(line)
assert record["level"] == "error" and "no such file or directory" in record["msg"] and record["time"].endswith("Z"), record' "$work/log"
    rm "$work/log"
    member b /bin/true
    tatami --log "$work/log" --log-format json run -b "$work/b" $c1
    [ ! -s "$work/log" ]
}

# come_and_go N: two containers, one after the other, whose output and exit code are N.
come_and_go() {
    local turn code
    for turn in 1 2; do
        code=0
        tatami run -b "$work/b$1" "race-$1" >"$work/race.$1" 2>&1 3>&- || code=$?
        [ "$code" = "$1" ] && [ "$(cat "$work/race.$1")" = "$1" ] || { cat "$work/race.$1" >&2; return 1; }
    done
}

@test "containers that come and go in one machine at the same time do not disturb each other" {
    pids=()
    for i in 1 2 3 4 5 6; do
        member "b$i" /bin/sh -c "echo $i; exit $i"
        come_and_go $i &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    [ "$(tatami list -q)" = pod ]
}
