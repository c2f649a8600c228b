#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What engines do with a runtime, beyond its command line.

bats_require_minimum_version 1.5.0
load helpers

setup_file() { machines_up; }
teardown_file() { machines_down; }
setup() { needs_machine; }
teardown() { [ -n "$no_machine" ] || delete_all; }

@test "who enters the mount namespace of a container's pid sees its files and volumes, not the host's" {
    mkdir -p "$work/volume"
    echo kept >"$work/volume/file"
    echo of-host >"$work/only-host"
    bundle b sh -c 'mkdir -p /made; echo guest >/made/name; exec sleep 1000' -- "
c['root']['path'] = '$work/bundle/rootfs'
c['root']['readonly'] = False
c['mounts'].append({'destination': '/volume', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind']})"
    silently tatami run -d --bundle "$work/b" --pid-file "$work/pid" "$c1"
    run -0 tatami exec "$c1" sh -c 'until [ -s /made/name ]; do sleep 0.1; done'
    enter() { nsenter --mount --target "$(cat "$work/pid")" /bin/sh -c "$1"; }
    run -0 enter 'cat /made/name /volume/file; echo of-caller >/made/back; echo of-caller >/volume/back'
    [ "$output" = "guest
kept" ]
    run ! enter "cat '$work/only-host'"
    run -0 tatami exec "$c1" cat /made/back /volume/back
    [ "$output" = "of-caller
of-caller" ]
}

@test "a domain name, a device without a mode and a relative place of a mount are as with other runtimes" {
    mkdir -p "$work/volume"
    echo kept >"$work/volume/file"
    bundle b sh -c 'cat /proc/sys/kernel/domainname /data/file; ls -l /dev/other | cut -c1-10' -- "
c['root']['path'] = '$work/bundle/rootfs'
c['root']['readonly'] = False
c['domainname'] = 'example.org'
c['mounts'].append({'destination': 'data', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind']})
c['linux']['devices'] = [{'path': '/dev/other', 'type': 'u', 'major': 1, 'minor': 5}]"
    run -0 tatami run --bundle "$work/b" "$c1"
    [ "$output" = "example.org
kept
crw-rw-rw-" ]
}

# Engines set up networks in what they find by the pid: buildah, and hooks of engines. It must never be the host's.
@test "a container with a network namespace has a pid in one that is not the host's, and its hooks find it" {
    local host=$(readlink /proc/self/ns/net)
    net_of() { readlink "/proc/$(cat "$work/pid")/ns/net"; }
    for mode in own none; do
        bundle b true -- "
c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'network']
if '$mode' == 'own':
    c['linux']['namespaces'].append({'type': 'network'})
c['root']['path'] = '$work/bundle/rootfs'
c['hooks'] = {'createRuntime': [{'path': '/bin/sh', 'env': ['PATH=/usr/bin:/bin'], 'args': ['sh', '-c',
    'readlink /proc/\$(tr -d \" ,\\\\n\" | sed \"s/.*pid.:\\\\([0-9]*\\\\).*/\\\\1/\")/ns/net >$work/hook-net']}]}"
        silently tatami create --bundle "$work/b" --pid-file "$work/pid" "$c1"
        [ "$(net_of)" = "$(cat "$work/hook-net")" ]
        if [ "$mode" = own ]; then [ "$(net_of)" != "$host" ]; else [ "$(net_of)" = "$host" ]; fi
        tatami delete --force "$c1"
    done
}
