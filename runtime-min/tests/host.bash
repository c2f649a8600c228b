# SPDX-License-Identifier: Apache-2.0
load containers

# For tests of a container's life without a virtual machine: an agent of this host, and bundles.

host_up() {
    [ "$(id -u)" = 0 ] || return 0
    export work=$(mktemp -d /tmp/tatami-XXXXXX)
    chmod 755 "$work"
    export root=$work/root
    export TATAMI=$TATAMI_BUILD/runtime-min/tests/tatami-host
    export c1=c-${work##*-} # its cgroup is one of this host: a name of its own
    export agent=unix://$work/agent.sock
    make_base_bundle
    host_agent_up
}

host_agent_up() {
    unshare -m "$TATAMI_AGENT" --server-addr "$agent" --base-dir "$work/run" >"$work/log" 2>&1 3>&- &
    echo $! >"$work/agent.pid"
    disown
    python3 "$TATAMI_SOURCE/runtime-min/tests/support/machine_host.py" "$work/agent.sock" "$root" "$TATAMI_CTL" >"$work/front" 2>&1 3>&- &
    echo $! >"$work/front.pid"
    disown
    for _ in $(seq 500); do
        [ -S "$work/agent.sock" ] && [ -S "$root.vsock" ] && break
        sleep 0.01
    done
}

# The machine dies at once.
host_agent_down() {
    for part in front agent; do
        kill -KILL "$(cat "$work/$part.pid")"
        while kill -0 "$(cat "$work/$part.pid")" 2>/dev/null; do sleep 0.01; done
    done
    rm -f "$root.vsock" "$root.monitor" "$work/agent.sock"
}

host_down() {
    [ -n "${work:-}" ] || return 0
    kill "$(cat "$work/front.pid")"
    kill "$(cat "$work/agent.pid")"
    while kill -0 "$(cat "$work/agent.pid")" 2>/dev/null; do sleep 0.01; done
    rm -rf "$work"
}

# Nothing is left of any container.
nothing_left() {
    [ -z "$(ls -A "$root" 2>/dev/null)" ] || { ls -A "$root" >&2; return 1; }
    [ -z "$(ls -A "$work/run" 2>/dev/null)" ] || { ls -A "$work/run" >&2; return 1; }
    ! pgrep -f "tatami-host --root $root " >&2
}

# In teardown.
host_is_clean() {
    [ -d "$root" ] || return 0
    local id
    for id in $(ls "$root"); do tatami delete --force "$id" || true; done
    nothing_left
}

# A creation that takes its time, and one of $work/b that is killed in it.
SLOW_HOOK="c['hooks'] = {'createRuntime': [{'path': '/bin/sleep', 'args': ['sleep', '30']}]}"

create_and_die() {
    "$TATAMI" --root "$root" create -b "$work/b" $c1 3>&- &
    local creator=$!
    until [[ "$(tatami state $c1 2>/dev/null)" == *creating* ]]; do sleep 0.01; done
    until pgrep -P "$creator" -x sleep >/dev/null; do sleep 0.01; done
    kill -KILL "$creator"
    wait "$creator" || true
    await $c1 stopped
    pkill -x -f 'sleep 30' || true
}
