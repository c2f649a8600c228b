#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# podman and conmon drive the runtime. They are no requirement: without them this is skipped.

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
    machines_up
    if [ -z "$no_machine" ] && command -v podman >/dev/null; then
        tar -C "$work/bundle/rootfs" -cf "$work/image.tar" .
        podman_here import "$work/image.tar" localhost/busybox:latest >"$work/import" 2>&1
    fi
}

teardown_file() { machines_down; }

setup() {
    needs_machine
    command -v podman >/dev/null || skip "podman is not installed"
}

# The second time, what podman's own process behind the end of a container was still unmounting the first time is unmounted.
teardown() {
    [ -n "$no_machine" ] || ! command -v podman >/dev/null || { podman_here pod rm -f -a && remove_all || remove_all; } >"$work/removed" 2>&1
}

remove_all() {
    podman_here rm -f -t 0 -a
}

podman_here() {
    timeout -k 2 40 podman --root "$work/podman" --runroot "$work/podman-run" --tmpdir "$work/podman-tmp" --storage-driver vfs \
        --events-backend none --cgroup-manager cgroupfs --runtime "$TATAMI" "$@"
}

# run [OPTIONS] COMMAND: the limits are explicit because podman's own need a privilege that a container of tests may lack.
podman_run() {
    podman_here run --network none --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 "$@"
}

@test "podman run: output, exit codes, a program that is missing" {
    run -0 podman_run --rm localhost/busybox:latest /bin/echo hello
    [ "$output" = hello ]
    run -42 podman_run --rm localhost/busybox:latest /bin/sh -c 'exit 42'
    run -127 podman_run --rm localhost/busybox:latest /bin/nope
}

@test "podman run -d, exec, pause, kill, wait, rm" {
    podman_run -d --name c localhost/busybox:latest /bin/sleep 1000 3>&- >"$work/id"
    run -0 podman_here exec c /bin/echo inside
    [ "$output" = inside ]
    run -127 podman_here exec c /bin/nope
    podman_here pause c
    podman_here unpause c
    podman_here kill c
    run -0 podman_here wait c
    [ "$output" = 137 ]
    podman_here rm c
}

@test "podman run with a user namespace" {
    run -0 podman_run --rm --uidmap 0:100000:65536 localhost/busybox:latest /bin/sh -c 'cat /proc/self/uid_map; touch /mine; stat -c %u /mine; ls -d /dev/mqueue'
    [ "$(echo $output)" = "0 100000 65536 0 /dev/mqueue" ]
    podman_run -d --name u --uidmap 0:100000:65536 --user 7 localhost/busybox:latest /bin/sleep 1000 3>&- >"$work/id"
    run -0 podman_here exec -t u /bin/sh -c 'id -u; tty'
    [ "$(echo "$output" | tr -d '\r' | xargs)" = "7 /dev/pts/0" ]
}

@test "podman run -t: the terminal has a name and is the console" {
    run -0 podman_run --rm -t localhost/busybox:latest /bin/sh -c 'tty; tty < /dev/console'
    [ "$(echo "$output" | tr -d '\r' | xargs)" = "/dev/pts/0 /dev/console" ]
}

@test "podman stats shows the memory of the machine" {
    podman_run -d --name c localhost/busybox:latest /bin/sleep 1000 3>&- >"$work/id"
    run -0 podman_here stats --no-stream --format '{{.MemUsage}}' c
    [[ "$output" =~ ^[0-9.]+MB ]] || { echo "$output" >&2; return 1; }
    [ "$(printf '%.0f' "${output%%MB*}")" -gt 32 ]
}

@test "podman run --privileged has the host's other devices, not its disks" {
    run -0 podman_run --rm --privileged localhost/busybox:latest /bin/sh -c 'find /dev -type b | wc -l; ls -d /dev/null; grep Eff /proc/self/status'
    [[ "$output" == 0$'\n'/dev/null$'\n'CapEff:*ffffff ]]
    mknod "$work/disk" b 259 250 # the number of a driver that every kernel has
    run ! podman_run --rm --device "$work/disk" localhost/busybox:latest /bin/true
    [[ "$output" == *"block device $work/disk cannot be handed to the machine"* ]]
}

boot_of() {
    podman_here run --rm --pod "$1" --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 localhost/busybox:latest \
        /bin/cat /proc/sys/kernel/random/boot_id
}

@test "containers of a pod share the machine of its infra container" {
    podman_here pod create --name p --share-parent=false --network none --infra-image localhost/busybox:latest --infra-command '/bin/sleep 1000' >"$work/id"
    [ "$(boot_of p)" = "$(boot_of p)" ]
    podman_here pod stop -t 0 p
    podman_here pod rm p
}

@test "containers of a pod without an infra container have machines of their own" {
    podman_here pod create --name p --share-parent=false --infra=false >"$work/id"
    [ "$(boot_of p)" != "$(boot_of p)" ]
    podman_here pod rm p
}
