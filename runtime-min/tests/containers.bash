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
