# SPDX-License-Identifier: Apache-2.0
# For tests in real machines: a root and a base bundle for each file; see runtime-min/tests/containers.bash for the words.
load ../../runtime-min/tests/containers

# In setup_file.
machines_up() {
    export TATAMI=$TATAMI_BUILD/tatami
    export work=$(mktemp -d /tmp/tatami-XXXXXX)
    chmod 755 "$work"
    export root=$work/root
    export c1=c1
    make_base_bundle
}

# In teardown_file.
machines_down() {
    delete_all
    rm -rf "$work"
}

# Containers go before the sandbox they are in.
delete_all() {
    [ -d "$root" ] || return 0
    for id in $(ls "$root"); do tatami delete --force "$id" || true; done
}

# Nothing is left of any container or machine: no directory, process or mount.
nothing_left() {
    [ -z "$(ls "$root" 2>/dev/null)" ] || { ls "$root" >&2; return 1; }
    [ -z "$(ls "$root/.sandboxes" 2>/dev/null)" ] || { ls "$root/.sandboxes" >&2; return 1; }
    ! grep -F "$root" /proc/mounts >&2
    ! pgrep -f -- "$root" >&2
}

# Pids of a sandbox's parts, by the word in their command line: qemu, virtiofsd, tatami-vsock, monitor.
part_of() {
    pgrep -f -- "$2.*$root/.sandboxes/$1|$root/.sandboxes/$1.*$2"
}
