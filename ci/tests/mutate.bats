#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Mutants of a small tree: the well tested are killed, the others named; what a mutant starts does not outlive it.

setup() {
    tree=$(mktemp -d /tmp/tatami-XXXXXX)
    mkdir -p "$tree/lib/toy" "$tree/tests"
    cd "$tree"
    cat >lib/toy/clamp.c <<'END'
#define LIMIT (1 + 1)
/* Not code: a < b. */
static const int first[] = {3};
int clamp(int n)
{
    if (n > 9)
        return 9;
    return n + first[0] - 3;
}
END
    cat >lib/toy/idle.c <<'END'
int idle(int n)
{
    return n * 2 + 1;
}
END
    cat >tests/toy_clamp_test.c <<'END'
int clamp(int);
int idle(int);
int main(void)
{
    idle(1);
    return clamp(5) == 5 && clamp(9) == 9 && clamp(10) == 9 && clamp(11) == 9 && clamp(0) == 0 ? 0 : 1;
}
END
}

teardown() {
    rm -rf "$tree"
}

# mutate ARGUMENT...: builds the tree and asks about it.
mutate() {
    for source in lib/toy/*.c; do gcc -c -o "${source%.c}.o" "$source"; done
    ar rcs toy.a lib/toy/*.o
    gcc -c -o tests/toy_clamp_test.o tests/toy_clamp_test.c
    gcc -o tests/toy_clamp_test tests/toy_clamp_test.o toy.a
    run "$BATS_TEST_DIRNAME/../mutate" --compile gcc --link "### " --group tests/toy_clamp_test toy.a "$@" lib/toy/*.c
    echo "$output"
}

@test "mutants of a tested function are killed; one that makes no difference does not count" {
    mutate --files clamp
    [ "$status" -eq 0 ]
    [ "$(grep -c became <<<"$output")" -eq 0 ]
    [[ "$output" == *"11 of 11 mutants killed"*" 1 made no difference"* ]]
}

@test "survivors are named with file, line and both texts" {
    mutate --files idle
    [ "$status" -eq 0 ]
    [[ "$output" == *"lib/toy/idle.c"*"3: constant, 1 tests asked: return n * 2 + 1;"*"became return n * 2 + 2;"* ]]
    [[ "$output" == *" 0 of "* || "$output" == *$'\n'"0 of "* ]]
}

@test "a test that does not execute the changed line is not asked" {
    mkdir -p measured/lib/toy measured/tests
    for source in lib/toy/clamp.c lib/toy/idle.c; do gcc --coverage -c -o "measured/${source%.c}.o" "$source"; done
    sed '/idle(1)/d' tests/toy_clamp_test.c >tests/other.c
    gcc --coverage -o measured/tests/toy_clamp_test tests/other.c measured/lib/toy/*.o
    mutate --files idle --reach . measured
    [ "$status" -eq 0 ]
    [[ "$output" == *"3: constant, 0 tests asked:"* ]]
    [[ "$output" != *"1 tests asked"* ]]
}

@test "the same seed gives the same sample" {
    mutate --sample 4 --seed 7
    first=$(sed 's/[0-9]* s$//' <<<"$output")
    [[ "$first" == *"4 of "*" tried"* ]]
    mutate --sample 4 --seed 7
    [ "$(sed 's/[0-9]* s$//' <<<"$output")" = "$first" ]
}

@test "a mutant that hangs is killed, with a child that went its own way" {
    name=toy$$x$RANDOM
    cat >lib/toy/idle.c <<END
#include <fcntl.h>
#include <unistd.h>
#include <sys/prctl.h>
int idle(int n)
{
    if (n == 0 && fork() == 0) {
        setsid();
        prctl(PR_SET_NAME, "$name");
        for (;;) pause();
    }
    while (n == 0) pause();
    return 0;
}
END
    mutate --files idle
    [ "$status" -eq 0 ]
    [[ "$output" == *"killed by toy_clamp"* ]]
    ! grep -qs "$name" /proc/[0-9]*/comm
}

@test "a tree that is broken before any change is not measured" {
    sed -i 's/clamp(0) == 0/clamp(0) == 1/' tests/toy_clamp_test.c
    mutate --files clamp
    [[ "$output" == *"fails on the unchanged program"* ]]
    [ "$status" -eq 1 ]
}
