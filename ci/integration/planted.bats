#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a container plants in its root file system and its volumes: links to the host's files, FIFOs, sockets, devices. The host works
# on these trees, too, as root: it follows nothing out of them, opens nothing that waits, and ends in time.

bats_require_minimum_version 1.5.0

load helpers

setup_file() {
    pod_up
    [ -z "$no_machine" ] || return 0
    cp -a "$work/bundle/rootfs" "$work/planted"
}
teardown_file() { pod_down; }

setup() {
    needs_machine
    mkdir "$work/outside" "$work/volume"
    echo secret >"$work/outside/secret"
    chmod -R a+rwX "$work/outside"
}

teardown() {
    pod_is_clean
    [ -z "$work" ] || rm -rf "$work/outside" "$work/volume"
}

# The host's files are as they were.
outside_is_intact() {
    [ "$(ls -A "$work/outside")" = secret ] && [ "$(cat "$work/outside/secret")" = secret ]
}

ROOT="c['root']['path'] = '$work/planted'"
VOLUME="c['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind']}]"

# Its own rules allow making devices.
MAY_MAKE_DEVICES='for words in c["process"]["capabilities"].values(): words += ["CAP_MKNOD"]'

@test "links and FIFOs in a root file system lead no command out of it and stop none" {
    member b /bin/sh -c "rm -rf /etc /data /fifo; mkdir /etc; mkfifo /etc/passwd /fifo
        ln -s $work/outside/secret /etc/group; ln -s $work/outside /data; ln -s /../../../../../../$work/outside /up
        echo ready; exec sleep 1000" -- "$ROOT"
    tatami run -d -b "$work/b" --pid-file "$work/pid" $c1 >"$work/out" 2>&1 3>&-
    eventually grep -q ready "$work/out"
    run -0 tatami exec $c1 /bin/echo alive
    [ "$output" = alive ]
    run ! tatami exec --cwd /data $c1 /bin/true
    run ! nsenter -t "$(cat "$work/pid")" -m /bin/cat /etc/group /data/secret /up/secret
    [ "$(grep -c "can't open" <<<"$output")" = 3 ] && ! grep -x secret <<<"$output"
    tatami kill $c1 KILL
    await $c1 stopped
    tatami delete $c1
    outside_is_intact

    # The next one with this root mounts over what is there.
    for destination in /data /up /data/sub /fifo /etc/passwd; do
        member b /bin/sh -c "echo new >$destination/new; ls $destination" -- "$ROOT" \
            "c['mounts'] += [{'destination': '$destination', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind']}]"
        run --separate-stderr tatami run -b "$work/b" $c1
        [ "$status:$output" = 0:new ] || [ "$status:${#stderr_lines[@]}" = 1:1 ] || { echo "$destination: $status $output $stderr" >&2; false; }
        rm -f "$work/volume/new"
        outside_is_intact
    done
}

@test "a destination that turns into a link again and again leads nowhere else" {
    member a /bin/sh -c "cd /; mkdir -p race; echo ready
        while :; do mv race aside; ln -s $work/outside race; rm race; mv aside race; done" -- "$ROOT"
    member b /bin/sh -c 'echo new >/race/new' -- "$ROOT" \
        "c['mounts'] += [{'destination': '/race', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind']}]"
    tatami run -d -b "$work/a" racer >"$work/out" 2>&1 3>&-
    eventually grep -q ready "$work/out"
    for _ in $(seq 8); do
        run tatami run -b "$work/b" $c1
        outside_is_intact
    done
    tatami delete --force racer
}

@test "a volume takes links and FIFOs for the next container, and no devices" {
    member b /bin/sh -c "cd /v; ln -s $work/outside link; ln -s $work/outside/secret file; mkfifo fifo
        mknod device c 1 1; echo \$?; cat file link/secret; cp /bin/busybox setuid; chmod 4755 setuid" -- "$VOLUME" "$MAY_MAKE_DEVICES"
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = 1 ]
    [[ "$stderr" == *"mknod: device: Operation not permitted"* ]]
    [ ! -e "$work/volume/device" ]
    python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$work/volume/socket')"

    # Links are the guest's, to what is in it.
    member b /bin/sh -c 'cat /v/file /v/link/secret; ls /v | xargs' -- "$VOLUME"
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = "fifo file link setuid socket" ]
    for source in fifo socket; do
        member b /bin/sh -c 'stat -c %F /f' -- \
            "c['mounts'] += [{'destination': '/f', 'type': 'bind', 'source': '$work/volume/$source', 'options': ['bind']}]"
        run -0 tatami run -b "$work/b" $c1
        [ "$output" = "$source" ]
    done
    outside_is_intact
}

@test "what is shared read-only cannot be had for writing by another name" {
    echo text >"$work/volume/file"
    member b /bin/sh -c 'ln /ro/file /v/hard; echo $?; ln /v/file /v/own && echo more >>/v/own; mv /ro/file /v/moved; echo $?; cat /ro/file' -- "$VOLUME" \
        "c['mounts'] += [{'destination': '/ro', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind', 'ro']}]"
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = $'1\n1\ntext\nmore' ]
    [ ! -e "$work/volume/hard" ] && [ "$(stat -c %h "$work/volume/file")" = 2 ]
}
