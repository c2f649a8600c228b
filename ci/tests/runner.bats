#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The test runner counts what happened, whatever happened.

setup() {
    ci=$BATS_TEST_DIRNAME/..
    work=$(mktemp -d /tmp/tatami-XXXXXX)
    export TATAMI_RPC_LOG=$work/rpc.log
}

teardown() {
    rm -rf "$work"
}

# program NAME: a cmocka program; the bodies of its tests one, two and three come from stdin, a line each.
program() {
    {
        echo '#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>'
        for name in one two three; do
            read -r body
            echo "static void $name(void **state) { (void)state; $body }"
        done
        echo 'int main(void) { const struct CMUnitTest t[] = { cmocka_unit_test(one), cmocka_unit_test(two), cmocka_unit_test(three) };
              return cmocka_run_group_tests(t, NULL, NULL); }'
    } >"$work/$1.c"
    gcc -o "$work/$1" "$work/$1.c" -lcmocka
}

tests() {
    run "$ci/run-tests" --build "$work" "$@"
    echo "$output"
    total=${lines[${#lines[@]} - 1]}
}

@test "passed, failed and skipped tests are counted and the reason of a skip is shown" {
    printf '%s\n' '' 'assert_int_equal(1, 2);' 'print_message("needs a tty\n"); skip();' | program mixed
    tests --unit "$work/mixed"
    [ "$status" -eq 1 ]
    [ "$total" = "1 passed, 1 failed, 1 skipped" ]
    [[ "$output" == *"skipped three: needs a tty"* ]]
    [[ "$output" == *"0x1 != 0x2"* ]]
}

@test "the output of a program that passes is not shown" {
    printf '%s\n' 'puts("chatter");' '' '' | program calm
    tests --unit "$work/calm"
    [ "$status" -eq 0 ]
    [ "$total" = "3 passed, 0 failed, 0 skipped" ]
    [[ "$output" != *chatter* ]]
}

@test "a program that dies inside a test is a failure that names the test" {
    printf '%s\n' '' 'kill(getpid(), 9);' '' | sed 's/kill/extern int kill(int, int); kill/' | program dies
    tests --unit "$work/dies"
    [ "$status" -eq 1 ]
    [ "$total" = "1 passed, 1 failed, 0 skipped" ]
    [[ "$output" == *"ended inside two, killed by SIGKILL"* ]]
}

@test "a test that ends its program early with success is a failure" {
    printf '%s\n' '_exit(0);' '' '' | program early
    tests --unit "$work/early"
    [ "$status" -eq 1 ]
    [[ "$output" == *"ended inside one, exit status 0"* ]]
}

@test "a bad exit status after all tests passed is a failure" {
    printf '%s\n' 'atexit((void (*)(void))abort);' '' '' | program late
    tests --unit "$work/late"
    [ "$status" -eq 1 ]
    [ "$total" = "3 passed, 1 failed, 0 skipped" ]
}

@test "a program that hangs is killed with its children, and said to hang" {
    printf '%s\n' 'if (fork() == 0) for (;;) sleep(77); for (;;) sleep(1);' '' '' | program hangs
    sed 's/^TIMEOUT_S = .*/TIMEOUT_S = 1/; s|^SOURCE = .*|SOURCE = Path("/")|' "$ci/run-tests" >"$work/run-tests"
    run python3 "$work/run-tests" --build "$work" --unit "$work/hangs"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"killed after 1 s in one"* ]]
    ! grep -qs "$work/hang[s]" /proc/[0-9]*/cmdline
}

@test "a child that outlives its program is ended and does not hold the runner" {
    printf '%s\n' 'if (fork() == 0) { sleep(300); _exit(0); }' '' '' | program parent
    tests --unit "$work/parent"
    [ "$status" -eq 0 ]
    ! grep -qs "$work/paren[t]" /proc/[0-9]*/cmdline
}

@test "scripts and checks count as tests" {
    printf '@test "good" { true; }\n@test "bad" { echo why >&2; false; }\n@test "later" { skip "no disk"; }\n' >"$work/s.bats"
    printf 'fine true\nbroken echo offence; false\n' >"$work/checks"
    tests --checks "$work/checks" --process "$work/s.bats"
    [ "$status" -eq 1 ]
    [ "$total" = "2 passed, 2 failed, 1 skipped" ]
    [[ "$output" == *offence* ]]
    [[ "$output" == *"no disk"* ]]
}

@test "nothing that ran is a failure" {
    tests --only no_such_test --unit /bin/true
    [ "$status" -eq 1 ]
    [ "$total" = "0 passed, 0 failed, 0 skipped" ]
    tests --unit /bin/true
    [ "$total" = "0 passed, 1 failed, 0 skipped" ]
}
