#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The control group of a container on the host, against the real agent on this host instead of in a machine: the handle is in it.

bats_require_minimum_version 1.5.0

load host

setup_file() {
    host_up
    export parent=/t-${work##*-} # of the groups that cases ask for by name
}
teardown_file() { host_down; }

setup() {
    [ "$(id -u)" = 0 ] || skip "needs root"
    [ -n "$(hierarchies)" ] || skip "no control groups that can be written below /sys/fs/cgroup"
}

teardown() {
    host_is_clean
    no_groups "$parent"
    no_groups "/tatami/$c1"
}

# Mount points of all hierarchies.
hierarchies() {
    awk '($3 == "cgroup" || $3 == "cgroup2") && $2 ~ "^/sys/fs/cgroup" { print $2 }' /proc/mounts | while read -r point; do
        [ ! -w "$point" ] || echo "$point"
    done
}

# in_group PID PATH: the process is there in every hierarchy.
in_group() {
    local point
    for point in $(hierarchies); do
        grep -qx "$1" "$point$2/cgroup.procs" || { echo "$1 is not in $point$2" >&2; return 1; }
    done
}

# no_groups PATH: no hierarchy has it.
no_groups() {
    local point
    for point in $(hierarchies); do
        [ ! -e "$point$1" ] || { echo "$point$1 is left" >&2; return 1; }
    done
}

# each COMMAND PATH: for the directory of the path in every hierarchy.
each() {
    local point
    for point in $(hierarchies); do "$1" "$point$2"; done
}

# group_bundle NAME PATH ARGS...: a bundle whose cgroupsPath is PATH.
group_bundle() {
    bundle "$1" "${@:3}" -- "c['linux']['cgroupsPath'] = '$2'"
}

@test "a container without a path has its group below /tatami" {
    bundle b /bin/sleep 1000
    silently tatami run -d -b "$work/b" --pid-file "$work/pid" $c1
    in_group "$(cat "$work/pid")" "/tatami/$c1"
    tatami delete --force $c1
    no_groups "/tatami/$c1"
}

@test "an absolute path is made with what is missing above it, and only that is removed" {
    each mkdir "$parent"
    group_bundle b "$parent/a/b" /bin/sleep 1000
    silently tatami create -b "$work/b" --pid-file "$work/pid" $c1
    in_group "$(cat "$work/pid")" "$parent/a/b"
    tatami delete $c1
    no_groups "$parent/a"
    each rmdir "$parent" # it was there before
}

@test "a relative path is below /tatami, and systemd's form is the path of its scope" {
    local path wanted
    while read -r path wanted; do
        group_bundle b "$path" /bin/sleep 1000
        silently tatami --systemd-cgroup create -b "$work/b" --pid-file "$work/pid" $c1
        in_group "$(cat "$work/pid")" "$wanted"
        tatami delete $c1
        no_groups "$wanted"
    done <<ROWS
one-$c1/two /tatami/one-$c1/two
t${parent#/t-}.slice:libpod:$c1 /t${parent#/t-}.slice/libpod-$c1.scope
ROWS
}

@test "a group that the caller made is used and left" {
    each mkdir "$parent"
    group_bundle b "$parent" /bin/sleep 1000
    silently tatami create -b "$work/b" --pid-file "$work/pid" $c1
    in_group "$(cat "$work/pid")" "$parent"
    tatami delete $c1
    each rmdir "$parent"
}

@test "what was made for several containers goes with the last one, whoever made it" {
    group_bundle b1 "$parent/a/1" /bin/sleep 1000
    group_bundle b2 "$parent/a/2" /bin/sleep 1000
    silently tatami create -b "$work/b1" $c1
    silently tatami create -b "$work/b2" "$c1-2"
    tatami delete $c1
    no_groups "$parent/a/1"
    tatami delete "$c1-2"
    no_groups "$parent"
}

@test "many containers come and go below one parent at the same time" {
    local i pids=()
    for i in 1 2 3 4 5 6; do
        group_bundle "m$i" "$parent/a/$i" /bin/true
        tatami run -b "$work/m$i" "$c1-$i" 3>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    no_groups "$parent"
}

@test "exec joins the container's group" {
    group_bundle b "$parent" /bin/sleep 1000
    silently tatami run -d -b "$work/b" $c1
    silently tatami exec -d --pid-file "$work/pid" $c1 /bin/sleep 1000
    in_group "$(cat "$work/pid")" "$parent"
}

@test "a group with processes in it is refused by name, and nothing is left or touched" {
    each mkdir "$parent"
    sleep 1000 3>&- &
    local other=$! point
    for point in $(hierarchies); do
        [ ! -e "$point/cpuset.cpus" ] || for file in cpus mems; do cat "$point/cpuset.$file" >"$point$parent/cpuset.$file"; done
        echo $other >"$point$parent/cgroup.procs"
    done
    group_bundle b "$parent" /bin/sleep 1000
    run -1 tatami create -b "$work/b" $c1
    [[ "$output" == *"$parent already has 1 processes"* ]]
    in_group $other "$parent"
    kill $other
    wait $other || true
    each rmdir "$parent"
}

# Nothing that is born in such a group would run.
@test "a group below one that is frozen is refused by name, and nothing is left" {
    each mkdir "$parent"
    group_bundle b "$parent/a" /bin/true
    for frozen in cgroup.freeze:1:0 freezer.state:FROZEN:THAWED; do
        IFS=: read -r file freeze thaw <<<"$frozen"
        for point in $(hierarchies); do
            [ -e "$point$parent/$file" ] || continue
            echo "$freeze" >"$point$parent/$file"
            run -1 --separate-stderr tatami run -b "$work/b" $c1
            echo "$thaw" >"$point$parent/$file"
            [[ "${#stderr_lines[@]}" = 1 && "$stderr" == *"$point$parent is frozen: write $thaw to "* ]] || { echo "$stderr" >&2; false; }
            [ -z "$(tatami list -q)" ]
            no_groups "$parent/a"
        done
    done
    each rmdir "$parent"
}

@test "a path that names no group is refused before anything is made" {
    local path
    for path in / /a/../b "bad:prefix:name" "a--b.slice:p:n"; do
        group_bundle b "$path" /bin/true
        run -1 tatami run -b "$work/b" $c1
        [[ "$output" == *"cgroupsPath"*"$path"* ]] || { echo "$output" >&2; return 1; }
    done
}

@test "without control groups a container that asks for none runs, and one that asks is refused" {
    local without='umount -R /sys/fs/cgroup && "$@"'
    bundle b /bin/echo hello
    run -0 --separate-stderr unshare -m sh -c "$without" - "$TATAMI" --root "$root" --debug --log "$work/log.txt" run -b "$work/b" $c1
    [ "$output" = hello ]
    [ "$stderr" = "" ]
    grep -q "warning: the machine stays in the control group of its caller: .*no cgroup hierarchy" "$work/log.txt"
    group_bundle b2 "$parent" /bin/echo hello
    run -1 unshare -m sh -c "$without" - "$TATAMI" --root "$root" run -b "$work/b2" $c1
    [[ "$output" == *"no cgroup hierarchy is mounted"* ]]
}

@test "a handle that somebody froze in another group is deleted by force" {
    local freezer=/sys/fs/cgroup/freezer
    [ -w "$freezer/cgroup.procs" ] || skip "no freezer of version 1"
    bundle b /bin/sleep 1000
    silently tatami run -d -b "$work/b" --pid-file "$work/pid" $c1
    mkdir "$freezer$parent"
    cat "$work/pid" >"$freezer$parent/cgroup.procs"
    echo FROZEN >"$freezer$parent/freezer.state"
    run -0 tatami delete --force $c1
    [ "$output" = "" ]
    [ "$(cat "$freezer$parent/cgroup.procs")" = "" ]
    rmdir "$freezer$parent"
}

@test "disabled means none, whatever the bundle says" {
    group_bundle b "$parent" /bin/sleep 1000
    silently tatami --cgroup-manager disabled create -b "$work/b" --pid-file "$work/pid" $c1
    ! grep "$parent" "/proc/$(cat "$work/pid")/cgroup"
    no_groups "$parent"
}

@test "a group that cannot be made is refused with its name" {
    group_bundle b "$parent" /bin/echo hello
    run -1 unshare -m sh -c 'for m in '"$(hierarchies | tr '\n' ' ')"'; do mount -o bind,remount,ro $m; done && "$@"' - \
        "$TATAMI" --root "$root" run -b "$work/b" $c1
    [[ "$output" == *"make cgroup /sys/fs/cgroup"*"$parent: EROFS"* ]]
}

@test "a command that dies while it creates leaves its group to delete --force, or to the next of that name" {
    local again
    for again in "delete --force" "create -b $work/b2"; do
        bundle b /bin/true -- "c['linux']['cgroupsPath'] = '$parent/a'" "$SLOW_HOOK"
        group_bundle b2 "$parent/b" /bin/sleep 1000
        create_and_die
        silently tatami $again $c1
        no_groups "$parent/a"
    done
}
