#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Parts that die while containers run: clients get an error, the status is `stopped`, deletion cleans everything.

bats_require_minimum_version 1.5.0

load helpers

setup_file() { machines_up; }
teardown_file() { machines_down; }
setup() { needs_machine; }

teardown() {
    [ -z "$no_machine" ] || return 0
    delete_all
    nothing_left
}

# A machine with a container that says x again and again; its handle's pid is in $work/pid.
boot() {
    bundle b /bin/sh -c 'while :; do echo x; sleep 0.05; done'
    tatami run -d -b "$work/b" --pid-file "$work/pid" $c1 >"$work/out" 2>&1 3>&-
    eventually test -s "$work/out"
}

# The container has ended for everybody, and its deletion succeeds.
gone() {
    await $c1 stopped
    eventually handle_ended
    run -255 tatami exec $c1 /bin/true
    run -1 tatami kill $c1 TERM
    [[ "$output" == *"container not running"* ]]
    run -0 tatami delete $c1
    [ "$output" = "" ]
    nothing_left
}

handle_ended() {
    ! grep -qs '^State:.[^Z]' "/proc/$(cat "$work/pid")/status"
}

@test "QEMU is killed" {
    boot
    kill -KILL "$(part_of $c1 qemu)"
    gone
}

@test "virtiofsd is killed" {
    boot
    kill -KILL "$(part_of $c1 virtiofsd)"
    gone
}

@test "the vsock device is killed" {
    boot
    kill -KILL "$(part_of $c1 vsock)"
    gone
}

@test "the monitor is killed" {
    boot
    kill -KILL "$(part_of $c1 monitor)"
    gone
}

@test "a monitor that is stuck: commands end in time, and force deletes everything" {
    boot
    kill -STOP "$(part_of $c1 monitor)"
    refused 1 "the monitor of sandbox $c1 does not answer" pause $c1
    run -0 tatami delete --force $c1
    [ "$output" = "" ]
    nothing_left
}

# A file server that is stuck holds up those alone who need it: their calls have limits.
@test "a guest that does not answer because a part is stuck is found out, and clients are told" {
    echo 'health_timeout_ms = 3000' >"$work/config.toml"
    for part in qemu vsock; do
        bundle b /bin/sh -c 'while :; do echo x; sleep 0.05; done'
        rm -f "$work/out"
        "$TATAMI" --root "$root" --config "$work/config.toml" run -b "$work/b" $c1 >"$work/out" 2>"$work/err" 3>&- &
        client=$!
        await $c1 running
        eventually test -s "$work/out"
        kill -STOP "$(part_of $c1 $part)"
        code=0
        wait "$client" || code=$?
        echo "$part: $code $(cat "$work/err")"
        [ "$code" = 255 ]
        [[ "$(cat "$work/err")" == "tatami: sandbox $c1 does not run any more: the guest has not answered for 3000 ms; "* ]]
        nothing_left
    done
}

@test "all parts are killed at once, and force deletes what is left" {
    boot
    kill -KILL "$(part_of $c1 monitor)" "$(part_of $c1 qemu)" "$(part_of $c1 virtiofsd)" "$(part_of $c1 vsock)" "$(cat "$work/pid")"
    run -0 tatami delete --force $c1
    [ "$output" = "" ]
    nothing_left
}

@test "the agent is killed in the guest: the machine ends" {
    # Only init of the guest's pid namespace may do that, and its kernel panics.
    bundle b /bin/sh -c 'echo ready; read line; echo c >/guest/proc/sysrq-trigger; sleep 1000' -- \
        'c["mounts"] += [{"destination": "/guest/proc", "type": "bind", "source": "/proc", "options": ["rbind"]}]'
    mkfifo "$work/in"
    sleep 1000 >"$work/in" 3>&- &
    writer=$!
    tatami run -d -b "$work/b" --pid-file "$work/pid" $c1 <"$work/in" >"$work/out" 2>&1 3>&-
    eventually grep -q ready "$work/out"
    echo go >"$work/in"
    gone
    kill "$writer"
    rm "$work/in"
}

@test "a killed handle takes its program along, and the machine with the container" {
    boot
    kill -KILL "$(cat "$work/pid")"
    await $c1 stopped
    run -0 tatami delete $c1
    nothing_left
}

@test "a killed handle of a member leaves the others alone" {
    bundle pod /bin/sleep 1000000 -- "$SANDBOX" "$GUEST_VIEW"
    silently tatami run -d -b "$work/pod" pod
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" --pid-file "$work/pid" $c1
    silently tatami run -d -b "$work/b" c2
    kill -KILL "$(cat "$work/pid")"
    await $c1 stopped
    eventually bash -c "! '$TATAMI' --root '$root' exec pod /bin/grep -q . /guest/cgroup/$c1/cgroup.procs"
    tatami exec c2 /bin/true
    status_is pod running
}

@test "clients that wait get an error when the machine dies" {
    bundle b /bin/sleep 1000
    tatami run -b "$work/b" $c1 3>&- &
    foreground=$!
    await $c1 running
    tatami exec $c1 /bin/sh -c 'echo ready; sleep 1000' >"$work/exec" 2>&1 3>&- &
    client=$!
    tatami events --interval 100ms $c1 >"$work/events" 2>&1 3>&- &
    watcher=$!
    eventually grep -q ready "$work/exec"
    eventually test -s "$work/events"
    kill -KILL "$(part_of $c1 qemu)"
    code=0
    wait "$foreground" || code=$?
    [ "$code" != 0 ] && [ "$code" != 124 ]
    code=0
    wait "$client" || code=$?
    [ "$code" != 0 ] && [ "$code" != 124 ]
    wait "$watcher" || [ $? != 124 ]
}

@test "QEMU is killed between create and start" {
    bundle b /bin/sleep 1000
    silently tatami create -b "$work/b" --pid-file "$work/pid" $c1
    kill -KILL "$(part_of $c1 qemu)"
    await $c1 stopped
    refused 1 "" start $c1
    run -0 tatami delete $c1
    nothing_left
}

@test "create is killed while the machine boots: no machine stays, and the name is free" {
    bundle b /bin/true
    for pause in 0.2 0.8; do
        "$TATAMI" --root "$root" create -b "$work/b" $c1 >"$work/out" 2>&1 3>&- &
        creator=$!
        sleep "$pause"
        kill -KILL "$creator"
        wait "$creator" || true
        eventually no_processes
        run -0 tatami delete --force $c1
        nothing_left
    done
}

@test "parts are killed at random moments, by a seed" {
    RANDOM=${SEED:-7}
    parts=(qemu virtiofsd vsock monitor handle)
    for turn in 1 2 3 4; do
        part=${parts[RANDOM % 5]}
        pause=0.$((RANDOM % 10))
        echo "turn $turn: $part after $pause s"
        bundle b /bin/sh -c 'while :; do echo x; echo y >/tmp/y; done'
        rm -f "$work/pid"
        silently tatami create -b "$work/b" --pid-file "$work/pid" $c1
        {
            tatami start $c1
            tatami exec $c1 /bin/sh -c 'seq 100000'
            tatami pause $c1
            tatami resume $c1
            tatami exec $c1 /bin/sleep 1000
        } >"$work/clients" 2>&1 3>&- &
        clients=$!
        sleep "$pause"
        [ "$part" = handle ] && victim=$(cat "$work/pid") || victim=$(part_of $c1 "$part")
        kill -KILL "$victim"
        await $c1 stopped
        code=0
        wait "$clients" || code=$?
        [ "$code" != 0 ] && [ "$code" != 124 ]
        run -0 tatami delete --force $c1
        [ "$output" = "" ]
        nothing_left
    done
    rm -f "$work/bundle/rootfs/tmp/y"
}
