# SPDX-License-Identifier: Apache-2.0
# For tests in real machines: a root and a base bundle for each file; see runtime-min/tests/containers.bash for the words.
#
# A machine takes seconds to boot. So most files boot one, with the container "pod" in it, and their cases put containers into it
# (member); cases that end a machine have one of their own. Both look whether anything is left behind (pod_is_clean, nothing_left).
load ../../runtime-min/tests/containers

# Nothing hangs: a case (bats asks for it before setup_file), and each command in it.
export BATS_TEST_TIMEOUT=120
COMMAND_LIMIT_S=30

# A file whose machines are not as usual exports config, a configuration of the runtime.
tatami() {
    timeout --foreground -k 2 "$COMMAND_LIMIT_S" "$TATAMI" ${config:+--config "$config"} --root "$root" "$@"
}

# ---- machines ----

# In setup_file. $no_machine says why there is none.
machines_up() {
    export TATAMI=$TATAMI_BUILD/tatami
    export no_machine=
    [ "$(id -u)" = 0 ] || no_machine="needs root"
    [ -n "$no_machine" ] || no_machine=$("$TATAMI" check 2>&1 | grep '^missing' | head -n 1 | tr -s ' ')
    [ -z "$no_machine" ] || return 0
    export work=$(mktemp -d /tmp/tatami-XXXXXX)
    chmod 755 "$work"
    export root=$work/root
    export c1=c1
    [ ! -e /dev/vhost-vsock ] || use_own_vsock
    make_base_bundle
}

# Cases kill the runtime's own vsock device, and agents that count tell it through it; `make nested` has the kernel's.
use_own_vsock() {
    echo 'vsock_device = "vhost-user"' >"$work/runtime.toml"
    printf '#!/bin/sh\nexec "%s" --config "%s" "$@"\n' "$TATAMI" "$work/runtime.toml" >"$work/tatami"
    chmod 755 "$work/tatami"
    export TATAMI=$work/tatami
}

# In setup.
needs_machine() {
    [ -z "$no_machine" ] || skip "no machine: $no_machine"
}

# In teardown_file.
machines_down() {
    [ -z "$no_machine" ] || return 0
    delete_all
    nothing_left
    rm -rf "$work"
}

# Containers go before the sandbox they are in.
delete_all() {
    [ -d "$root" ] || return 0
    for id in $(ls "$root" | grep -vx pod) pod; do tatami delete --force "$id" || true; done
}

# Pids of everything that belongs to the root: monitors and their parts work in a machine's directory, the others name the root.
processes() {
    {
        find /proc -maxdepth 2 -name cwd -lname "$root*" -printf '%h\n' 2>/dev/null | tr -dc '0-9\n'
        pgrep -f -- "$root" || true
    } | sort -un
}

show_processes() {
    local pids=$(processes)
    [ -z "$pids" ] || ps -o pid,ppid,stat,args -p $pids
}

# eventually COMMAND...: it becomes true within seconds.
eventually() {
    local end=$((SECONDS + 10))
    while [ "$SECONDS" -lt "$end" ]; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.02
    done
    "$@"
}

# Nothing is left of any container or machine: no directory, process or mount.
nothing_left() {
    eventually no_processes || { show_processes >&2; return 1; }
    [ -z "$(ls "$root" 2>/dev/null)" ] || { ls "$root" >&2; return 1; }
    [ -z "$(ls "$root/.sandboxes" 2>/dev/null)" ] || { ls -R "$root/.sandboxes" >&2; return 1; }
    ! grep -F "$root" /proc/mounts >&2
}

no_processes() {
    [ -z "$(processes)" ]
}

monitor_of() {
    local pid
    for pid in $(pgrep -x tatami-monitor); do
        [ "$(readlink "/proc/$pid/cwd")" != "$root/.sandboxes/$1" ] || echo "$pid"
    done
}

# part_of ID NAME: pid of a machine's qemu, virtiofsd, vsock or monitor.
part_of() {
    local monitor=$(monitor_of "$1")
    case $2 in
        monitor) echo "$monitor" ;;
        qemu) pgrep -P "$monitor" -f '^[^ ]*qemu-system' ;;
        virtiofsd) pgrep -P "$monitor" -x virtiofsd ;;
        vsock) pgrep -P "$monitor" -x tatami-vsock ;;
    esac
}

# ---- one machine for many cases ----

SANDBOX='c.setdefault("annotations", {})["io.kubernetes.cri.container-type"] = "sandbox"'
MEMBER='c.setdefault("annotations", {}).update({"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "pod"})'
# The sandbox container sees the guest itself, for guest_state().
GUEST_VIEW='c["mounts"] += [{"destination": "/guest/" + name, "type": "bind", "source": source, "options": ["rbind"]}
    for name, source in (("proc", "/proc"), ("cgroup", "/sys/fs/cgroup"))]
for words in c["process"]["capabilities"].values():
    words += ["CAP_SYS_PTRACE"]'

# In setup_file: boots the machine. Words of Python change the sandbox container's configuration.
pod_up() {
    machines_up
    [ -z "$no_machine" ] || return 0
    bundle pod /bin/sleep 1000000 -- "$SANDBOX" "$GUEST_VIEW" "$@"
    silently tatami run -d -b "$work/pod" pod
    processes >"$work/processes"
    guest_state >"$work/guest"
    guest_mounts >"$work/guest.mounts"
    grep -c . /proc/mounts >"$work/mounts"
}

# In teardown_file.
pod_down() {
    [ -n "$no_machine" ] || diff "$work/guest.mounts" <(guest_mounts)
    machines_down
}

# member NAME ARGS... [-- PYTHON]: a bundle of a container in the pod's machine.
member() {
    [[ " $* " == *" -- "* ]] || set -- "$@" --
    bundle "$@" "$MEMBER"
}

# What containers leave in a guest: groups and descriptors of the agent. One program, because each takes a while to start there.
guest_state() {
    tatami exec pod /bin/find /guest/cgroup /guest/proc/1/fd -mindepth 1 '(' -type d -o -type l ')' >"$work/found"
    grep cgroup "$work/found" | sort
    grep -c /fd/ "$work/found"
}

guest_mounts() {
    tatami exec pod /bin/cat /guest/proc/1/mountinfo
}

# In teardown: of a case's containers nothing is left, in the machine and on the host.
pod_is_clean() {
    [ -d "$root" ] || return 0
    local id
    for id in $(ls "$root" | grep -vx pod); do tatami delete --force "$id" || true; done
    [ "$(ls "$root")" = pod ] || { ls "$root" >&2; return 1; }
    eventually same_processes || { show_processes >&2; return 1; }
    [ "$(grep -c . /proc/mounts)" -le "$(cat "$work/mounts")" ] || ! grep -F "$root" /proc/mounts >&2
    eventually same_guest || { diff <(guest_state) "$work/guest" >&2; return 1; }
}

same_processes() {
    [ "$(processes)" = "$(cat "$work/processes")" ]
}

# The same groups, and not more descriptors.
same_guest() {
    local now=$(guest_state)
    [ "$(sed '$d' <<<"$now")" = "$(sed '$d' "$work/guest")" ] && [ "$(tail -n 1 <<<"$now")" -le "$(tail -n 1 "$work/guest")" ]
}

# ---- expectations ----

# refused CODE WORDS COMMAND...: ends with the code and one line that has the words.
refused() {
    run "-$1" --separate-stderr tatami "${@:3}"
    [ "${#stderr_lines[@]}" = 1 ] || { echo "$stderr" >&2; return 1; }
    [[ "$stderr" == *"$2"* ]] || { echo "not '$2': $stderr" >&2; return 1; }
}
