#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Streams and terminals of containers in a machine.

bats_require_minimum_version 1.5.0

load helpers

setup_file() { pod_up; }
teardown_file() { pod_down; }
setup() { needs_machine; }
teardown() { pod_is_clean; }

caller() {
    python3 "$TATAMI_SOURCE/runtime-min/tests/caller.py" "$@"
}

@test "1 GiB of output arrive unchanged" {
    member b /bin/sh -c 'i=0; while [ $i -lt 64 ]; do cat /block; i=$((i + 1)); done'
    head -c 16777216 /dev/urandom >"$work/bundle/rootfs/block"
    run -0 bash -c '"$1" --root "$2" run -b "$3" "$4" | sha256sum' - "$TATAMI" "$root" "$work/b" "$c1"
    [ "$output" = "$(for i in $(seq 64); do cat "$work/bundle/rootfs/block"; done | sha256sum)" ]
    rm "$work/bundle/rootfs/block"
}

@test "16 MiB of input go there and back, and its end is told" {
    member b /bin/cat
    head -c 16777216 /dev/urandom >"$work/input"
    run -0 bash -c '"$1" --root "$2" run -b "$3" "$4" <"$5" | cmp - "$5"' - "$TATAMI" "$root" "$work/b" "$c1" "$work/input"
    rm "$work/input"
}

@test "both streams keep apart and each in order" {
    member b /bin/sh -c 'i=0; while [ $i -lt 300 ]; do echo out $i; echo err $i >&2; i=$((i + 1)); done'
    tatami run -b "$work/b" $c1 >"$work/out" 2>"$work/err"
    cmp "$work/out" <(seq 0 299 | sed 's/^/out /')
    cmp "$work/err" <(seq 0 299 | sed 's/^/err /')
}

@test "a reader that stops does not hold back the exit" {
    member b /bin/yes
    mkfifo "$work/stopped"
    sleep 1000 <"$work/stopped" 3>&- &
    reader=$!
    tatami run -d -b "$work/b" $c1 >"$work/stopped" 3>&-
    sleep 0.5
    tatami kill $c1 KILL
    await $c1 stopped
    kill "$reader"
    rm "$work/stopped"
}

@test "a reader that leaves does not stop the program" {
    member b /bin/sh -c 'seq 50000; echo done >&2'
    reader_may_leave
}

@test "closed standard streams are empty ones" {
    member b /bin/sh -c 'cat; echo out; echo err >&2; exit 4'
    run -4 bash -c '"$@" <&- >&- 2>&-' - "$TATAMI" --root "$root" run -b "$work/b" $c1
}

@test "the streams of create end with the container, not later" {
    member b /bin/sh -c 'sleep 0.3; echo late'
    run -0 bash -c '{ "$1" --root "$2" create -b "$3" "$4" && "$1" --root "$2" start "$4"; } | cat' - "$TATAMI" "$root" "$work/b" "$c1"
    [ "$output" = late ]
    await $c1 stopped
}

@test "descriptors of the caller do not enter, and those it wants to hand over are refused" {
    member b /bin/sh -c 'ls /proc/self/fd | wc -l'
    refused 1 "--preserve-fds 1" run -b "$work/b" --preserve-fds 1 $c1
    run -0 bash -c '"$@" 20</etc/passwd' - "$TATAMI" --root "$root" run -b "$work/b" $c1
    [ "$output" = 4 ]
}

@test "a console socket gets a terminal of the right size, echoing once, and resizes reach the program" {
    member b /bin/sh -c 'stty size; trap "stty size; exit 7" WINCH; read line; echo "got $line"; while :; do sleep 0.1; done' -- \
        'c["process"]["terminal"] = True' 'c["process"]["consoleSize"] = {"height": 30, "width": 100}'
    run -7 caller console "$work/console" "$work/pid" \
        "!$TATAMI\\x20--root\\x20$root\\x20start\\x20$c1 ?30\\x20100 =typed\\r ?typed\\r\\n ?got\\x20typed @50x120 ?50\\x20120" \
        "$TATAMI" --root "$root" create -b "$work/b" --console-socket "$work/console" --pid-file "$work/pid" $c1 3>&-
    rm "$work/console"
}

@test "run and exec use the caller's terminal and leave it as it was" {
    member b /bin/sh -c 'trap "stty size; exit 7" WINCH; read line; echo "got $line"; while :; do sleep 0.1; done' -- \
        'c["process"]["terminal"] = True'
    run -7 caller terminal "=typed\\r ?typed\\r\\n ?got\\x20typed @50x120 ?50\\x20120" "$TATAMI" --root "$root" run -b "$work/b" $c1 3>&-
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    run -5 caller terminal "?40\\x2090 =x\\r" "$TATAMI" --root "$root" exec -t $c1 /bin/sh -c 'stty size; read x; exit 5' 3>&-
}

@test "a terminal has a name in its container, and is the console of it" {
    member b /bin/sh -c 'tty; tty < /dev/console; read line; exit 3' -- 'c["process"]["terminal"] = True'
    run -3 caller terminal "?/dev/pts/0\\r ?/dev/console\\r =x\\r" "$TATAMI" --root "$root" run -b "$work/b" $c1 3>&-
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    run -5 caller terminal "?/dev/pts/0\\r =x\\r" "$TATAMI" --root "$root" exec -t $c1 /bin/sh -c 'tty; read x; exit 5' 3>&-
}

@test "an interrupt typed at the terminal ends the program" {
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    run -130 caller terminal "?ready =\\x03" "$TATAMI" --root "$root" exec -t $c1 /bin/sh -c 'echo ready; sleep 1000; exit $?' 3>&-
}

@test "terminals and console sockets that do not fit are refused" {
    member b /bin/true -- 'c["process"]["terminal"] = True'
    refused 1 "without setting console socket" create -b "$work/b" $c1
    run -1 setsid -w "$TATAMI" --root "$root" run -b "$work/b" $c1 </dev/null
    [[ "$output" == *"no terminal"* ]]
    refused 1 "$work/absent" create -b "$work/b" --console-socket "$work/absent" $c1
    member b /bin/true
    refused 1 "cannot use console socket" create -b "$work/b" --console-socket "$work/absent" $c1
}
