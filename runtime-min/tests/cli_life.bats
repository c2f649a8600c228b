#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The life of containers, against the real agent on this host instead of in a machine: what does not depend on the machine.

bats_require_minimum_version 1.5.0

load host

setup_file() { host_up; }
teardown_file() { host_down; }

setup() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

teardown() {
    host_is_clean
}

@test "run carries streams and the exit code, and leaves nothing" {
    bundle b /bin/sh -c 'cat; echo err >&2; exit 3'
    run -3 --separate-stderr tatami run --bundle "$work/b" $c1 <<<'typed'
    [ "$output" = typed ]
    [ "$stderr" = err ]
    nothing_left
}

@test "exit codes are cut to a byte and signals are 128 + N" {
    bundle b /bin/sh -c 'exit 300'
    run -44 tatami run -b "$work/b" $c1
    bundle b /bin/sh -c 'kill -9 $$; exit 4'
    run -4 tatami run -b "$work/b" $c1
}

@test "create, start, kill, delete: each status follows, and success is silent" {
    bundle b /bin/sleep 1000
    silently tatami create -b "$work/b" --pid-file "$work/pid" $c1
    status_is $c1 created
    [ -d "/proc/$(cat "$work/pid")" ]
    run -0 tatami start $c1
    [ "$output" = "" ]
    status_is $c1 running
    run -0 tatami ps -f json $c1
    [ "$output" = "[$(cat "$work/pid")]" ]
    run -0 tatami kill $c1 KILL
    [ "$output" = "" ]
    await $c1 stopped
    ! grep -qs '^State:.[^Z]' "/proc/$(cat "$work/pid")/status"
    run -0 tatami delete $c1
    [ "$output" = "" ]
    nothing_left
}

@test "the caller adopts the handle and gets the program's exit code" {
    bundle b /bin/sh -c 'exit 7'
    caller_adopts_handle
}

@test "streams of create reach their end when it exits with an error, and those of the container when that ends" {
    bundle b /bin/sh -c 'sleep 0.3; echo late'
    run -0 bash -c '{ "$1" --root "$2" create -b "$3" "$4" && "$1" --root "$2" start "$4"; } | cat' - \
        "$TATAMI" "$root" "$work/b" "$c1"
    [ "$output" = late ]
    await $c1 stopped
}

@test "an output that the program closes ends for its reader, while the program goes on" {
    bundle b /bin/sh -c 'echo said; exec >&- 2>&-; sleep 1000'
    run -0 timeout -k 1 20 bash -c '"$1" --root "$2" run -d -b "$3" "$4" 2>&1 | cat' - "$TATAMI" "$root" "$work/b" "$c1" 3>&-
    [ "$output" = said ]
    status_is $c1 running
}

@test "a pidfd socket gets the handle of the container, and that of an exec" {
    receive() {
        python3 - "$work/pidfd.sock" "$@" <<'PY' 3>&-
import array, signal, socket, subprocess, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
data, control, _, _ = listener.accept()[0].recvmsg(64, socket.CMSG_SPACE(64))
fds = array.array("i")
fds.frombytes(control[0][2])
signal.pidfd_send_signal(fds[0], signal.SIGKILL)
PY
        rm "$work/pidfd.sock"
    }
    bundle b /bin/sleep 1000
    receive "$TATAMI" --root "$root" create -b "$work/b" --pidfd-socket "$work/pidfd.sock" $c1
    await $c1 stopped
    tatami delete $c1
    tatami run -d -b "$work/b" $c1 >"$work/out" 3>&-
    receive "$TATAMI" --root "$root" exec -d --pid-file "$work/pid" --pidfd-socket "$work/pidfd.sock" $c1 /bin/sleep 1001
    for _ in $(seq 500); do grep -qs '^State:.[^Z]' "/proc/$(cat "$work/pid")/status" || break; sleep 0.01; done
    ! grep -qs '^State:.[^Z]' "/proc/$(cat "$work/pid")/status"
    status_is $c1 running
    tatami delete --force $c1
    run -1 tatami create -b "$work/b" --pidfd-socket "$work/none" $c1
    [[ "$output" == *"connect to the pidfd socket $work/none"* ]]
}

@test "signals to the handle reach the program" {
    bundle b /bin/sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.01; done'
    tatami create -b "$work/b" --pid-file "$work/pid" $c1 >"$work/out" 3>&-
    tatami start $c1
    until grep -q ready "$work/out"; do sleep 0.01; done
    kill -TERM "$(cat "$work/pid")"
    await $c1 stopped
    grep -q got "$work/out"
}

@test "run passes signals on and ends with the program" {
    bundle b /bin/sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.01; done'
    rm -f "$work/out"
    "$TATAMI" --root "$root" run -b "$work/b" $c1 >"$work/out" 3>&- &
    until grep -qs ready "$work/out"; do sleep 0.01; done
    kill -TERM $!
    code=0
    wait $! || code=$?
    [ "$code" = 9 ]
    nothing_left
}

@test "a killed handle takes the program with it" {
    bundle b /bin/sh -c 'echo ready; while :; do sleep 0.01; done'
    tatami run -d -b "$work/b" --pid-file "$work/pid" $c1 >"$work/out" 3>&-
    until grep -q ready "$work/out"; do sleep 0.01; done
    kill -KILL "$(cat "$work/pid")"
    await $c1 stopped
    for _ in $(seq 500); do pgrep -f 'echo ready; while' >/dev/null || break; sleep 0.01; done
    ! pgrep -f 'echo ready; while'
    tatami delete $c1
}

# What a start leaves that is killed before it has written down that it succeeded.
start_is_forgotten() {
    sed -i 's/"started":true/"started":false/' "$root/$c1/state.json"
}

# Callers forget the execs of a container that has ended.
@test "the handle of a container ends after those of its execs, and waits for none that stands still" {
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" --pid-file "$work/pid" $c1
    tatami exec -d --pid-file "$work/execpid" $c1 /bin/sleep 1000
    kill -STOP "$(cat "$work/execpid")"
    began=${EPOCHREALTIME/[.,]/}
    tatami kill $c1 KILL
    await $c1 stopped
    [ $((${EPOCHREALTIME/[.,]/} - began)) -ge 2900000 ]
    kill -CONT "$(cat "$work/execpid")"
}

@test "a program whose start was killed is not called created, and the start can be repeated" {
    bundle b /bin/sh -c 'echo x >>/tmp/ran; sleep 1000'
    rm -f "$work/bundle/rootfs/tmp/ran"
    silently tatami create -b "$work/b" $c1
    sed -i 's/"status":"created"/"status":"running"/' "$root/$c1/state.json"
    status_is $c1 running
    run -0 tatami start $c1
    run -1 tatami start $c1
    [[ "$output" == *"cannot start an already running container"* ]]
    start_is_forgotten
    status_is $c1 running
    run -0 tatami start $c1
    [ "$output" = "" ]
    run -1 tatami start $c1
    [ "$(cat "$work/bundle/rootfs/tmp/ran")" = x ]
    rm -f "$work/bundle/rootfs/tmp/ran"
}

@test "delete --force does not wait for a command that is stuck" {
    bundle b /bin/sleep 1000
    silently tatami create -b "$work/b" $c1
    kill -STOP "$(cat "$work/agent.pid")"
    "$TATAMI" --root "$root" start $c1 3>&- &
    stuck=$!
    until grep -q '"status":"running"' "$root/$c1/state.json"; do sleep 0.01; done
    kill -STOP "$stuck"
    "$TATAMI" --root "$root" delete --force $c1 3>&- &
    deleter=$!
    code=0
    wait "$stuck" || code=$?
    kill -CONT "$(cat "$work/agent.pid")"
    [ "$code" = 137 ]
    wait "$deleter"
}

@test "the verbs refuse what the status does not allow" {
    check() {
        run -1 --separate-stderr tatami "${@:2}"
        [[ "$stderr" == *"$1"* ]]
        [ "${#stderr_lines[@]}" = 1 ]
    }
    bundle b /bin/sleep 1000
    tatami create -b "$work/b" $c1
    check "already exists" create -b "$work/b" $c1
    check "not paused" resume $c1
    tatami start $c1
    check "already exists" create -b "$work/b" $c1
    check "cannot start an already running container" start $c1
    check "cannot delete container $c1 that is not stopped: running" delete $c1
    tatami pause $c1
    status_is $c1 paused
    check "paused state" start $c1
    check "container not running" pause $c1
    check "that is not stopped: paused" delete $c1
    run -255 tatami exec $c1 /bin/true
    [[ "$output" == *"cannot exec in a paused container (use --ignore-paused to override)"* ]]
    tatami exec --ignore-paused $c1 /bin/echo late >"$work/late" 3>&- &
    sleep 0.2
    [ ! -s "$work/late" ]
    tatami resume $c1
    wait $!
    [ "$(cat "$work/late")" = late ]
    status_is $c1 running
    for bogus in 65 -1 999 BOGUS ""; do check "signal" kill $c1 "$bogus"; done
    tatami kill $c1 0
    tatami kill $c1 sigkill
    await $c1 stopped
    check "container not running" kill $c1
    check "container not running" kill $c1 0
    run -0 tatami kill --all $c1 9
    check "that has stopped" start $c1
    check "not running" pause $c1
    check "not running" update --pids-limit 5 $c1
    check "is not running" events --stats $c1
    run -255 tatami exec $c1 /bin/true
    [[ "$output" == *"cannot exec in a stopped container"* ]]
    run -0 tatami ps -f json $c1
    [ "$output" = "[]" ]
    tatami delete $c1
    check "container \"$c1\" does not exist" delete $c1
    run -0 tatami delete --force $c1
    [ "$output" = "" ]
}

@test "delete removes a created container, and with --force one that runs or is paused" {
    bundle b /bin/sleep 1000
    tatami create -b "$work/b" $c1
    tatami delete $c1
    nothing_left
    tatami run -d -b "$work/b" $c1
    run -0 tatami delete $c1 --force
    [ "$output" = "" ]
    nothing_left
    tatami run -d -b "$work/b" $c1
    tatami pause $c1
    tatami delete -f $c1
    nothing_left
}

# sandbox_with_member [PYTHON]: a sandbox that has ended, and a member that runs.
sandbox_with_member() {
    bundle pod /bin/true -- 'c["annotations"] = {"io.kubernetes.cri.container-type": "sandbox"}' "$@"
    bundle b /bin/sleep 1000 -- "c['annotations'] = {'io.kubernetes.cri.container-type': 'container', 'io.kubernetes.cri.sandbox-id': '$c1-pod'}"
    tatami run -d -b "$work/pod" $c1-pod
    await $c1-pod stopped
    tatami run -d -b "$work/b" $c1
}

@test "a sandbox that has ended is deleted whether members run or not" {
    sandbox_with_member
    run -0 tatami delete $c1-pod
    [ "$output" = "" ]
}

@test "members of podman's outlive their sandbox, which stays until they have ended" {
    sandbox_with_member 'c["annotations"]["io.container.manager"] = "libpod"'
    run -1 tatami delete $c1-pod
    [[ "$output" == *"cannot delete container $c1-pod: container $c1 is in its machine and running"* ]]
    tatami kill $c1 KILL
    await $c1 stopped
    run -0 tatami delete $c1-pod
}

@test "a killed created container has stopped and cannot be started" {
    bundle b /bin/sleep 1000
    tatami create -b "$work/b" $c1
    tatami kill $c1 KILL
    await $c1 stopped
    run -1 tatami start $c1
}

@test "KILL ends a paused container" {
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1
    tatami pause $c1
    tatami kill --all $c1 KILL
    await $c1 stopped
}

@test "the copy of the configuration counts" {
    bundle b /bin/sh -c 'echo first'
    tatami create -b "$work/b" $c1 >"$work/out" 3>&-
    bundle b /bin/sh -c 'echo second' -- 'c["annotations"] = {"a": "b"}'
    rm "$work/b/config.json"
    tatami start $c1
    await $c1 stopped
    [ "$(cat "$work/out")" = first ]
    [[ "$(tatami state $c1)" != *annotations* ]]
}

@test "a program that is missing is told in the words callers look for, and nothing is left" {
    bundle b /bin/nope
    run -1 tatami create -b "$work/b" $c1
    [ "$output" = 'tatami: exec: "/bin/nope": stat /bin/nope: no such file or directory' ]
    bundle b nope
    run -1 --separate-stderr tatami --log "$work/json" --log-format json run -b "$work/b" $c1
    [[ "$stderr" == *'exec: "nope": executable file not found in $PATH' ]]
    python3 -c '
import json, sys
record = json.loads(open(sys.argv[1]).read())
assert record["level"] == "error" and "executable file not found in" in record["msg"]' "$work/json"
    for program in /etc /tmp /bin/plain; do
        touch "$work/bundle/rootfs/bin/plain"
        bundle b "$program"
        run -1 tatami create -b "$work/b" $c1
        [ "$output" = "tatami: exec: \"$program\": permission denied" ]
        rm "$work/bundle/rootfs/bin/plain"
    done
    printf 'echo no interpreter' >"$work/bundle/rootfs/bin/text"
    { head -c 18 /bin/busybox && printf '\267' && tail -c +20 /bin/busybox; } >"$work/bundle/rootfs/bin/foreign" # for aarch64
    : >"$work/bundle/rootfs/bin/empty"
    mkdir -p "$work/volume"
    cp /bin/busybox "$work/volume/busybox"
    printf 'x' >"$work/volume/plain"
    for row in "busybox noexec:permission denied" "plain ro:permission denied" "absent ro:no such file or directory"; do
        words=${row%%:*}
        bundle b "/volume/${words% *}" -- \
            "c['mounts'] += [{'destination': '/volume', 'source': '$work/volume', 'options': ['bind', '${words#* }']}]"
        run -1 tatami create -b "$work/b" $c1
        [[ "$output" == *"${row#*:}" ]]
    done
    for program in /bin/text /bin/foreign /bin/empty; do
        chmod 755 "$work/bundle/rootfs$program"
        bundle b "$program"
        run -1 tatami create -b "$work/b" $c1
        [ "$output" = "tatami: exec: \"$program\": exec format error" ]
        rm "$work/bundle/rootfs$program"
    done
    nothing_left
}

@test "a tmpfs has the mode of the directory it covers, unless it names one" {
    mkdir -p "$work/bundle/rootfs/covered" "$work/bundle/rootfs/named"
    chmod 2710 "$work/bundle/rootfs/covered"
    ln -s covered "$work/bundle/rootfs/link"
    bundle b /bin/stat -L -c %a /covered /link /named /made /made/inner -- 'c["mounts"] += [{"destination": place, "type": "tmpfs",
        "source": "tmpfs", "options": options} for place, options in (("/covered", []), ("/link", ["size=1m"]), ("/named", ["mode=0751"]),
        ("/made", []), ("/made/inner", ["mode=700"]))]'
    run -0 tatami run -b "$work/b" $c1
    [ "${lines[*]}" = "2710 2710 751 1777 700" ]
    rm "$work/bundle/rootfs/link"
    rmdir "$work/bundle/rootfs/made" "$work/bundle/rootfs/named" "$work/bundle/rootfs/covered"
}

@test "an empty HOME is looked up as a missing one is" {
    for home in 'HOME=' 'HOME=/set", "HOME='; do
        bundle b /bin/sh -c 'echo "$HOME"' -- "c['process']['env'] += [\"$home\"]" 'c["process"]["user"] = {"uid": 0, "gid": 0}'
        run -0 tatami run -b "$work/b" $c1
        [ "$output" = / ]
    done
    bundle b /bin/sh -c 'echo "$HOME"' -- 'c["process"]["env"] += ["HOME=", "HOME=/set"]'
    run -0 tatami run -b "$work/b" $c1
    [ "$output" = /set ]
}

@test "a bundle that is none leaves nothing" {
    mkdir -p "$work/bad"
    for text in '' '{' '{}' '{"process":{"args":["x"],"cwd":"/"},"root":{"path":"absent"}}'; do
        echo "$text" >"$work/bad/config.json"
        run -1 --separate-stderr tatami create -b "$work/bad" $c1
        [ "${#stderr_lines[@]}" = 1 ]
        nothing_left
    done
    run -1 tatami create -b "$work/absent" $c1
    run -1 tatami create -b "$work/bad/config.json" $c1
    head -c 50000000 /dev/zero | tr '\0' ' ' >"$work/bad/config.json"
    run -1 tatami create -b "$work/bad" $c1
    [[ "$output" == *"longer than"* ]]
    python3 -c 'print("[" * 1000000)' >"$work/bad/config.json"
    run -1 tatami create -b "$work/bad" $c1
    nothing_left
}

@test "a pid file that cannot be written undoes the creation" {
    bundle b /bin/sleep 1000
    run -1 tatami create -b "$work/b" --pid-file "$work/absent/pid" $c1
    [[ "$output" == *"/absent/pid"* ]]
    nothing_left
}

@test "of twenty parallel creations one wins" {
    bundle b /bin/sleep 1000
    for i in $(seq 20); do
        { "$TATAMI" --root "$root" create -b "$work/b" $c1 >"$work/out.$i" 2>&1 3>&- && echo won >"$work/won.$i"; } 3>&- &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid" || true; done
    [ "$(cat "$work"/won.* | wc -l)" = 1 ]
    [ "$(grep -l 'already exists' "$work"/out.* | wc -l)" = 19 ]
    status_is $c1 created
}

@test "descriptors of the host do not enter the machine" {
    bundle b /bin/true
    run -1 tatami run -b "$work/b" --preserve-fds 1 $c1
    [[ "$output" == *"--preserve-fds 1"* ]]
    run -0 tatami run -b "$work/b" --preserve-fds 0 $c1
    run -0 bash -c '"$@" 20</etc/passwd' - "$TATAMI" --root "$root" run -d -b "$work/bundle" $c1
}

@test "the handle is in the pod's network namespace, and what is none is refused" {
    bundle b /bin/sleep 1000 -- "next(n for n in c['linux']['namespaces'] if n['type'] == 'network')['path'] = '/proc/self/ns/uts'"
    run -1 tatami create -b "$work/b" $c1
    [[ "$output" == *"/proc/self/ns/uts is no network namespace"* ]]
    bundle b /bin/sleep 1000 -- "next(n for n in c['linux']['namespaces'] if n['type'] == 'network')['path'] = '$work/absent'"
    run -1 tatami create -b "$work/b" $c1
    [[ "$output" == *"$work/absent"* ]]
    nothing_left
    unshare -n sleep 1000 3>&- &
    until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    bundle b /bin/sleep 1000 -- "next(n for n in c['linux']['namespaces'] if n['type'] == 'network')['path'] = '/proc/$!/ns/net'"
    tatami create -b "$work/b" --pid-file "$work/pid" $c1
    [ "$(readlink "/proc/$(cat "$work/pid")/ns/net")" = "$(readlink /proc/$!/ns/net)" ]
    kill $!
}

@test "input comes from files and output goes to the end of files" {
    bundle b /bin/sh -c 'cat; echo err >&2; echo out'
    seq 1000 >"$work/in"
    echo before >"$work/log.txt"
    run -0 bash -c '"$1" --root "$2" run -b "$3" "$4" <"$5" >>"$6" 2>&1' - "$TATAMI" "$root" "$work/b" "$c1" "$work/in" "$work/log.txt"
    [ "$(head -n 1 "$work/log.txt")" = before ]
    [ "$(sed -n '2,1001p' "$work/log.txt")" = "$(cat "$work/in")" ]
    [ "$(tail -n 2 "$work/log.txt" | sort | tr '\n' ' ')" = "err out " ]
}

# ---- exec ----

@test "exec carries streams, codes and what the options change" {
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1
    exec_carries_streams_and_options
    run -0 tatami exec --cap CAP_SYS_ADMIN $c1 /bin/grep -e CapInh -e CapAmb -e CapEff /proc/self/status
    [[ "${lines[0]}" == *0000000000000000 && "${lines[2]}" == *0000000000000000 ]]
    (( 16#$(echo "${lines[1]}" | tr -dc '0-9a-f' | tail -c 16) & 1 << 21 ))
    run -255 tatami exec $c1 /bin/nope
    [[ "$output" == 'tatami: exec failed: exec: "/bin/nope": stat /bin/nope: no such file or directory' ]]
}

@test "exec --cap reaches the ambient set where the container may inherit it" {
    bundle b /bin/sleep 1000 -- 'p = c["process"]["capabilities"]' 'p["inheritable"] = ["CAP_SYSLOG"]' \
        '[p[k].append("CAP_SYSLOG") for k in ("bounding", "permitted") if "CAP_SYSLOG" not in p[k]]'
    tatami run -d -b "$work/b" $c1
    run -0 tatami exec --cap CAP_SYSLOG --cap CAP_KILL $c1 /bin/grep CapAmb /proc/self/status
    [[ "$output" == *$'\t0000000400000000' ]]
}

@test "a umask holds for the program and for those of exec" {
    bundle b /bin/sh -c 'umask; sleep 1000' -- 'c["process"]["user"]["umask"] = 0o057' \
        'c["annotations"] = {"a": "1"}' 'c["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "cat >/state"]}]}'
    rm -f "$work/bundle/rootfs/state"
    tatami run -d -b "$work/b" $c1 >"$work/out" 3>&-
    until grep -q . "$work/out"; do sleep 0.01; done
    [ "$(cat "$work/out")" = 0057 ]
    grep -q '"annotations":{"a":"1"}' "$work/bundle/rootfs/state"
    run -0 tatami exec $c1 /bin/sh -c umask
    [ "$output" = 0057 ]
    echo '{"args":["/bin/sh","-c","umask"],"cwd":"/","env":["PATH=/bin"],"user":{"umask":47}}' >"$work/process"
    run -0 tatami exec --process "$work/process" $c1
    [ "$output" = 0057 ]
    sed -i s/47/63/ "$work/process"
    run -255 tatami exec --process "$work/process" $c1
    [ "$output" = "tatami: exec failed: process.user.umask: 077 is not supported, only the container's 057" ]
}

@test "exec refuses users and words that are none" {
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1
    for user in bogus 4294967295 4294967296 -1 ' 1' '1 ' 1: :1 1:x 99999999999999999999 0x1; do
        run -255 tatami exec --user "$user" $c1 /bin/true
        [[ "$output" == *"--user"* ]]
    done
    run -255 tatami exec -e A $c1 /bin/true
    run -255 tatami exec --cwd tmp $c1 /bin/true
    run -255 tatami exec $c1
    run -255 tatami exec absent /bin/true
    [[ "$output" == *'container "absent" does not exist'* ]]
}

@test "a detached exec has a handle of its own with the exit code" {
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1
    caller_adopts_exec
}

@test "seventy programs at a time keep their output and their codes" {
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1
    for i in $(seq 70); do
        { code=0; tatami exec $c1 /bin/sh -c "seq 20000; exit $((i % 5))" >"$work/out.$i" 2>&1 || code=$?; echo "$code" >"$work/code.$i"; } 3>&- &
        pids="$pids $!"
    done
    for pid in $pids; do wait "$pid"; done
    seq 20000 >"$work/want"
    for i in $(seq 70); do
        [ "$(cat "$work/code.$i")" = $((i % 5)) ]
        cmp "$work/want" "$work/out.$i"
    done
}

@test "a process file that is none is refused" {
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1
    for text in '' '{' '{}' '{"args":[],"cwd":"/"}' '{"args":["x"]}' '{"args":["x"],"cwd":"rel"}' \
        '{"args":["x"],"cwd":"/","terminal":true}'; do
        echo "$text" >"$work/process"
        run -255 --separate-stderr tatami exec -d -p "$work/process" $c1
        [ "${#stderr_lines[@]}" = 1 ]
    done
    run -255 tatami exec -p "$work/absent" $c1
}

# ---- streams ----

@test "every byte of a large output arrives" {
    bundle b /bin/sh -c 'seq 2000000'
    run -0 bash -c '"$1" --root "$2" run -b "$3" "$4" | cksum' - "$TATAMI" "$root" "$work/b" "$c1"
    [ "$output" = "$(seq 2000000 | cksum)" ]
}

@test "a reader that stopped does not hold the exit back for long" {
    bundle b /bin/yes
    mkfifo "$work/stopped"
    sleep 1000 <"$work/stopped" 3>&- &
    tatami run -d -b "$work/b" $c1 >"$work/stopped" 3>&-
    tatami kill $c1 KILL
    await $c1 stopped
    kill $!
}

@test "what a reader has not taken when the program ends is still there afterwards" {
    # More than the reader's pipe holds, less than that and the program's own: it ends whatever is read when.
    bundle b /bin/sh -c 'head -c 120000 /dev/zero; exit 5'
    rm -f "$work/stopped"
    mkfifo "$work/stopped"
    exec 8<>"$work/stopped"
    tatami run -d -b "$work/b" $c1 >&8 3>&- 8>&-
    await $c1 stopped
    [ "$(timeout 10 head -c 120000 <&8 | wc -c)" = 120000 ]
    exec 8>&-
}

# full_reader: descriptor 8 is a pipe that cannot grow any more, and of which nobody reads.
full_reader() {
    rm -f "$work/stopped"
    mkfifo "$work/stopped"
    exec 8<>"$work/stopped"
    python3 -c 'import fcntl; fcntl.fcntl(8, 1031, 1048576)' # F_SETPIPE_SZ
}

@test "a reader that goes on gets more than its pipe holds, though the program has ended" {
    local left=$((1048576 + 40000)) # the pipe in the guest holds the rest: the program ends
    bundle b /bin/sh -c "head -c $left /dev/zero; exit 5"
    full_reader
    tatami run -d -b "$work/b" $c1 >&8 3>&- 8>&-
    sleep 3 # it is noticed by then; if not, less is asked of the relay
    [ "$(timeout 20 head -c $left <&8 | wc -c)" = $left ]
    await $c1 stopped
    exec 8>&-
}

@test "a reader that stopped does not hold back the exit of a killed program, whatever is left" {
    bundle b /bin/yes
    full_reader
    tatami run -d -b "$work/b" $c1 >&8 3>&- 8>&-
    sleep 1
    began=$SECONDS
    tatami kill $c1 KILL
    await $c1 stopped
    [ $((SECONDS - began)) -lt 9 ] # 10 s are the time of a program that was not killed
    [ "$(timeout 10 head -c 1048576 <&8 | wc -c)" = 1048576 ]
    exec 8>&-
}

@test "a reader that stopped does not hold a container whose machine died" {
    bundle b /bin/yes 98762
    full_reader
    tatami run -d -b "$work/b" --pid-file "$work/pid" $c1 >&8 3>&- 8>&-
    sleep 1
    host_agent_down
    for _ in $(seq 1000); do grep -qs '^State:.[^Z]' "/proc/$(cat "$work/pid")/status" || break; sleep 0.01; done
    ! grep '^State:.[^Z]' "/proc/$(cat "$work/pid")/status"
    run -0 tatami delete $c1
    exec 8>&-
    pkill -KILL -x -f "/bin/yes 98762" # what an agent leaves that was killed outside of a machine
    rm -rf "$work/run"
    host_agent_up
}

@test "a reader that left does not stop the program" {
    bundle b /bin/sh -c 'seq 100000; echo done >&2'
    reader_may_leave
}

@test "a descendant that holds the output of an exec does not hold its exit back" {
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1
    run -0 tatami exec $c1 /bin/sh -c 'sleep 500 & echo said'
    [ "$output" = said ]
}

@test "the caller's open files stay blocking" {
    bundle b /bin/sh -c 'echo x'
    run -0 bash -c '"$1" --root "$2" run -b "$3" "$4" | { cat; grep flags /proc/self/fdinfo/0; }' - \
        "$TATAMI" "$root" "$work/b" "$c1"
    [[ "${lines[1]}" == *flags:*00 ]]
}

# ---- terminals ----

@test "a console socket gets the terminal, raw and of the right size, and resizes reach the program" {
    bundle b /bin/sh -c 'stty size; trap "stty size; exit 7" WINCH; read line; echo "got $line"; while :; do sleep 0.01; done' -- \
        'c["process"]["terminal"] = True' 'c["process"]["consoleSize"] = {"height": 30, "width": 100}'
    host=$TATAMI
    run -7 python3 "$TATAMI_SOURCE/runtime-min/tests/caller.py" console "$work/console" "$work/pid" \
        "!$host\\x20--root\\x20$root\\x20start\\x20$c1 ?30\\x20100 =typed\\r ?typed\\r\\n ?got\\x20typed @50x120 ?50\\x20120" \
        "$host" --root "$root" create -b "$work/b" --console-socket "$work/console" --pid-file "$work/pid" $c1 3>&-
    rm "$work/console"
}

@test "the path of a console socket may be longer than an address" {
    local deep
    deep=$work/$(printf 'x%.0s' $(seq 150))
    mkdir -p "$deep"
    bundle b /bin/sh -c 'echo here; read line; exit 7' -- 'c["process"]["terminal"] = True'
    run -7 python3 "$TATAMI_SOURCE/runtime-min/tests/caller.py" console "$deep/console" "$work/pid" \
        "!$TATAMI\\x20--root\\x20$root\\x20start\\x20$c1 ?here =x\\r" \
        "$TATAMI" --root "$root" create -b "$work/b" --console-socket "$deep/console" --pid-file "$work/pid" $c1 3>&-
}

@test "a terminal without a size is a terminal" {
    bundle b /bin/sh -c 'exit 7' -- 'c["process"]["terminal"] = True'
    run -7 script -qec "stty rows 0 columns 0; '$TATAMI' --root '$root' run -b '$work/b' $c1" /dev/null </dev/null
}

@test "an end of input typed before the program runs is one for the program, no hang-up" {
    bundle b /bin/sh -c 'sleep 0.5; cat; echo "still there"; exit 7' -- 'c["process"]["terminal"] = True'
    run -7 python3 "$TATAMI_SOURCE/runtime-min/tests/caller.py" terminal "=\\x04 ?still\\x20there" \
        bash -c 'sleep 0.2; exec "$@"' - "$TATAMI" --root "$root" run -b "$work/b" $c1 3>&-
}

@test "a terminal needs no standard stream: input may be a file, output a pipe" {
    bundle b /bin/sh -c 'stty size; read line; echo "got $line"; exit 7' -- 'c["process"]["terminal"] = True'
    echo typed >"$work/typed"
    run -7 script -qec "stty rows 33 columns 77; { '$TATAMI' --root '$root' run -b '$work/b' $c1 <'$work/typed'; echo \$? >'$work/code'; } \
        2>&1 | cat; exit \$(cat '$work/code')" /dev/null </dev/null
    [[ "$output" == *"33 77"*"got typed"* ]]
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1 >"$work/out" 3>&-
    run -7 script -qec "stty rows 33 columns 77; '$TATAMI' --root '$root' exec -t $c1 \
        /bin/sh -c 'stty size; sleep 0.2; echo late; exit 7' </dev/null >'$work/out' 2>&1" /dev/null </dev/null
    [[ "$(cat "$work/out")" == *"33 77"*late* ]]
}

@test "output of a terminal that goes elsewhere has the line ends of the program" {
    bundle b /bin/sh -c 'printf "a\\nb\\r\\nc\\rd\\n"; seq 20000; printf "e\\r"' -- 'c["process"]["terminal"] = True'
    run -0 script -qec "'$TATAMI' --root '$root' run -b '$work/b' $c1 </dev/null >'$work/out'" /dev/null </dev/null
    { printf 'a\nb\r\nc\rd\n'; seq 20000; printf 'e\r'; } | cmp - "$work/out"
}

@test "terminals and console sockets that do not fit are refused" {
    bundle b /bin/true -- 'c["process"]["terminal"] = True'
    run -1 tatami create -b "$work/b" $c1
    [[ "$output" == *"without setting console socket"* ]]
    run -1 setsid -w "$TATAMI" --root "$root" run -b "$work/b" $c1 </dev/null
    [[ "$output" == *"no terminal"* ]]
    run -1 tatami create -b "$work/b" --console-socket "$work/absent" $c1
    [[ "$output" == *"$work/absent"* ]]
    bundle b /bin/true
    run -1 tatami create -b "$work/b" --console-socket "$work/absent" $c1
    [[ "$output" == *"cannot use console socket"* ]]
    nothing_left
}

@test "run uses the caller's own terminal, raw for the time, and passes window sizes on" {
    bundle b /bin/sh -c 'trap "stty size; exit 7" WINCH; read line; echo "got $line"; while :; do sleep 0.01; done' -- \
        'c["process"]["terminal"] = True'
    run -7 python3 "$TATAMI_SOURCE/runtime-min/tests/caller.py" terminal "=typed\\r ?typed\\r\\n ?got\\x20typed @50x120 ?50\\x20120" \
        "$TATAMI" --root "$root" run -b "$work/b" $c1 3>&-
    nothing_left
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1
    run -5 python3 "$TATAMI_SOURCE/runtime-min/tests/caller.py" terminal "?40\\x2090 =x\\r" \
        "$TATAMI" --root "$root" exec -t $c1 /bin/sh -c 'stty size; read x; exit 5' 3>&-
}

# ---- hooks ----

@test "hooks of the host run in order with the state" {
    cat >"$work/hook" <<'EOF'
#!/bin/sh
state=$(cat)
echo "$1 $(echo "$state" | sed 's/.*"status":"\([a-z]*\)".*/\1/') $PWD $(echo "$state" | grep -c '"id":"'$3'"')" >>"$2"
EOF
    chmod +x "$work/hook"
    bundle b /bin/true -- "h = lambda k: [{'path': '$work/hook', 'args': ['hook', k, '$work/hooks', '$c1'], 'env': ['PATH=/usr/bin:/bin']}]" \
        "c['hooks'] = {k: h(k) for k in ('prestart', 'createRuntime', 'poststart', 'poststop')}"
    tatami create -b "$work/b" $c1
    echo --- >>"$work/hooks"
    tatami start $c1
    await $c1 stopped
    tatami delete $c1
    [ "$(cat "$work/hooks")" = "prestart creating $work/b 1
createRuntime creating $work/b 1
---
poststart running $work/b 1
poststop stopped $work/b 1" ]
}

@test "a failing hook undoes the creation and poststop runs" {
    for kind in prestart createRuntime; do
        rm -f "$work/post"
        bundle b /bin/true -- "c['hooks'] = {'$kind': [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo why >&2; exit 3']}]," \
            "'poststop': [{'path': '/bin/sh', 'args': ['sh', '-c', 'touch $work/post']}]}"
        run -1 --separate-stderr tatami create -b "$work/b" $c1
        [ "$stderr" = "tatami: hook $kind: /bin/sh: exit status 3: why" ]
        [ -e "$work/post" ]
        nothing_left
    done
}

@test "a failing poststart destroys the container, a failing poststop is no failure" {
    bundle b /bin/sleep 1000 -- "c['hooks'] = {'poststart': [{'path': '/bin/false'}], 'poststop': [{'path': '/bin/false'}]}"
    tatami create -b "$work/b" $c1
    run -1 tatami start $c1
    [[ "$output" == *"hook poststart"* ]]
    nothing_left
    bundle b /bin/true -- "c['hooks'] = {'poststop': [{'path': '/bin/false'}]}"
    run -0 tatami run -b "$work/b" $c1
    nothing_left
}

# ---- limits and statistics ----

@test "update takes options and JSON, events tells the result" {
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1
    run -0 tatami update --memory 64M --pids-limit 50 $c1
    [ "$output" = "" ]
    run -0 tatami events --stats $c1
    echo "$output" | python3 -c '
import json, sys
e = json.load(sys.stdin)
assert e["type"] == "stats" and e["id"] == sys.argv[1] and e["data"]["memory"]["usage"]["limit"] == 64 << 20
assert e["data"]["pids"]["limit"] == 50 and e["data"]["pids"]["current"] == 1' "$c1"
    run -0 tatami update --resources - $c1 <<<'{"pids":{"limit":60}}'
    run -0 tatami update -r - $c1 <<<'{}'
    [[ "$(tatami events --stats $c1)" == *'"pids":{"current":1,"limit":60}'* ]]
    for text in '' '{' '[]' '{"memory":{"limit":"x"}}'; do run -1 tatami update -r - $c1 <<<"$text"; done
    for wrong in x -2 1X 1.5 99999999999999999999; do run -1 tatami update --memory "$wrong" $c1; done
    run -1 tatami update --l3-cache-schema x $c1
}

@test "events go on until the container ends" {
    bundle b /bin/sleep 1000
    tatami run -d -b "$work/b" $c1
    tatami events --interval 10ms $c1 >"$work/events" 3>&- &
    until [ "$(wc -l <"$work/events")" -gt 2 ]; do sleep 0.01; done
    tatami kill $c1 KILL
    wait $!
    run -1 tatami events --interval 0s $c1
}

# ---- what dies ----

@test "events end with an error when the machine dies and the handle stands still" {
    bundle b /bin/sleep 98762
    tatami run -d -b "$work/b" --pid-file "$work/pid" ${c1}e
    "$TATAMI" --root "$root" events --interval 50ms ${c1}e >"$work/events" 2>"$work/err" 3>&- &
    until grep -qs stats "$work/events"; do sleep 0.01; done
    kill -STOP "$(cat "$work/pid")"
    host_agent_down
    code=0
    wait $! || code=$?
    [ "$code" = 1 ]
    [ "$(wc -l <"$work/err")" = 1 ]
    kill -KILL "$(cat "$work/pid")"
    tatami delete --force ${c1}e
    pkill -KILL -x -f "/bin/sleep 98762"
    rm -rf "$work/run"
    host_agent_up
}

@test "when the machine dies the container has stopped and can be deleted" {
    bundle b /bin/sleep 98761
    tatami run -d -b "$work/b" --pid-file "$work/pid" ${c1}d
    host_agent_down
    await ${c1}d stopped
    run -255 tatami exec ${c1}d /bin/true
    run -0 tatami delete ${c1}d
    [ "$output" = "" ]
    pkill -KILL -x -f "/bin/sleep 98761" # what an agent leaves that was killed outside of a machine
    rm -rf "$work/run"
    host_agent_up
    nothing_left
}

@test "a damaged record does not keep a container from being deleted by force" {
    bundle b /bin/sleep 1000
    tatami create -b "$work/b" --pid-file "$work/pid" $c1
    cp "$root/$c1/state.json" "$work/kept"
    for text in '' '{"version":2' '{"version":7}'; do
        echo "$text" >"$root/$c1/state.json"
        run -1 tatami state $c1
        run -1 tatami delete $c1
        [[ "$output" == *"delete --force $c1"* ]]
    done
    cp "$work/kept" "$root/$c1/state.json"
    tatami delete $c1
    mkdir "$root/foreign"
    run -0 tatami delete --force foreign
    [ -d "$root/foreign" ]
    rmdir "$root/foreign"
}

@test "a command that is ended while it creates leaves nothing" {
    bundle b /bin/sleep 1000 -- "c['hooks'] = {'createRuntime': [{'path': '/bin/sh', 'args': ['sh', '-c', 'echo >$work/in-hook; sleep 1']}]}"
    for sig in TERM INT HUP; do
        rm -f "$work/in-hook"
        env --default-signal "$TATAMI" --root "$root" create -b "$work/b" --pid-file "$work/pid" $c1 >"$work/out" 2>&1 3>&- &
        until [ -e "$work/in-hook" ]; do sleep 0.01; done
        kill -$sig $!
        ! wait $!
        grep -q "ended by signal" "$work/out"
        [ ! -e "$work/pid" ]
        nothing_left
    done
}

@test "a command that dies while it creates leaves no process, its name is free, and delete --force cleans" {
    bundle b /bin/true -- "$SLOW_HOOK"
    create_and_die
    bundle b2 /bin/sleep 1000
    tatami create -b "$work/b2" $c1
    status_is $c1 created
}
