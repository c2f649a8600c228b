# SPDX-License-Identifier: Apache-2.0
# Words for tests of containers: with or without a machine. $TATAMI is the runtime, $root its --root, $work a directory of the test
# file, $work/bundle a bundle whose configuration is the start of all others (ci/bench/bundle).

tatami() {
    "$TATAMI" --root "$root" "$@"
}

# $work/bundle with the applets that tests use.
make_base_bundle() {
    sh "$TATAMI_SOURCE/ci/bench/bundle" "$work/bundle"
    for applet in $(/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -sf busybox "$work/bundle/rootfs/bin/$applet"
    done
}

# bundle NAME ARGS... [-- PYTHON]: a bundle that runs ARGS; PYTHON changes its configuration, c.
bundle() {
    local name=$1
    shift
    mkdir -p "$work/$name"
    python3 - "$work/bundle/config.json" "$work/$name/config.json" "$@" <<'PY'
import json, sys
source, target, *words = sys.argv[1:]
code = ""
if "--" in words:
    at = words.index("--")
    words, code = words[:at], "\n".join(words[at + 1:])
c = json.load(open(source))
c["process"]["args"] = words
exec(code)
json.dump(c, open(target, "w"))
PY
}

# Runs a command that leaves a handle behind: it holds the streams, so that nobody may wait for their end.
silently() {
    "$@" >"$work/silent" 2>&1 3>&-
    [ ! -s "$work/silent" ] || { cat "$work/silent" >&2; return 1; }
}

# Waits until a container has the status.
await() {
    for _ in $(seq 2000); do
        [[ "$(tatami state "$1")" == *"\"status\": \"$2\""* ]] && return 0
        sleep 0.01
    done
    echo "$1 does not become $2" >&2
    return 1
}

status_is() {
    [[ "$(tatami state "$1")" == *"\"status\": \"$2\""* ]]
}

# ---- what holds with and without a machine; the bundle is $work/b ----

# The program exits with 7.
caller_adopts_handle() {
    run -7 python3 "$TATAMI_SOURCE/runtime-min/tests/caller.py" adopt "$work/pid" bash -c \
        '"$1" --root "$2" create -b "$3" --pid-file "$4" "$5" && "$1" --root "$2" start "$5"' - \
        "$TATAMI" "$root" "$work/b" "$work/pid" "$c1" 3>&-
    [ "$output" = "" ]
}

# $c1 runs.
caller_adopts_exec() {
    echo '{"args":["/bin/sh","-c","echo out; exit 6"],"cwd":"/","env":["PATH=/bin"]}' >"$work/process"
    run -6 python3 "$TATAMI_SOURCE/runtime-min/tests/caller.py" adopt "$work/execpid" \
        "$TATAMI" --root "$root" exec --process "$work/process" --detach --pid-file "$work/execpid" $c1 3>&-
    [ "$output" = out ]
}

# $c1 runs.
exec_carries_streams_and_options() {
    run -5 --separate-stderr tatami exec $c1 /bin/sh -c 'cat; echo err >&2; exit 5' <<<'typed'
    [ "$output" = typed ]
    [ "$stderr" = err ]
    run -0 tatami exec -e A=b --cwd /tmp --user 7:8 --additional-gids 9 $c1 /bin/sh -c 'echo $A $PWD; id'
    [ "${lines[0]}" = "b /tmp" ]
    [[ "${lines[1]}" == "uid=7 gid=8 groups="*9* ]]
}

# The program counts, and then says "done" on its standard error.
reader_may_leave() {
    run -0 bash -c '"$1" --root "$2" run -b "$3" "$5" 2>"$4" | head -n 1; exit ${PIPESTATUS[0]}' - \
        "$TATAMI" "$root" "$work/b" "$work/err" "$c1"
    [ "$output" = 1 ]
    [ "$(cat "$work/err")" = "done" ]
}
