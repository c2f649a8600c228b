#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# tatami without a virtual machine: options, output formats, error lines, exit codes.

bats_require_minimum_version 1.5.0

setup() {
    work=$(mktemp -d /tmp/tatami-XXXXXX)
    chmod 700 "$work"
    root=$work/root
}

teardown() {
    rm -rf "$work"
}

tatami() {
    "$TATAMI_BUILD/tatami" --root "$root" "$@"
}

# A container as create leaves it, made by hand: record ID STATUS HANDLE_PID HANDLE_START
record() {
    mkdir -p -m 700 "$root/$1"
    touch "$root/$1/lock"
    cat >"$root/$1/state.json" <<EOF
{"version":2,"id":"$1","guestId":"$1","bundle":"/b","rootfs":"/b/rootfs","sandboxId":"$1","ownsSandbox":true,"terminal":false,"started":true,
"status":"$2","createdNs":1700000000000000005,"creatorPid":1,"creatorStart":1,"handlePid":$3,"handleStart":$4,"cgroup":"","cgroupMade":[]}
EOF
    echo '{"ociVersion":"1.0.0","annotations":{"color":"blue"}}' >"$root/$1/config.json"
}

start_time() {
    sed 's/.*) //' "/proc/$1/stat" | cut -d' ' -f20
}

@test "no command shows the help and succeeds, and so does --help of any command" {
    run -0 --separate-stderr tatami
    [[ "$output" == "usage: tatami "* ]]
    [ "$stderr" = "" ]
    for command in state list ps spec features; do
        run -0 --separate-stderr tatami "$command" --help
        [[ "$output" == "usage: tatami $command"* ]]
        run -0 tatami help "$command"
    done
}

@test "the version has the lines that callers look for" {
    run -0 tatami --version
    [[ "${lines[0]}" =~ ^tatami\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    [[ "${lines[1]}" == "commit: "* ]]
    [[ "${lines[2]}" == "spec: 1."* ]]
}

@test "words that do not fit fail with one line" {
    check() {
        run -1 --separate-stderr tatami "$@"
        [ "$output" = "" ]
        [ "${#stderr_lines[@]}" = 1 ]
    }
    check bogus
    check --bogus
    check state
    check state a b
    check state --bogus a
    check state a --bogus
    check list --format
    check list --format xml
    check list --quiet=maybe
    check --log-format xml list
    check help bogus
}

@test "ids that are no names are refused and nothing is made" {
    mkdir "$work/outside"
    for id in "" . .. a/b ../outside "a b" $'a\nb' "ä" "$(printf '%0256d' 0)"; do
        run -1 --separate-stderr tatami state "$id"
        [[ "$stderr" == *"container id"* || "$stderr" == *"container ID"* ]]
    done
    run -1 tatami state a/b
    [ "$output" = "tatami: invalid container ID format: 'a/b': invalid character \`/\` in the ID" ]
    [ ! -e "$root" ]
}

@test "an unknown container does not exist" {
    for command in state ps; do
        run -1 --separate-stderr tatami "$command" absent
        [ "$stderr" = 'tatami: container "absent" does not exist' ]
    done
    [ ! -e "$root" ]
}

@test "a root that cannot be trusted is refused" {
    mkdir "$work/open"
    chmod 777 "$work/open"
    for bad in "" / "$work/open"; do
        run -1 "$TATAMI_BUILD/tatami" --root "$bad" list
        [[ "$output" == *root* ]]
    done
    cd "$work"
    run -0 "$TATAMI_BUILD/tatami" --root relative list -q
    [ "$output" = "" ]
}

@test "checkpoint and restore answer the probes of callers" {
    run -1 tatami checkpoint --help
    [[ "$output" == *"not supported"* ]]
    run -1 tatami restore --lsm-mount-context
    [[ "$output" == *"not supported"* && "$output" != *"requires an argument"* && "$output" != *"needs"* ]]
}

@test "features is JSON alone, with what callers demand" {
    run -0 tatami features
    echo "$output" | python3 -c '
import json, sys
f = json.load(sys.stdin)
assert f["ociVersionMin"] and f["ociVersionMax"]
assert set(f["hooks"]) == {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}
assert "rbind" in f["mountOptions"] and "CAP_SYS_ADMIN" in f["linux"]["capabilities"]
assert f["linux"]["seccomp"]["enabled"] is True and f["linux"]["apparmor"]["enabled"] is False
assert "io.tatami." in f["potentiallyUnsafeConfigAnnotations"]'
}

@test "spec writes a sample once, without inheritable capabilities" {
    run -0 tatami spec --bundle "$work"
    [ "$output" = "" ]
    python3 -c '
import json, sys
c = json.load(open(sys.argv[1]))
assert c["process"]["args"] == ["sh"] and c["root"]["path"] == "rootfs"
assert not c["process"]["capabilities"].get("inheritable") and not c["process"]["capabilities"].get("ambient")' "$work/config.json"
    [ "$(stat -c %a "$work/config.json")" = 644 ]
    echo mine >"$work/config.json"
    run -1 tatami spec -b "$work"
    [[ "$output" == *"File config.json exists. Remove it first"* ]]
    [ "$(cat "$work/config.json")" = mine ]
    run -1 tatami spec -b "$work/absent"
}

@test "the sample for an unprivileged user has a user namespace and no resources" {
    local words
    while read -r words; do
        rm -f "$work/config.json"
        run -0 tatami spec $words -b "$work"
        [ "$output" = "" ]
        python3 -c '
import json, sys
l = json.load(open(sys.argv[1]))["linux"]
rootless = len(sys.argv) > 2
assert ({"type": "user"} in l["namespaces"]) == rootless and ("resources" in l) != rootless
assert {"type": "pid"} in l["namespaces"] and l["maskedPaths"]' "$work/config.json" $words
    done <<<$'\n--rootless'
}

@test "a container lives as long as its handle" {
    sleep 100 3>&- &
    record live running $! "$(start_time $!)"
    run -0 --separate-stderr tatami state live
    [ "$stderr" = "" ]
    echo "$output" | python3 -c '
import json, sys
s = json.load(sys.stdin)
assert s["status"] == "running" and s["pid"] == int(sys.argv[1]) and s["id"] == "live" and s["bundle"] == "/b"
assert s["annotations"] == {"color": "blue"} and s["rootfs"] == "/b/rootfs"
assert s["created"] == "2023-11-14T22:13:20.000000005Z" and s["owner"]' $!
    run -0 tatami ps --format json live
    [ "$output" = "[$!]" ]
    run -0 tatami ps live -e -f
    [[ "${lines[0]}" =~ ^UID\ +PID\ +PPID\ +C\ +STIME\ +TTY\ +TIME\ +CMD$ ]]
    [[ "${lines[1]}" =~ ^root\ +$!\ +[0-9]+\ +0\ 22:13\ \?\ +00:00:0[01]\ tatami-handle\ live$ ]]
    kill $!
    wait $! || true
    run -0 tatami state live
    [[ "$output" == *'"status": "stopped"'* && "$output" == *'"pid": 0'* ]]
    run -0 tatami ps -f json live
    [ "$output" = "[]" ]
}

@test "a reused pid is another process" {
    record old running $$ 1
    run -0 tatami state old
    [[ "$output" == *'"status": "stopped"'* ]]
}

@test "one whose creator died has stopped" {
    record half creating 0 0
    run -0 tatami state half
    [[ "$output" == *'"status": "stopped"'* ]]
}

@test "list shows what is ours and skips the rest" {
    run -0 tatami list
    [ "${#lines[@]}" = 1 ]
    [[ "$output" == "ID "*PID*STATUS*BUNDLE*CREATED*OWNER ]]
    record one running 999999 5
    record two created 999999 5
    record broken created 999999 5
    echo '{"version":2' >"$root/broken/state.json"
    record newer created 999999 5
    sed -i 's/"version":2/"version":99/' "$root/newer/state.json"
    mkdir "$root/stray"
    touch "$root/file"
    ln -s / "$root/link"
    run -0 tatami list --quiet
    [ "$(echo "$output" | grep -v '^tatami: ' | sort | tr '\n' ' ')" = "one two " ]
    run -0 --separate-stderr tatami list
    [[ "$stderr" == *broken* && "$stderr" == *"version 99"* ]]
    run -0 --separate-stderr tatami list --format=json
    [ "$stderr" = "" ]
    [ "${#lines[@]}" = 1 ]
    echo "$output" | python3 -c 'import json, sys; assert sorted(c["id"] for c in json.load(sys.stdin)) == ["one", "two"]'
    run -1 --separate-stderr tatami state broken
    [[ "$stderr" == *"delete --force broken"* ]]
}

@test "a failure is one line of the log, and success none" {
    run -1 --separate-stderr tatami --log "$work/log" --log-format json state 'a"b\'
    [ "${#stderr_lines[@]}" = 1 ]
    python3 -c '
import json, sys
lines = open(sys.argv[1]).read().splitlines()
assert len(lines) == 1
record = json.loads(lines[0])
assert record["level"] == "error" and "a\"b\\" in record["msg"] and record["time"].endswith("Z")' "$work/log"
    rm "$work/log"
    run -0 --separate-stderr tatami --log="$work/log" --log-format=json list -q
    [ "$stderr" = "" ]
    [ ! -s "$work/log" ]
    run -1 tatami --log-format json state $'bad\xff\x1bid'
    echo "$output" | python3 -c 'import json, sys; json.load(sys.stdin)'
}

@test "a log that cannot be opened stops the command, and nothing waits for the reader of a FIFO" {
    mkfifo "$work/fifo"
    for log in "$work/absent/log" "$work" "$work/fifo"; do
        run -1 timeout 10 "$TATAMI_BUILD/tatami" --root "$root" --log "$log" list
        [[ "$output" == *"--log"* ]]
    done
}

@test "closed standard streams are no descriptors for others" {
    record one running 999999 5
    run -0 bash -c '"$1" --root "$2" list -q 2>&- 0<&-' - "$TATAMI_BUILD/tatami" "$root"
    [ "$output" = one ]
}

@test "check tells of each part whether it is there, and what to do" {
    printf 'kernel = "%s/absent"\nqemu = "/bin/true"\naccel = "tcg"\n' "$work" >"$work/runtime.toml"
    run -1 --separate-stderr tatami --config "$work/runtime.toml" check
    [[ "$output" == *"missing  kernel       $work/absent: "*make\ guest* ]]
    [[ "$output" == *"ok       qemu         /bin/true"* ]]
    [[ "$output" == *"note     processor    emulation"* ]]
    [[ "$output" == *" vhost-vsock  the "* ]]
    [[ "$stderr" == "tatami: no machine can run here yet: "* ]]
    [ -e /dev/vhost-vsock ] || [[ "$output" == *"note     vhost-vsock  the runtime's own device is used: /dev/vhost-vsock (ENOENT): "*modprobe* ]]
    echo 'vsock_device = "vhost"' >>"$work/runtime.toml"
    run -1 tatami --config "$work/runtime.toml" check
    [ -e /dev/vhost-vsock ] || [[ "$output" == *"missing  vhost-vsock  /dev/vhost-vsock (ENOENT): "* ]]
    ! [[ "$output" == *" vsock "* ]]
    sed -i 's/"vhost"/"vhost-user"/' "$work/runtime.toml"
    run -1 tatami --config "$work/runtime.toml" check
    [[ "$output" == *"ok       vhost-vsock  not used, as configured"* ]]
    [[ "$output" == *" vsock "* ]]
    run -1 tatami --config "$work/none.toml" check
    [[ "$output" == *"$work/none.toml"* ]]
    echo 'kernal = "/x"' >"$work/runtime.toml"
    run -1 tatami --config "$work/runtime.toml" check
    [[ "$output" == *kernal* ]]
}

@test "a missing kernel is told at create, with the remedy, and nothing is left" {
    mkdir -p "$work/b/rootfs"
    tatami spec -b "$work/b"
    sed -i 's/"terminal": true/"terminal": false/' "$work/b/config.json"
    echo "kernel = \"$work/absent\"" >"$work/runtime.toml"
    run -1 --separate-stderr tatami --config "$work/runtime.toml" create -b "$work/b" c1
    [[ "$stderr" == *"$work/absent"* ]]
    [ "${#stderr_lines[@]}" = 1 ]
    [ "$(ls "$root")" = "" ]
}

@test "a container of a pod needs the pod's machine" {
    mkdir -p "$work/b/rootfs"
    tatami spec -b "$work/b"
    sed -i 's/"terminal": true/"terminal": false/; s/"hostname"/"annotations": {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "pod"}, "hostname"/' \
        "$work/b/config.json"
    run -1 tatami create -b "$work/b" c1
    [[ "$output" == *"sandbox pod does not run"* ]]
    sed -i 's/"io.kubernetes.cri.container-type": "container"/"io.kubernetes.cri.container-type": "bogus"/' "$work/b/config.json"
    run -1 tatami create -b "$work/b" c1
    [[ "$output" == *"unknown type 'bogus'"* ]]
    [ "$(ls "$root")" = "" ]
}
