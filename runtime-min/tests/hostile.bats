#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A guest that has taken over its agent hurts only itself: commands end with one clean line, and deletion needs nothing of it.

bats_require_minimum_version 1.5.0

load host

setup() {
    [ "$(id -u)" = 0 ] || skip "needs root"
    work=$(mktemp -d /tmp/tatami-XXXXXX)
    root=$work/root
    TATAMI=$TATAMI_BUILD/runtime-min/tests/tatami-host
    c1=c1
    make_base_bundle
    mkdir -p "$root"
}

teardown() {
    [ -n "${work:-}" ] || return 0
    end_agent
    rm -rf "$work"
}

# An agent that behaves so, in the place of a machine.
agent() {
    end_agent
    python3 "$TATAMI_SOURCE/runtime-min/tests/support/hostile_agent.py" "$root" "$1" >"$work/log" 2>&1 3>&- &
    echo $! >"$work/agent.pid"
    disown
    for _ in $(seq 500); do
        [ -S "$root.vsock" ] && return
        sleep 0.01
    done
    cat "$work/log" >&2
    return 1
}

end_agent() {
    [ ! -e "$work/agent.pid" ] || kill -KILL "$(cat "$work/agent.pid")"
    rm -f "$work/agent.pid" "$root.vsock" "$root.monitor"
}

# limited COMMAND...: its streams go to files; nothing may take longer.
limited() {
    local code=0
    timeout --foreground -k 1 30 "$TATAMI" --root "$root" "$@" </dev/null >"$work/out" 2>"$work/err" 3>&- || code=$?
    [ "$code" -lt 124 ] || [ "$code" -gt 139 ] || { echo "$*: $code" >&2; return 1; }
    return "$code"
}

# What the command said is one line of plain text, and not a long one.
plain_line() {
    [ "$(wc -l <"$work/err")" -le 1 ] && [ "$(wc -c <"$work/err")" -le 4096 ]
    ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]' "$work/err"
    iconv -f UTF-8 -t UTF-8 "$work/err" >"$work/utf8"
}

gone() {
    run -0 limited delete --force $c1
    [ -z "$(ls -A "$root")" ]
    ! pgrep -f "tatami-host --root $root " >&2
}

@test "whatever answers its calls get, run ends with a plain line and leaves nothing" {
    while read -r behaviour code words; do
        agent "$behaviour"
        result=0
        limited run -b "$work/bundle" $c1 || result=$?
        [ "$result" = "$code" ] || { echo "$behaviour: $result, not $code: $(cat "$work/err")" >&2; return 1; }
        plain_line || { echo "$behaviour: $(cat -v "$work/err")" >&2; return 1; }
        [[ "$(cat "$work/err")" == *"$words"* ]] || { echo "$behaviour: $(cat "$work/err")" >&2; return 1; }
        gone || { echo "$behaviour: not gone" >&2; return 1; }
    done <<'X'
good 0
terminal-create 1 evil ?[2J?]0;owned?
terminal-start 1 root@host#
long-text 1 畳畳畳
no-text 1 ???
unknown-status 1 what
negative-status 1 what
not-ttrpc 1 ttrpc: closed
no-envelope 1 does not decode
request 1 unexpected "request" message
data 1 unexpected "data" message
unknown-frame 1 unexpected "unknown" message
closed 0
truncated 255
oversized 0
longest 0
more-than-asked 0
twice 0
unknown-streams 0
negative-code 255
large-code 7
huge-code 9
X
}

@test "a container whose agent floods its handle and tells no end is deleted, and the handle has no rights and stays small" {
    agent flood
    limited run -d -b "$work/bundle" --pid-file "$work/pid" $c1
    sleep 0.3
    grep -q '^CapEff:.0000000000000000$' "/proc/$(cat "$work/pid")/status"
    grep -qE '^Seccomp:.[12]$' "/proc/$(cat "$work/pid")/status"
    [ "$(awk '/^VmHWM/ { print $2 }' "/proc/$(cat "$work/pid")/status")" -lt 32768 ]
    gone
}

@test "statistics cannot grow without limit, nor say what is no statistic" {
    agent stats
    limited run -d -b "$work/bundle" $c1
    run -1 limited events --stats $c1
    plain_line
    [ ! -s "$work/out" ]
    gone
    agent stats-text
    limited run -d -b "$work/bundle" $c1
    limited events --stats $c1
    [ "$(wc -l <"$work/out")" = 1 ]
    python3 -c 'import json, sys; [e] = json.load(open(sys.argv[1]))["data"]["blkio"]["ioServiceBytesRecursive"]; assert set(e) == {"major", "minor", "op", "value"}' "$work/out"
    gone
}
