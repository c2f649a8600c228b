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

# guest_will WORDS: a container that sees the guest's /proc and may trace runs these words of shell once do_it is called.
guest_will() {
    bundle b /bin/sh -c "echo ready; read line; $1; sleep 1000" -- "$GUEST_VIEW"
    mkfifo "$work/in"
    echo 'health_timeout_ms = 3000' >"$work/config.toml"
    "$TATAMI" --root "$root" --config "$work/config.toml" run -b "$work/b" --pid-file "$work/pid" $c1 \
        <"$work/in" >"$work/out" 2>"$work/err" 3>&- &
    client=$!
    exec 9>"$work/in"
    await $c1 running
    eventually grep -q ready "$work/out"
}

do_it() {
    echo go >&9
    exec 9>&-
    rm "$work/in"
    code=0
    wait "$client" || code=$?
    cat "$work/out" "$work/err"
    [ "$code" = 255 ]
    nothing_left
}

# Fills the agent's program in memory with the byte $1 and the two last ones with $2.
OVERWRITE='overwrite() {
    line=$(grep -m 1 r-xp /guest/proc/1/maps)
    from=0x${line%%-*} to=${line#*-}
    to=0x${to%% *}
    { head -c $((to - from - 2)) /dev/zero | tr "\\0" "$1"; printf "$2"; } >/dev/shm/text
    dd if=/dev/shm/text of=/guest/proc/1/mem bs=4096 seek=$((from / 4096)) conv=notrunc
}'

# Signals to PID 1 of a machine are ignored, KILL and SEGV too, unless it made the fault itself. So its program is taken away under it:
# the next thing it does is a fault, the kernel has no init any more and panics, the panic ends QEMU, and the monitor knows why.
@test "the agent dies of a fault: the machine ends, and clients are told of the panic" {
    guest_will "$OVERWRITE; overwrite '\\0' '\\0\\0'"
    do_it
    [[ "$(cat "$work/err")" == *"tatami-agent[1]: segfault at "*" ip "*"Kernel panic - not syncing: Attempted to kill init"*"RIP: "* ]]
}

# Its program becomes one that does nothing for ever: kernel and parts live on, and only the checks of the monitor find that out.
@test "the agent hangs: the machine ends, and clients are told" {
    guest_will "$OVERWRITE; overwrite '\\220' '\\353\\376'"
    do_it
    [[ "$(cat "$work/err")" == *"the guest has not answered for 3000 ms"* ]]
}

# The kernel of the guest dies, for whatever reason.
@test "the guest's kernel panics: the machine ends, and clients are told" {
    guest_will 'echo c >/guest/proc/sysrq-trigger'
    do_it
    [[ "$(cat "$work/err")" == *"Kernel panic - not syncing: sysrq triggered crash"* ]]
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

# So does containerd for Kubernetes, which then makes the pod anew.
@test "a killed sandbox container is deleted, and its machine and members end with it" {
    bundle pod /bin/sleep 1000 -- "$SANDBOX"
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/pod" --pid-file "$work/pid" pod
    silently tatami run -d -b "$work/b" $c1
    kill -KILL "$(cat "$work/pid")"
    await pod stopped
    status_is $c1 running
    run -0 tatami delete pod
    [ "$output" = "" ]
    await $c1 stopped
    run -0 tatami delete $c1
    nothing_left
}

# Creates and starts members until that fails; the reason is one line.
crowd() {
    local turn name
    for turn in 1 2 3 4 5 6 7 8 9; do
        name=$1-$turn
        tatami create -b "$work/b" "$name" >"$work/$1.out" 2>&1 3>&- && tatami start "$name" >"$work/$1.out" 2>&1 3>&- || break
    done
    [ "$(grep -c . "$work/$1.out")" -le 1 ] || { cat "$work/$1.out" >&2; return 1; }
}

@test "a sandbox that is deleted while members are made in it leaves nothing, and each of them is told" {
    bundle pod /bin/sleep 1000000 -- "$SANDBOX"
    silently tatami run -d -b "$work/pod" pod
    member b /bin/sleep 1000
    pids=()
    for name in x y z; do
        crowd $name &
        pids+=($!)
    done
    eventually status_is x-1 running
    run -0 tatami delete --force pod
    [ "$output" = "" ]
    for pid in "${pids[@]}"; do wait "$pid"; done
    for id in $(ls "$root"); do
        await "$id" stopped
        run -0 tatami delete "$id"
    done
    nothing_left
}

@test "clients that wait get an error when the machine dies" {
    bundle b /bin/sleep 1000
    tatami run -b "$work/b" $c1 2>"$work/err" 3>&- &
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
    [ "$code" = 255 ]
    code=0
    wait "$client" || code=$?
    [ "$code" = 255 ]
    cat "$work/err" "$work/exec"
    [[ "$(cat "$work/err")" == "tatami: sandbox $c1 does not run any more: "*"QEMU was killed by signal 9 (KILL)"* ]]
    # The other one has perhaps removed the container with the reason.
    [[ "$(tail -n 1 "$work/exec")" == "tatami: sandbox $c1 does not run"* ]]
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

# The rounds of this seed stop nothing: to find that out takes as long as the limits are.
@test "parts are killed and ended at random moments, by a seed" {
    run -0 "$TATAMI_SOURCE/ci/chaos" --build "$TATAMI_BUILD" --seed "${SEED:-24}" --rounds 3
    echo "$output"
}
