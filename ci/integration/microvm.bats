#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A machine without firmware, PCI and hot-plug: the same containers run in it.

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
    export config=$BATS_FILE_TMPDIR/runtime.toml
    echo 'machine = "microvm"' >"$config"
    pod_up
}
teardown_file() { pod_down; }
setup() { needs_machine; }
teardown() { pod_is_clean; }

@test "the machine is one" {
    tr '\0' ' ' <"/proc/$(part_of pod qemu)/cmdline" | grep -q -- '-machine microvm'
    run -0 tatami exec pod /bin/sh -c 'ls /sys/bus/pci/devices | wc -l; ls /sys/bus/virtio/drivers/virtiofs | grep -c virtio'
    [ "$output" = "0"$'\n'"1" ]
}

@test "create, start, pause, kill, delete: each status follows and success is silent" {
    member b /bin/sleep 1000
    silently tatami create -b "$work/b" $c1
    status_is $c1 created
    silently tatami start $c1
    status_is $c1 running
    silently tatami pause $c1
    status_is $c1 paused
    silently tatami resume $c1
    silently tatami kill $c1 KILL
    await $c1 stopped
    silently tatami delete $c1
    refused 1 "does not exist" state $c1
}

@test "run carries the streams and the exit code, exec too" {
    member b /bin/sh -c 'cat; echo err >&2; exit 3'
    run -3 --separate-stderr tatami run -b "$work/b" $c1 <<<'typed'
    [ "$output" = typed ]
    [ "$stderr" = err ]
    run -4 --separate-stderr tatami exec pod /bin/sh -c 'cat; exit 4' <<<'typed'
    [ "$output" = typed ]
}

@test "64 MiB go through the share, in and out, unchanged" {
    member b /bin/sh -c 'cp /block /copy; cat /copy; rm /copy'
    head -c 67108864 /dev/urandom >"$work/bundle/rootfs/block"
    run -0 bash -c '"$1" --config "$2" --root "$3" run -b "$4" "$5" | cmp - "$6"' - \
        "$TATAMI" "$config" "$root" "$work/b" "$c1" "$work/bundle/rootfs/block"
    rm "$work/bundle/rootfs/block"
}

@test "a terminal has its size, and resizes reach the program" {
    member b /bin/sh -c 'stty size; trap "stty size; exit 7" WINCH; read line; echo "got $line"; while :; do sleep 0.1; done' -- \
        'c["process"]["terminal"] = True'
    run -7 python3 "$TATAMI_SOURCE/runtime-min/tests/caller.py" terminal \
        "?40\\x2090 =typed\\r ?got\\x20typed @50x120 ?50\\x20120" "$TATAMI" --config "$config" --root "$root" run -b "$work/b" $c1 3>&-
}

@test "limits hold: a program that wants too much memory is killed" {
    member b /bin/sh -c 'head -c 64000000 /dev/zero | tail' -- 'c["linux"]["resources"]["memory"] = {"limit": 16 * 2**20}'
    run -137 tatami run -b "$work/b" $c1
}

@test "a machine of its own boots and ends with its container, and its death is noticed" {
    bundle b /bin/sh -c 'echo up; exec sleep 1000'
    tatami run -d -b "$work/b" $c1 >"$work/out" 2>&1 3>&-
    eventually grep -qx up "$work/out"
    kill -KILL "$(part_of $c1 qemu)"
    await $c1 stopped
    silently tatami delete $c1
    bundle b /bin/sh -c 'exit 5'
    run -5 tatami run -b "$work/b" $c1
}
