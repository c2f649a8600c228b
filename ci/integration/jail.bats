#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a container in a machine may see, do and use: volumes, root, user, capabilities, seccomp, limits.

bats_require_minimum_version 1.5.0

load helpers

setup_file() { pod_up; }
teardown_file() { pod_down; }
setup() { needs_machine; }
teardown() { pod_is_clean; }

# says TEXT: the container of bundle b prints exactly that.
says() {
    run -0 tatami run -b "$work/b" $c1
    [ "$output" = "$1" ] || { echo "$output" >&2; return 1; }
}

# status_of_part NAME KEY: a line of /proc/PID/status, without its key.
status_of_part() {
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$(part_of pod "$1")/status"
}

# ---- the machine itself ----

@test "a guest that broke out of QEMU or its vsock device would own nothing and reach nobody" {
    local own_device=$([ -z "$(part_of pod vsock)" ] || echo vsock) # where the kernel has none
    for part in qemu $own_device; do
        [ "$(status_of_part $part CapEff)$(status_of_part $part CapPrm)$(status_of_part $part CapBnd)" = "$(printf '0%.0s' {1..48})" ]
        [ "$(status_of_part $part NoNewPrivs) $(status_of_part $part Seccomp)" = "1 2" ]
        for namespace in net ipc; do
            [ "$(readlink "/proc/$(part_of pod $part)/ns/$namespace")" != "$(readlink "/proc/self/ns/$namespace")" ]
        done
    done
    user=$((0x70000000 + $(part_of pod monitor)))
    [ "$(status_of_part qemu Uid)" = "$user	$user	$user	$user" ]
    [ "$(status_of_part qemu Groups | tr -d ' ')" = "" ]
    [ "$(ls "/proc/$(part_of pod qemu)/root" | grep -vxE 'bin|dev|etc|lib|lib64|proc|usr')" = "" ]
    [ "$(ls "/proc/$(part_of pod qemu)/root/dev" | xargs)" = "null urandom" ]
    [ "$(ls "/proc/$(part_of pod qemu)/root/proc" | xargs)" = self ]
    [[ -z "$own_device" || $TATAMI_BUILD =~ /(asan|coverage)(/|$) ]] || [ "$(readlink "/proc/$(part_of pod vsock)/root")" = "$root/.sandboxes/pod" ]
}

@test "a guest that broke out into the monitor would have its connections, and could end the machine" {
    [ "$(status_of_part monitor CapEff) $(status_of_part monitor CapBnd)" = "0000000000000020 0000000000000000" ] # CAP_KILL
    [ "$(status_of_part monitor NoNewPrivs) $(status_of_part monitor Seccomp)" = "1 2" ]
    for fd in "/proc/$(part_of pod monitor)/fd/"*; do
        [ ! -d "$fd" ]
    done
}

@test "an agent that got hold of a handle would have its streams and nothing else" {
    member b /bin/sleep 1000
    silently tatami run -d -b "$work/b" --pid-file "$work/pid" $c1
    for capabilities in Eff Prm Bnd; do
        grep -q "^Cap$capabilities:.0000000000000000$" "/proc/$(cat "$work/pid")/status"
    done
    grep -q "^NoNewPrivs:.1$" "/proc/$(cat "$work/pid")/status"
    grep -q "^Seccomp:.2$" "/proc/$(cat "$work/pid")/status"
}

@test "a guest that broke out of its file server would have what it shares, and no way to make devices" {
    server=$(pgrep -P "$(part_of pod virtiofsd)")
    [ "$(sed -n 's/^CapEff:[[:space:]]*//p' "/proc/$server/status")" = 00000000800000db ]
    [ "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$server/status")" = 2 ]
    [ "$(ls "/proc/$server/root" | grep -vE '^[0-9a-f]{16}$')" = "" ]
    for namespace in net pid; do
        [ "$(readlink "/proc/$server/ns/$namespace")" != "$(readlink "/proc/self/ns/$namespace")" ]
    done
}

# ---- files ----

@test "a volume is read and written on both sides, with modes and links" {
    mkdir -p "$work/volume/sub"
    echo host >"$work/volume/file"
    ln -s file "$work/volume/link"
    member b /bin/sh -c 'cat /v/link; echo guest >/v/sub/new; chmod 4751 /v/sub/new; ln /v/sub/new /v/hard; mknod /v/fifo p' -- \
        "c['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind', 'rw']}]"
    says host
    [ "$(cat "$work/volume/sub/new")" = guest ]
    [ "$(stat -c '%a %h' "$work/volume/sub/new")" = "4751 2" ]
    [ -p "$work/volume/fifo" ]
    rm -rf "$work/volume"
}

@test "a read-only volume is read-only for the whole tree, and a file can be mounted" {
    mkdir -p "$work/volume/sub"
    echo text >"$work/volume/file"
    member b /bin/sh -c 'cat /f; echo x >/v/a || echo x >/v/sub/a || echo x >/f || echo refused' -- \
        "c['mounts'] += [{'destination': d, 'type': 'bind', 'source': '$work/volume' + s, 'options': ['rbind', 'ro']}
            for d, s in (('/v', ''), ('/f', '/file'))]"
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = $'text\nrefused' ]
    [[ "$stderr" == *"ead-only"* ]]
    rm -rf "$work/volume" "$work/bundle/rootfs/f" "$work/bundle/rootfs/v"
}

@test "what the host changes in a volume is seen while the container runs" {
    mkdir -p "$work/volume"
    member b /bin/sh -c 'echo ready; until [ -e /v/go ]; do sleep 0.1; done; cat /v/go' -- \
        "c['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind']}]"
    tatami run -d -b "$work/b" $c1 >"$work/out" 3>&-
    eventually grep -q ready "$work/out"
    echo gone >"$work/volume/.go"
    mv "$work/volume/.go" "$work/volume/go"
    await $c1 stopped
    [ "$(tail -n 1 "$work/out")" = gone ]
    rm -rf "$work/volume"
}

@test "a container has its own volume at once, though one of its name had another" {
    for turn in 1 2 3 4; do
        mkdir "$work/volume$turn"
        echo "$turn" >"$work/volume$turn/which"
        member b /bin/cat /v/which -- "c['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': '$work/volume$turn', 'options': ['rbind']}]"
        says "$turn"
        rm -r "$work/volume$turn"
    done
}

@test "a volume that does not exist is refused by name" {
    member b /bin/true -- "c['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': '$work/absent', 'options': ['rbind']}]"
    refused 1 "$work/absent" create -b "$work/b" $c1
}

@test "a read-only root cannot be written, its tmpfs can" {
    member b /bin/sh -c 'echo x >/tmp/x || echo x >/dev/shm/x && echo memory' -- 'c["root"]["readonly"] = True'
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = memory ]
    [[ "$stderr" == *"ead-only"* ]]
    [ ! -e "$work/bundle/rootfs/tmp/x" ]
}

@test "a tmpfs has its size, and what is in it is not on the host" {
    member b /bin/sh -c 'dd if=/dev/zero of=/scratch/x bs=1k count=2000 2>/dev/null || wc -c </scratch/x' -- \
        "c['mounts'] += [{'destination': '/scratch', 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['size=1m']}]"
    says 1048576
    [ -z "$(ls "$work/bundle/rootfs/scratch")" ]
    rmdir "$work/bundle/rootfs/scratch"
}

@test "masked and read-only paths hold" {
    member b /bin/sh -c 'wc -c </proc/kcore; ls /sys/firmware | wc -l; echo 1 >/proc/sys/vm/swappiness || echo refused'
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = $'0\n0\nrefused' ]
}

@test "devices of the guest are there and no others can be made" {
    member b /bin/sh -c 'ls /dev | grep -xE "null|zero|full|random|urandom|tty|ptmx|sd.|vd.|mem|kmsg" | sort | xargs
        mknod /dev/x b 8 0 || echo refused; echo gone >/dev/null; head -c 3 /dev/zero | wc -c'
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = $'full null ptmx random tty urandom zero\nrefused\n3' ]
}

@test "device rules decide which nodes can be opened" {
    member b /bin/sh -c 'mknod /dev/a c 1 98; mknod /dev/b c 1 97; cat /dev/a; cat /dev/b; echo x >/dev/null && echo null' -- \
        'for words in c["process"]["capabilities"].values(): words += ["CAP_MKNOD"]' \
        'c["linux"].setdefault("resources", {})["devices"] = [{"allow": False, "access": "rwm"}, {"allow": True, "type": "c", "major": 1, "minor": 98, "access": "r"}]'
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = null ]
    [[ "$stderr" == *"/dev/a"*"No such device or address"*"/dev/b"*"Operation not permitted"* ]]
}

# ---- who ----

@test "the devices are there without a mount on /dev, too" {
    member b /bin/sh -c 'echo gone >/dev/null; head -c 3 /dev/zero | wc -c; ls /dev/full' -- \
        'c["mounts"] = [m for m in c["mounts"] if not m["destination"].startswith("/dev")]'
    run -0 tatami run -b "$work/b" $c1
    [ "${lines[*]}" = "3 /dev/full" ]
}

@test "user, groups and home are the configuration's" {
    member b /bin/sh -c 'id -u; id -g; id -G; echo $HOME; pwd' -- \
        'c["process"]["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [7, 8]}' \
        'c["process"].update(cwd="/tmp", env=["PATH=/bin", "HOME=/h"])'
    says $'1000\n1001\n1001 7 8\n/h\n/tmp'
}

@test "files of a user keep their owner on the host" {
    mkdir -p "$work/volume"
    chmod 777 "$work/volume"
    member b /bin/touch /v/mine -- 'c["process"]["user"] = {"uid": 1234, "gid": 4321}' \
        "c['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind']}]"
    says ""
    [ "$(stat -c '%u:%g' "$work/volume/mine")" = 1234:4321 ]
    rm -rf "$work/volume"
}

@test "ids of a volume are mapped, both ways" {
    mkdir -m 777 "$work/mapped"
    echo text >"$work/mapped/file"
    chown 2:3 "$work/mapped/file"
    member b /bin/sh -c 'stat -c %u:%g /v/file; echo new >/v/new' -- "
m = [{'containerID': 0, 'hostID': 3000, 'size': 10}]
c['process']['user'] = {'uid': 3005, 'gid': 3006}
c['mounts'] += [{'destination': '/v', 'type': 'bind', 'source': '$work/mapped', 'options': ['bind', 'idmap'], 'uidMappings': m, 'gidMappings': m}]"
    run tatami run -b "$work/b" $c1
    [[ "$output" != *"map ids: the file system cannot"* ]] || skip "the file system of $work maps no ids"
    [ "$status" = 0 ]
    [ "$output" = 3002:3003 ]
    [ "$(stat -c %u:%g "$work/mapped/file" "$work/mapped/new")" = $'2:3\n5:6' ]
    rm -r "$work/mapped" "$work/bundle/rootfs/v"
}

@test "root of a user namespace is nobody on the host, and has message queues, devices and mounts" {
    mkdir -p "$work/volume"
    chmod 777 "$work/volume"
    member b /bin/sh -c 'id -u; touch /tmp/mine /dev/mqueue/q; stat -c %u /tmp/mine; echo x >/dev/null; ls /dev/mqueue; mount -t tmpfs t /tmp; echo $?' -- \
        'c["linux"]["namespaces"] += [{"type": "user"}]' \
        'c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]' \
        'c["process"]["capabilities"] = {name: ["CAP_SYS_ADMIN"] for name in ("bounding", "effective", "permitted")}' \
        "c['mounts'] += [{'destination': '/tmp', 'type': 'bind', 'source': '$work/volume', 'options': ['rbind']}]"
    says $'0\n0\nq\n0'
    [ "$(stat -c %u "$work/volume/mine")" = 100000 ]
    rm -rf "$work/volume"
}

@test "capabilities are those of the configuration" {
    member b /bin/grep -E 'Cap(Prm|Eff|Bnd|Inh|Amb)' /proc/self/status -- \
        'caps = ["CAP_KILL", "CAP_NET_BIND_SERVICE"]' \
        'c["process"]["capabilities"] = {"bounding": caps + ["CAP_CHOWN"], "effective": caps, "permitted": caps, "inheritable": [], "ambient": []}'
    run -0 tatami run -b "$work/b" $c1
    [ "$(echo "$output" | tr -s '\t' ' ' | xargs)" = "CapInh: 0000000000000000 CapPrm: 0000000000000421 CapEff: 0000000000000421 \
CapBnd: 0000000000000421 CapAmb: 0000000000000000" ] ||
    [ "$(echo "$output" | tr -s '\t' ' ' | xargs)" = "CapInh: 0000000000000000 CapPrm: 0000000000000420 CapEff: 0000000000000420 \
CapBnd: 0000000000000421 CapAmb: 0000000000000000" ]
}

@test "without a capability its call is refused" {
    member b /bin/sh -c 'chown 1:1 /tmp || echo chown; mount -t tmpfs x /tmp || echo mount; hostname x || echo hostname; chroot / /bin/true || echo chroot'
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = $'chown\nmount\nhostname\nchroot' ]
}

@test "no_new_privs and its absence are seen" {
    for value in True False; do
        member b /bin/grep NoNewPrivs /proc/self/status -- "c['process']['noNewPrivileges'] = $value"
        run -0 tatami run -b "$work/b" $c1
        [ "$(echo "$output" | tr -dc 01)" = "$([ $value = True ] && echo 1 || echo 0)" ]
    done
}

@test "a seccomp filter refuses with its errno, kills, and lets the rest pass" {
    member b /bin/sh -c 'grep Seccomp: /proc/self/status; mkdir /tmp/x; echo $?' -- \
        'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}'
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = $'Seccomp:\t2\n1' ]
    [[ "$stderr" == *"No space left"* ]]
    member b /bin/sh -c 'mkdir /tmp/x; echo $?' -- \
        'c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
    run -0 --separate-stderr tatami run -b "$work/b" $c1
    [ "$output" = 159 ] # SIGSYS
}

@test "rlimits, oom score and sysctls are the configuration's" {
    member b /bin/sh -c 'ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj /proc/sys/kernel/msgmax' -- \
        'c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]' \
        'c["process"]["oomScoreAdj"] = 321' 'c["linux"]["sysctl"] = {"kernel.msgmax": "5555"}'
    says $'100\n200\n0\n321\n5555'
}

@test "the program is PID 1 of its own pid namespace and sees only its own" {
    member b /bin/sh -c 'echo $$; ls -d /proc/[0-9]* | wc -l'
    run -0 tatami run -b "$work/b" $c1
    [ "${lines[0]}" = 1 ]
    [ "${lines[1]}" -le 3 ]
}

# ---- limits ----

@test "limits reach the unified control group" {
    member b /bin/sleep 1000 -- 'c["linux"]["resources"] = {"memory": {"limit": 64 << 20, "reservation": 32 << 20, "swap": 64 << 20},
        "pids": {"limit": 55}, "cpu": {"shares": 512, "quota": 50000, "period": 100000}}'
    silently tatami run -d -b "$work/b" $c1
    run -0 tatami exec pod /bin/sh -c 'cd /guest/cgroup/c1; cat memory.max memory.low memory.swap.max pids.max cpu.weight cpu.max'
    [ "$output" = $'67108864\n33554432\n0\n55\n20\n50000 100000' ]
    tatami update --memory 48M --pids-limit 33 --cpu-quota 20000 --cpu-period 50000 $c1
    run -0 tatami exec pod /bin/sh -c 'cd /guest/cgroup/c1; cat memory.max pids.max cpu.max'
    [ "$output" = $'50331648\n33\n20000 50000' ]
}

@test "a program that eats more memory than its limit is killed, its container lives on" {
    member b /bin/sh -c 'echo ready; read line; tail /dev/zero; echo $?; sleep 1000' -- \
        'c["linux"]["resources"] = {"memory": {"limit": 24 << 20, "swap": 24 << 20}}'
    mkfifo "$work/in"
    sleep 1000 >"$work/in" 3>&- &
    tatami run -d -b "$work/b" $c1 <"$work/in" >"$work/out" 3>&-
    echo go >"$work/in"
    eventually grep -q 137 "$work/out"
    status_is $c1 running
    run -0 tatami exec pod /bin/grep oom_kill /guest/cgroup/c1/memory.events
    [[ "${lines[0]}" == "oom_kill 1" ]]
    kill $!
    rm "$work/in"
}

# listen FILE: lines of `tatami events` go there; returns once no OOM kill can be missed any more.
listen() {
    rm -f "$work/$1"
    "$TATAMI" --root "$root" events --interval 1h $c1 >"$work/$1" 2>&1 3>&- 9>&- &
    listeners+=($!)
    eventually grep -qs '"type":"stats"' "$work/$1" || { cat "$work/$1" >&2; return 1; }
}

has_lines() {
    [ "$(grep -c "$2" "$3")" = "$1" ]
}

@test "events tell every listener of an OOM kill once, also of the one that ends the container" {
    member b /bin/sh -c 'while read line; do sh -c "tail /dev/zero"; echo $?; done; exec tail /dev/zero' -- \
        'c["linux"]["resources"] = {"memory": {"limit": 24 << 20, "swap": 24 << 20}}'
    member other /bin/sleep 1000
    silently tatami run -d -b "$work/other" c2
    mkfifo "$work/in"
    "$TATAMI" --root "$root" run -b "$work/b" $c1 <"$work/in" >"$work/out" 2>&1 3>&- &
    program=$!
    exec 9>"$work/in"
    await $c1 running
    listeners=()
    listen events.1
    listen events.2
    for kill in 1 2; do
        echo go >&9
        eventually has_lines $kill 137 "$work/out"
        eventually has_lines $kill oom "$work/events.1"
    done
    exec 9>&-
    wait "$program" || [ $? = 137 ]
    for listener in "${listeners[@]}"; do wait "$listener"; done
    [ "$(grep -cFx '{"type":"oom","id":"c1"}' "$work/events.1")" = 3 ]
    [ "$(grep -cFx '{"type":"oom","id":"c1"}' "$work/events.2")" = 3 ]
    rm "$work/in"
}

@test "the first program killed for memory ends its container with 137" {
    member b /bin/tail /dev/zero -- 'c["linux"]["resources"] = {"memory": {"limit": 24 << 20, "swap": 24 << 20}}'
    run -137 tatami run -b "$work/b" $c1
}

@test "a limit of processes stops a fork bomb" {
    member b /bin/sh -c 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 100 & done; echo all' -- \
        'c["linux"]["resources"] = {"pids": {"limit": 8}}'
    run tatami run -b "$work/b" $c1
    [ "$status" != 0 ]
    [[ "$output" == *"can't fork"* ]]
}

@test "pause stops the program, resume lets it go on" {
    member b /bin/sh -c 'while :; do echo x; sleep 0.05; done'
    tatami run -d -b "$work/b" $c1 >"$work/out" 3>&-
    eventually test -s "$work/out"
    tatami pause $c1
    status_is $c1 paused
    sleep 0.3
    before=$(stat -c %s "$work/out")
    sleep 0.5
    [ "$(stat -c %s "$work/out")" = "$before" ]
    tatami resume $c1
    eventually bash -c "[ \$(stat -c %s '$work/out') -gt $before ]"
    tatami pause $c1
    tatami kill $c1 KILL
    await $c1 stopped
}

@test "statistics have what the program uses" {
    member b /bin/sh -c 'head -c 8000000 /dev/urandom >/dev/shm/x; echo ready; sleep 1000; :' -- \
        'c["linux"]["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 20}}'
    tatami run -d -b "$work/b" $c1 >"$work/out" 3>&-
    eventually grep -q ready "$work/out"
    tatami events --stats $c1 | python3 -c '
import json, sys
e = json.load(sys.stdin)
d = e["data"]
assert e["type"] == "stats" and e["id"] == "c1"
assert d["memory"]["usage"]["limit"] == 64 << 20 and 8000000 < d["memory"]["usage"]["usage"] < 64 << 20, d["memory"]
assert d["cpu"]["usage"]["total"] > 0 and d["pids"] == {"current": 2, "limit": 20}, d'
}
