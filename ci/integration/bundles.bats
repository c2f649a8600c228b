#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bundles of every kind: several containers in one machine, hooks, bad input, a full disk.

bats_require_minimum_version 1.5.0

load helpers

setup_file() { pod_up; }
teardown_file() { pod_down; }
setup() { needs_machine; }
teardown() { pod_is_clean; }

# ---- several containers in one machine ----

@test "containers of a pod share its machine, host name and ipc, not their processes and files" {
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    silently tatami run -d -b "$work/b" c2
    for what in ipc uts; do
        [ "$(tatami exec $c1 /bin/readlink /proc/self/ns/$what)" = "$(tatami exec c2 /bin/readlink /proc/self/ns/$what)" ]
    done
    for what in pid mnt; do
        [ "$(tatami exec $c1 /bin/readlink /proc/self/ns/$what)" != "$(tatami exec c2 /bin/readlink /proc/self/ns/$what)" ]
    done
    [ "$(pgrep -x tatami-monitor | while read -r pid; do readlink "/proc/$pid/cwd"; done | grep -c "$root")" = 1 ]
}

@test "containers of a pod share a volume" {
    mkdir -p "$work/volume"
    member b /bin/sleep 1000 -- "c['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind']}]"
    silently tatami run -d -b "$work/b" $c1
    silently tatami run -d -b "$work/b" c2
    tatami exec $c1 /bin/sh -c 'echo text >/v/file'
    [ "$(tatami exec c2 /bin/cat /v/file)" = text ]
    tatami delete --force $c1
    tatami delete --force c2
    rm -r "$work/volume" "$work/bundle/rootfs/v"
}

@test "a container that ends leaves its neighbours alone" {
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    silently tatami run -d -b "$work/b" c2
    tatami kill $c1 KILL
    await $c1 stopped
    tatami delete $c1
    tatami exec c2 /bin/true
    status_is c2 running
}

@test "fifteen containers live in one machine" {
    member b /bin/sleep 1000
    for n in $(seq 15); do silently tatami run -d -b "$work/b" "m$n"; done
    [ "$(tatami list -q | wc -l)" = 16 ]
    for n in 1 8 15; do tatami exec "m$n" /bin/true; done
}

@test "a container without its sandbox, and annotations that are none, are refused" {
    bundle b /bin/true -- 'c["annotations"] = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "absent"}'
    refused 1 "absent" create -b "$work/b" $c1
    bundle b /bin/true -- 'c["annotations"] = {"io.kubernetes.cri.container-type": "container"}'
    refused 1 "io.kubernetes.cri.sandbox-id" create -b "$work/b" $c1
    bundle b /bin/true -- 'c["annotations"] = {"io.kubernetes.cri.container-type": "bogus"}'
    refused 1 "bogus" create -b "$work/b" $c1
}

# ---- hooks ----

@test "hooks of the host run in order with the state" {
    cat >"$work/hook" <<'X'
#!/bin/sh
echo "$1 $(sed 's/.*"status":"\([a-z]*\)".*/\1/') $PWD" >>"$2"
X
    chmod +x "$work/hook"
    member b /bin/true -- "h = lambda k: [{'path': '$work/hook', 'args': ['hook', k, '$work/hooks'], 'env': ['PATH=/usr/bin:/bin']}]" \
        "c['hooks'] = {k: h(k) for k in ('prestart', 'createRuntime', 'poststart', 'poststop')}"
    silently tatami create -b "$work/b" $c1
    tatami start $c1
    await $c1 stopped
    tatami delete $c1
    [ "$(cat "$work/hooks")" = "prestart creating $work/b
createRuntime creating $work/b
poststart running $work/b
poststop stopped $work/b" ]
}

@test "a hook that fails or does not end undoes the creation" {
    member b /bin/true -- "c['hooks'] = {'createRuntime': [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo why >&2; exit 3']}]}"
    refused 1 "exit status 3: why" create -b "$work/b" $c1
    member b /bin/true -- "c['hooks'] = {'prestart': [{'path': '/bin/sleep', 'args': ['sleep', '1000'], 'timeout': 1}]}"
    refused 1 "/bin/sleep" create -b "$work/b" $c1
    refused 1 "does not exist" state $c1
}

@test "hooks of the container's start run in it before its program, and one that fails fails the start" {
    member b /bin/sh -c 'grep -c "\"status\":\"created\"" /dev/shm/state; cat /dev/shm/word' -- \
        "h = lambda script: {'path': '/bin/sh', 'args': ['sh', '-c', script], 'env': ['PATH=/bin', 'WORD=given']}" \
        "c['hooks'] = {'startContainer': [h('cat >/dev/shm/state'), h('echo \$WORD >/dev/shm/word')]}"
    run -0 tatami run -b "$work/b" $c1
    [ "$output" = $'1\ngiven' ]
    member b /bin/echo ran -- "c['hooks'] = {'startContainer': [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo why; exit 3']}]}"
    silently tatami create -b "$work/b" $c1
    refused 1 "exit status 3: why" start $c1
    silently tatami delete --force $c1
    member b /bin/true -- "c['hooks'] = {'createContainer': [{'path': '$work/hook'}]}"
    refused 1 "$work/hook: exit status 127: No such file or directory" create -b "$work/b" $c1
}

# ---- bad input ----

@test "a bundle that is none is refused in one line" {
    mkdir -p "$work/bad"
    for text in '' '{' '{}' '[]' '{"process":{"args":["x"],"cwd":"/"},"root":{"path":"absent"}}' '{"process":{"args":[],"cwd":"/"},"root":{"path":"/tmp"}}' \
        '{"process":{"args":["x"],"cwd":"rel"},"root":{"path":"/tmp"}}' '{"process":{"args":"x","cwd":"/"},"root":{"path":"/tmp"}}'; do
        echo "$text" >"$work/bad/config.json"
        refused 1 "" create -b "$work/bad" $c1
    done
    refused 1 "$work/absent" create -b "$work/absent" $c1
    rm "$work/bad/config.json"
    refused 1 "config.json" create -b "$work/bad" $c1
}

@test "names that are none are refused" {
    member b /bin/true
    for name in "" . .. a/b ../b "a b" $'a\nb' "$(printf 'a%.0s' $(seq 300))"; do
        run -1 tatami create -b "$work/b" "$name"
    done
    [ "$(ls "$root")" = pod ]
}

@test "a program that cannot be started is told by create, in the words callers look for" {
    member b /bin/nope
    refused 1 'exec: "/bin/nope": stat /bin/nope: no such file or directory' create -b "$work/b" $c1
    member b nope
    refused 1 'executable file not found in $PATH' run -b "$work/b" $c1
    member b /etc
    refused 1 'exec: "/etc": permission denied' create -b "$work/b" $c1
}

@test "unknown keys are ignored, words that the guest does not know are refused by name" {
    member b /bin/true -- 'c["future"] = {"a": [None]}; c["ociVersion"] = "1.2.1"; c["process"]["new"] = 1'
    run -0 tatami run -b "$work/b" $c1
    member b /bin/true -- 'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_NOPE"}'
    refused 1 "SCMP_ACT_NOPE" create -b "$work/b" $c1
    member b /bin/true -- 'c["process"]["rlimits"] = [{"type": "RLIMIT_NOPE", "soft": 1, "hard": 1}]'
    refused 1 "RLIMIT_NOPE" create -b "$work/b" $c1
    member b /bin/true -- 'c["mounts"] += [{"destination": "/x", "type": "nopefs", "source": "x"}]'
    refused 1 "nopefs" create -b "$work/b" $c1
}

@test "flags and commands that are none end with a usage error" {
    for words in "bogus" "create" "create a b" "create --bogus $c1" "--log-format xml list" "start" "kill" "exec $c1"; do
        run tatami $words
        [ "$status" != 0 ] && [ "$status" -lt 126 ] || [ "$status" = 255 ]
        [ -n "$output" ]
    done
}

@test "a kernel or a program of the machine that is missing is named" {
    bundle b /bin/true
    for key in kernel initramfs qemu virtiofsd vsock; do
        echo "$key = \"$work/absent\"" >"$work/config.toml"
        refused 1 "$work/absent" --config "$work/config.toml" create -b "$work/b" $c1
    done
}

@test "a full disk under the root leaves nothing" {
    mkdir -p "$work/full"
    mount -t tmpfs -o size=64k tatami-full "$work/full"
    head -c 65536 /dev/zero >"$work/full/filler" || true
    bundle b /bin/true
    run -1 timeout 30 "$TATAMI" --root "$work/full/root" create -b "$work/b" $c1
    [ "$(wc -l <<<"$output")" = 1 ]
    [ "$(find "$work/full" -type f | grep -v filler | wc -l)" = 0 ]
    umount "$work/full"
}

@test "a full volume is told to the program, which goes on" {
    mkdir -p "$work/full"
    mount -t tmpfs -o size=64k tatami-full "$work/full"
    member b /bin/sh -c 'dd if=/dev/zero of=/v/x bs=4k count=100 2>&1 | grep -o "No space.*"; rm /v/x; echo text >/v/x && echo fits' -- \
        "c['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': '$work/full', 'options': ['rbind']}]"
    run -0 tatami run -b "$work/b" $c1
    umount "$work/full"
    [ "$output" = $'No space left on device\nfits' ]
}

@test "a delete during a create waits for it" {
    member b /bin/sleep 1000
    "$TATAMI" --root "$root" create -b "$work/b" $c1 >"$work/silent" 2>&1 3>&- &
    creator=$!
    eventually test -e "$root/$c1"
    tatami delete --force $c1
    wait "$creator" || true
    refused 1 "does not exist" state $c1
}

@test "of ten parallel creations of one name one wins" {
    member b /bin/sleep 1000
    for n in $(seq 10); do
        { "$TATAMI" --root "$root" create -b "$work/b" $c1 >"$work/race.$n" 2>&1 3>&- && echo won >"$work/won.$n"; } 3>&- &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid" || true; done
    [ "$(cat "$work"/won.* | wc -l)" = 1 ]
    [ "$(grep -l 'already exists' "$work"/race.* | wc -l)" = 9 ]
    status_is $c1 created
}
