#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What `make run` and `make shell` do around the runtime, with a stand-in for it that writes down its commands.

setup() {
    if [ "$(id -u)" != 0 ] || [ ! -x /bin/busybox ]; then skip "needs root and /bin/busybox"; fi
    try=$BATS_TEST_DIRNAME/../try
    work=$(mktemp -d /tmp/tatami-XXXXXX)
    chmod 755 "$work"
    cat >"$work/tatami" <<X
#!/bin/sh
echo "\$*" >>"$work/calls"
dirname "\$2" >"$work/directory"
shift 2
case \$1 in
spec) echo '"terminal": true "args": [ "sh" ] "readonly": true' >"\$3/config.json" ;;
create) [ ! -e "$work/no-machine" ] || { echo "tatami: no machine" >&2; exit 1; }; cp "\$3/config.json" "$work/config"; echo 999999999 >"\$5" ;;
start) echo hello ;;
run) cp "\$3/config.json" "$work/config"; exit 7 ;;
esac
X
    chmod 755 "$work/tatami"
}

teardown() {
    rm -rf "${work:-}"
}

# Runs a command line in a terminal of its own.
in_terminal() {
    script -qec "$1" /dev/null </dev/null
}

@test "make run prints what the container says, then the time of each step, and leaves nothing" {
    run "$try" run "$work"
    [ "$status" = 0 ]
    [ "${lines[0]}" = hello ]
    [[ "${lines[1]}" =~ ^\ *[0-9]+\ ms\ \ create ]]
    [[ "${lines[2]}" =~ ^\ *[0-9]+\ ms\ \ start ]]
    [[ "${lines[3]}" =~ ^\ *[0-9]+\ ms\ \ delete ]]
    [ "${#lines[@]}" = 4 ]
    grep -q '"terminal": false.*"echo", "hello".*"readonly": false' "$work/config"
    [ ! -e "$(cat "$work/directory")" ]
}

@test "make run ends with the runtime's error and takes back what was made" {
    touch "$work/no-machine"
    run "$try" run "$work"
    [ "$status" = 1 ]
    [ "$output" = "tatami: no machine" ]
    tail -n 1 "$work/calls" | grep -q 'delete --force demo'
    [ ! -e "$(cat "$work/directory")" ]
}

@test "make shell has a terminal and the shell's exit status" {
    run in_terminal "$try shell $work"
    [ "$status" = 7 ]
    grep -q '"terminal": true.*"sh".*"readonly": false' "$work/config"
    [ ! -e "$(cat "$work/directory")" ]
}

@test "make run and make shell say that they need root, and the shell a terminal" {
    run "$try" shell "$work" </dev/null
    [ "$status" = 1 ]
    [ "$output" = "make shell: needs a terminal: run it from one" ]
    # Not root, but one who may look below the home of root, where the source may be.
    run setpriv --reuid=65534 --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override "$try" run "$work"
    [ "$status" = 1 ]
    [[ "$output" = "make run: needs root, "*"sudo make run" ]]
    [ ! -e "$work/calls" ]
}

@test "a full disk is said, and nothing is left on it" {
    mkdir "$work/small"
    run unshare -m sh -c "mount -t tmpfs -o size=64k small $work/small; TMPDIR=$work/small $try run $work; echo \$?; ls $work/small"
    [[ "${lines[0]}" = *"No space left on device" ]]
    [[ "${lines[1]}" = "make run: no bundle could be made in $work/small/tatami-try-"* ]]
    [ "${lines[2]}" = 1 ]
    [ "${#lines[@]}" = 3 ]
}
