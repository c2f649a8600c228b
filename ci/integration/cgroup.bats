#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The control groups of machines and containers on the host. What does not need a machine: runtime-min/tests/cli_cgroup.bats.

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
    export parent=/tatami-test-$$ # of all groups here
    pod_up "c['linux']['cgroupsPath'] = '$parent/pod'"
}
teardown_file() {
    pod_down
    [ -n "$no_machine" ] || ! ls -d /sys/fs/cgroup/*"$parent"
}
setup() {
    needs_machine
    [ -n "$(members pod)" ] || skip "no control groups that can be written below /sys/fs/cgroup"
}
teardown() { pod_is_clean; }

# members NAME: the pids in the group NAME; the same in every hierarchy.
members() {
    local file first=
    for file in /sys/fs/cgroup/"$parent/$1"/cgroup.procs /sys/fs/cgroup/*/"$parent/$1"/cgroup.procs; do
        [ -e "$file" ] || continue
        [ -n "$first" ] || first=$file
        diff "$first" "$file" >&2
    done
    [ -z "$first" ] || cat "$first"
}

# Names of the programs in a group.
programs() {
    local pid
    for pid in $(members "$1"); do cat "/proc/$pid/comm"; done | sort | uniq -c | awk '{ print $2 ":" $1 }' | tr '\n' ' '
}

# A process with its descendants.
family() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1"); do family "$child"; done
}

gone() {
    [ -z "$(ls -d /sys/fs/cgroup/"$parent/$1" /sys/fs/cgroup/*/"$parent/$1" 2>/dev/null)" ]
}

@test "the machine is in the group of the container that started it, with all its processes and the handle" {
    local handle=$(tatami state pod | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
    [ "$(family "$(monitor_of pod)" | wc -l)" -ge 4 ]
    diff <(members pod | sort) <({ family "$(monitor_of pod)"; echo "$handle"; } | sort)
}

@test "the group counts the memory of the machine" {
    local file
    for file in /sys/fs/cgroup/"$parent/pod"/memory.current /sys/fs/cgroup/memory/"$parent/pod"/memory.usage_in_bytes; do
        [ ! -e "$file" ] || [ "$(cat "$file")" -gt $((32 * 1024 * 1024)) ]
    done
}

@test "a member's handles are in a group of its own, which goes with it" {
    member b /bin/sleep 1000 -- "c['linux']['cgroupsPath'] = '$parent/$c1'" "$MEMBER"
    silently tatami run -d -b "$work/b" $c1
    silently tatami exec -d $c1 /bin/sleep 1000
    [ "$(programs $c1)" = "tatami-handle:2 " ]
    [ "$(programs pod | grep -o 'tatami-handle:.')" = tatami-handle:1 ]
    tatami delete --force $c1
    gone $c1
}

@test "who kills all processes of the group ends the machine, and delete removes what is left" {
    bundle b /bin/sleep 1000 -- "c['linux']['cgroupsPath'] = '$parent/$c1'"
    silently tatami run -d -b "$work/b" $c1
    kill -KILL $(members $c1)
    await $c1 stopped
    tatami delete $c1
    gone $c1
}

boots() {
    [ -n "$(part_of $c1 qemu)" ]
}

@test "create is killed while the machine boots: delete --force removes the group" {
    bundle b /bin/sleep 1000 -- "c['linux']['cgroupsPath'] = '$parent/$c1'"
    "$TATAMI" --root "$root" create -b "$work/b" $c1 >"$work/out" 2>&1 3>&- &
    local creator=$!
    eventually boots
    kill -KILL $creator
    wait $creator || true
    tatami delete --force $c1
    gone $c1
}
