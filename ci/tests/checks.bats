#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Each check of ci/ finds an offence planted for it, and only that one.

setup() {
    ci=$BATS_TEST_DIRNAME/..
    tree=$(mktemp -d /tmp/tatami-XXXXXX)
    mkdir -p "$tree/build/gen" "$tree/lib/base" "$tree/lib/sys" "$tree/lib/oci" "$tree/agent/rpc" "$tree/mocks/kernel"
}

teardown() {
    rm -rf "$tree"
}

# compile FILE.c: leaves its object where the build would; the source is read from stdin.
compile() {
    cat >"$tree/$1"
    mkdir -p "$tree/build/$(dirname "$1")"
    gcc -O1 -ffunction-sections -fdata-sections -c -o "$tree/build/${1%.*}.o" "$tree/$1"
}

# expect_offence WORD: the check of the last run failed and its report holds WORD.
expect_offence() {
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"$1"* ]]
}

@test "seam: a call of libc that enters the kernel is found" {
    compile agent/rpc/a.c <<<'int open(const char *, int, ...); int f(void) { return open("/etc/passwd", 0); }'
    run "$ci/check-seam" "$tree/build" "$tree/build/agent/rpc/a.o"
    expect_offence "agent/rpc/a.o: calls open()"
}

@test "seam: stdio on files is found" {
    compile agent/rpc/a.c <<<'int puts(const char *); void f(void) { puts("x"); }'
    run "$ci/check-seam" "$tree/build" "$tree/build/agent/rpc/a.o"
    expect_offence "calls puts()"
}

@test "seam: a system call instruction is found" {
    [ "$(uname -m)" = x86_64 ] || skip "the planted offence is x86-64 assembly"
    compile agent/rpc/a.c <<<'long f(long n) { __asm__ volatile("syscall" : "+a"(n) :: "rcx", "r11", "memory"); return n; }'
    run "$ci/check-seam" "$tree/build" "$tree/build/agent/rpc/a.o"
    expect_offence "by the instruction syscall"
}

@test "seam: pure functions, libraries and our own functions pass" {
    compile lib/base/b.c <<<'int ours(void) { return 1; }'
    compile agent/rpc/a.c <<<'
        int ours(void); void *malloc(unsigned long); int json_object_put(void *);
        int f(void) { return ours() + json_object_put(malloc(3)); }'
    run "$ci/check-seam" "$tree/build" "$tree/build/agent/rpc/a.o" "$tree/build/lib/base/b.o"
    echo "$output"
    [ "$status" -eq 0 ] && [ -z "$output" ]
}

@test "seam: the implementation of the seam may call the kernel" {
    compile lib/sys/sys_linux.c <<<'long syscall(long, ...); long f(void) { return syscall(39); }'
    run "$ci/check-seam" "$tree/build" "$tree/build/lib/sys/sys_linux.o"
    [ "$status" -eq 0 ]
}

@test "seam: an allowance for one object helps no other" {
    echo "agent/rpc/a.o: puts" >"$tree/allowed"
    compile agent/rpc/a.c <<<'int puts(const char *); void f(void) { puts("x"); }'
    compile agent/rpc/b.c <<<'int puts(const char *); void g(void) { puts("x"); }'
    export TATAMI_ALLOWED=$tree/allowed
    run "$ci/check-seam" "$tree/build" "$tree/build/agent/rpc/a.o" "$tree/build/agent/rpc/b.o"
    expect_offence "agent/rpc/b.o: calls puts()"
    [[ "$output" != *"agent/rpc/a.o"* ]]
}

@test "globals: initialised, zero, static, thread-local and common variables are found" {
    while IFS= read -r line; do
        compile agent/rpc/a.c <<<"$line"
        run "$ci/check-globals" "$tree/build/agent/rpc/a.o"
        expect_offence "mutable variable culprit"
    done <<'EOF'
int culprit = 3;
int culprit;
int culprit __attribute__((common));
static int culprit; int f(void) { return culprit++; }
int f(void) { static int culprit = 1; return culprit++; }
_Thread_local int culprit;
const char *culprit = "x";
static const char *culprit[] = { "x" }; const char **f(void) { return culprit; }
EOF
}

@test "globals: constant tables pass, pointers in them too" {
    compile agent/rpc/a.c <<<'
        const int number = 3; static const char *const names[] = { "a", "b" };
        const char *f(int i) { return names[i]; }
        static const struct { int (*call)(void); } calls[] = { { 0 } }; int g(int i) { return calls[i].call(); }'
    run "$ci/check-globals" "$tree/build/agent/rpc/a.o"
    echo "$output"
    [ "$status" -eq 0 ]
}

# include FILE NAME: a source FILE that includes "NAME".
include() {
    echo "#include \"$2\"" >"$tree/$1"
}

@test "includes: arrows that point up or sideways are found" {
    touch "$tree/lib/base/b.h" "$tree/lib/sys/s.h" "$tree/agent/rpc/a.h" "$tree/mocks/kernel/k.h" "$tree/lib/oci/o.h"
    while read -r file name; do
        include "$file" "$name"
        run "$ci/check-includes" "$tree"
        expect_offence "$file: "
        rm "$tree/$file"
    done <<'EOF'
lib/base/x.c sys/s.h
lib/sys/x.c oci/o.h
lib/oci/x.c sys/s.h
lib/sys/x.h agent/rpc/a.h
agent/rpc/x.c mocks/kernel/k.h
mocks/kernel/x.c agent/rpc/a.h
agent/rpc/x.c no/such.h
EOF
}

@test "includes: arrows that point down pass, generated headers where proto is allowed" {
    touch "$tree/lib/base/b.h" "$tree/lib/sys/s.h"
    include lib/sys/x.c base/b.h
    include agent/rpc/x.c sys/s.h
    include lib/oci/x.c proto/agent.pb-c.h
    run "$ci/check-includes" "$tree"
    echo "$output"
    [ "$status" -eq 0 ]
    include lib/base/x.c proto/agent.pb-c.h
    run "$ci/check-includes" "$tree"
    expect_offence "lib/base/x.c: "
}

# body LINES: a function with that many lines between its braces.
body() {
    echo "int long_one(void)"
    echo "{"
    for _ in $(seq "$1"); do echo "    ;"; done
    echo "}"
}

@test "sizes: a function of 71 lines and a file of 801 are found, one less passes" {
    body 70 >"$tree/ok.c"
    run "$ci/check-sizes" "$tree/ok.c"
    [ "$status" -eq 0 ]
    body 71 >"$tree/long.c"
    run "$ci/check-sizes" "$tree/ok.c" "$tree/long.c"
    expect_offence "long_one() has 71 lines"
    yes "" | head -800 >"$tree/big.c"
    run "$ci/check-sizes" "$tree/big.c"
    [ "$status" -eq 0 ]
    echo >>"$tree/big.c"
    run "$ci/check-sizes" "$tree/big.c" "$tree/ok.c"
    expect_offence "big.c: 801 lines"
}

@test "setup: without root it prints one command and fails, with nothing missing it is silent" {
    printf 'no-such-package-a # why\nbash\nno-such-package-b\n' >"$tree/packages"
    chmod -R a+rX "$tree"
    cp "$ci/setup" "$tree/setup"
    as_nobody="env TATAMI_PACKAGES=$tree/packages sh $tree/setup"
    [ "$(id -u)" != 0 ] || as_nobody="setpriv --reuid 65534 --clear-groups $as_nobody"
    run sh -c "$as_nobody 2>/dev/null"
    [ "$status" -eq 1 ]
    [ "$output" = "apt-get install -y --no-install-recommends no-such-package-a no-such-package-b" ]
    echo bash >"$tree/packages"
    run $as_nobody
    [ "$status" -eq 0 ] && [ -z "$output" ]
}
