#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tools that make the guest: same inputs, same bytes; what is wrong with an input is said.

setup() {
    guest=$BATS_TEST_DIRNAME/../guest
    work=$(mktemp -d /tmp/tatami-XXXXXX)
    mkdir -p "$work/kernel/modules/kernel"
    echo 6.1.0-test >"$work/kernel/version"
    echo agent >"$work/agent"
    chmod 755 "$work/agent"
    for module in vsock transport virtio-rng other; do
        echo "$module" >"$work/kernel/modules/kernel/$module.ko"
    done
    cat >"$work/kernel/modules/modules.dep" <<X
kernel/transport.ko: kernel/vsock.ko
kernel/vsock.ko:
kernel/virtio-rng.ko:
kernel/other.ko:
kernel/packed.ko.xz:
X
    echo CONFIG_MODULE_SIG=y >"$work/kernel/config"
    echo kernel/inside.ko >"$work/kernel/modules/modules.builtin"
    printf 'first transport # why\n\nlater virtio_rng\nlater inside\n' >"$work/list"
}

teardown() {
    rm -rf "$work"
}

make_initramfs() {
    "$guest/make-initramfs" --init "$work/agent" --kernel "$work/kernel" --modules "$work/list" "$@"
}

# build_elf NOTE: an ELF file whose only segment is one Xen note of that type, packed as a kernel's bzImage packs it.
build_bzimage() {
    python3 - "$1" "$work/plain" "$work/bzimage" <<'X'
import gzip, struct, sys
note = struct.pack("<III", 4, 4, int(sys.argv[1])) + b"Xen\0" + bytes(4)
elf = b"\x7fELF\x02" + bytes(27) + struct.pack("<Q", 64) + bytes(14) + struct.pack("<HH", 56, 1) + bytes(6)
elf += struct.pack("<IIQQQQQQ", 4, 0, 120, 0, 0, len(note), len(note), 4) + note
packed = gzip.compress(elf)
setup = bytearray(1024)
setup[0x1F1] = 1
setup[0x202:0x206] = b"HdrS"
setup[0x248:0x250] = struct.pack("<II", 16, len(packed))
open(sys.argv[2], "wb").write(elf)
open(sys.argv[3], "wb").write(setup + bytes(16) + packed)
X
}

@test "initramfs: built twice from files of another age and order, it is the same" {
    make_initramfs --add etc/b="$work/list" --add etc/a="$work/agent" "$work/one"
    sleep 1
    touch "$work"/agent "$work"/kernel/modules/kernel/*
    make_initramfs --add etc/a="$work/agent" --add etc/b="$work/list" "$work/two"
    cmp "$work/one" "$work/two"
}

@test "initramfs: it unpacks to the agent, the modules of the list and those they need, and nothing else" {
    make_initramfs "$work/one"
    mkdir "$work/out"
    (cd "$work/out" && busybox cpio -idm <"$work/one" 2>/dev/null)
    (cd "$work/out" && find . -type f | sort) >"$work/files"
    diff "$work/files" - <<X
./etc/modules
./etc/modules.later
./init
./lib/modules/6.1.0-test/kernel/transport.ko
./lib/modules/6.1.0-test/kernel/virtio-rng.ko
./lib/modules/6.1.0-test/kernel/vsock.ko
./lib/modules/6.1.0-test/modules.dep
X
    [ -x "$work/out/init" ]
    [ "$(cat "$work/out/etc/modules")" = transport ]
    [ "$(cat "$work/out/etc/modules.later")" = virtio_rng ]
    grep -x 'kernel/transport.ko: kernel/vsock.ko' "$work/out/lib/modules/6.1.0-test/modules.dep"
}

# sign FILE LENGTH: appends a signature that says it has so many bytes.
sign() {
    python3 - "$1" "$2" <<'X'
import struct, sys
with open(sys.argv[1], "ab") as file:
    file.write(b"SIGNATURE!" + struct.pack(">8xI", int(sys.argv[2])) + b"~Module signature appended~\n")
X
}

@test "initramfs: modules come without their signatures, unless the kernel insists" {
    cp "$work/kernel/modules/kernel/vsock.ko" "$work/plain.ko"
    sign "$work/kernel/modules/kernel/vsock.ko" 10
    make_initramfs "$work/one"
    mkdir "$work/out"
    (cd "$work/out" && busybox cpio -idm <"$work/one" 2>/dev/null)
    cmp "$work/plain.ko" "$work/out/lib/modules/6.1.0-test/kernel/vsock.ko"
    echo CONFIG_MODULE_SIG_FORCE=y >>"$work/kernel/config"
    make_initramfs "$work/one"
    (cd "$work/out" && busybox cpio -idmu <"$work/one" 2>/dev/null)
    cmp "$work/kernel/modules/kernel/vsock.ko" "$work/out/lib/modules/6.1.0-test/kernel/vsock.ko"
}

@test "initramfs: a signature that is longer than its module is refused" {
    sign "$work/kernel/modules/kernel/vsock.ko" 1000
    run make_initramfs "$work/one"
    [ "$status" -eq 1 ]
    [[ "$output" == *"signature of 1000 bytes"* ]]
}

@test "initramfs: a module that the kernel does not have is named, and no file is left" {
    echo 'later nosuch' >>"$work/list"
    run make_initramfs "$work/one"
    [ "$status" -eq 1 ]
    [[ "$output" == *"no module 'nosuch'"* ]]
    [ ! -e "$work/one" ]
}

@test "initramfs: a compressed module and a bad line of the list are refused" {
    echo 'later packed' >"$work/list"
    run make_initramfs "$work/one"
    [ "$status" -eq 1 ]
    [[ "$output" == *"'kernel/packed.ko.xz' is compressed"* ]]
    printf '# list\nsometimes vsock\n' >"$work/list"
    run make_initramfs "$work/one"
    [ "$status" -eq 1 ]
    [[ "$output" == *"list:2: not 'first or later or spare'"* ]]
}

@test "vmlinux: the kernel comes out of a bzImage as it went in" {
    build_bzimage 18
    "$guest/extract-vmlinux" "$work/bzimage" "$work/vmlinux"
    cmp "$work/plain" "$work/vmlinux"
}

@test "vmlinux: a kernel without a PVH entry point, a file that is no bzImage and a cut one are refused" {
    build_bzimage 17
    run "$guest/extract-vmlinux" "$work/bzimage" "$work/vmlinux"
    [ "$status" -eq 1 ]
    [[ "$output" == *"no PVH entry point"* ]]
    run "$guest/extract-vmlinux" "$work/agent" "$work/vmlinux"
    [ "$status" -eq 1 ]
    [[ "$output" == *"not a bzImage"* ]]
    build_bzimage 18
    truncate -s -9 "$work/bzimage"
    run "$guest/extract-vmlinux" "$work/bzimage" "$work/vmlinux"
    [ "$status" -eq 1 ]
    [[ "$output" == *"does not lie in the file"* ]]
    [ ! -e "$work/vmlinux" ]
}

# fake TOOL SCRIPT: what fetch-kernel finds under that name.
fake() {
    mkdir -p "$work/bin"
    printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1"
    chmod 755 "$work/bin/$1"
}

fetch_kernel() {
    PATH=$work/bin:$PATH run "$guest/fetch-kernel" "$work/fetched"
    [ "$status" -eq 1 ]
    [ -z "$(ls "$work/fetched")" ]
}

@test "kernel: an unknown package and a mirror that cannot be reached are named with the remedy" {
    fake depmod ''
    fake apt-get 'exit 100'
    fake apt-cache 'exit 100'
    TATAMI_KERNEL_PACKAGE=linux-image-nosuch fetch_kernel
    [[ "$output" == *"is there a network"* || "$output" == *"no package 'linux-image-nosuch'"*"apt-get update"* ]]
    fake apt-cache 'echo "  Depends: linux-image-1.2-cloud-amd64"'
    fetch_kernel
    [[ "$output" == *"cannot download 'linux-image-1.2-cloud-amd64': is there a network"* ]]
}

@test "kernel: a package without a kernel is refused" {
    fake depmod ''
    fake apt-cache 'echo "  Depends: linux-image-1.2-cloud-amd64"'
    fake apt-get 'touch linux.deb'
    fake dpkg-deb 'mkdir -p tree/lib'
    fetch_kernel
    [[ "$output" == *"'linux-image-1.2-cloud-amd64' holds no kernel modules"* ]]
}
