#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Coverage counts what processes did that never reach exit(), and the report fails when it should.

setup() {
    top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
    work=$(mktemp -d /tmp/tatami-XXXXXX)
    cd "$work"
}

teardown() {
    rm -rf "$work"
}

# counted NAME: gcov's count of the line that holds NAME in p.c.
counted() {
    gcov -t p.o 2>/dev/null | awk -F: -v name="$1" 'index($0, name) && $1 !~ /-/ { gsub(/[ *]/, "", $1); print $1; exit }'
}

build_program() {
    cat >p.c
    gcc -O0 -g --coverage -fprofile-update=atomic -ffunction-sections -fdata-sections -c p.c
    gcc -O1 -c "$top/coverage/dump.c"
    gcc "$@" --coverage -Wl,-T,"$top/coverage/counters.ld" -Wl,--gc-sections -o p p.o dump.o
}

program='
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
void coverage_process_ends(void);
void by_signal(void) { kill(getpid(), SIGKILL); }
void by_exec(void) { char *argv[] = { "true", NULL }; coverage_process_ends(); syscall(SYS_execve, "/bin/true", argv, argv); }
void by_exit(void) { coverage_process_ends(); syscall(SYS_exit_group, 0); }
static void child(void (*end)(void))
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    if (syscall(SYS_clone3, &args, sizeof(args)) == 0)
        end();
    wait(NULL);
}'

@test "what children do before a signal, exec or exit_group is counted once" {
    for how in "" -static; do
        build_program $how <<<"$program
int main(void) { child(by_signal); child(by_exec); child(by_exit); return 0; }"
        rm -f p.gcda
        ./p
        for name in by_signal by_exec by_exit; do
            echo "$how $name: $(counted "void $name")"
            [ "$(counted "void $name")" = 1 ]
        done
    done
}

@test "a program that replaces itself keeps what it did before" {
    build_program <<<"$program
int main(void) { by_exec(); return 1; }"
    ./p
    [ "$(counted "void by_exec")" = 1 ]
}

@test "a child writes no counters of its own into the root that it ends in" {
    build_program -static <<<"$program
int main(void) { child(by_exit); rmdir(\"x\"); _exit(0); }"
    ./p
    [ ! -e p.gcda ]
}

# report LINES: runs the report over a file with that many of 10 lines covered.
report() {
    mkdir -p top/coverage top/lib/base top/build
    cp "$top"/coverage/*.py "$top"/coverage/*.tsv "$top"/coverage/*.css top/coverage/
    printf 'lines 90\nbranches 75\nfunctions 90\n' >top/coverage/thresholds.txt
    cd top
    for n in 1 2 3 4 5 6 7 8 9 10; do echo "line $n;"; done >lib/base/a.c
    python3 -B - "$1" <<'EOF'
import json, sys
lines = [{"line_number": n, "gcovr/noncode": False, "gcovr/excluded": False, "count": int(n <= int(sys.argv[1])), "branches": []} for n in range(1, 11)]
json.dump({"gcovr/format_version": "0.3", "files": [{"file": "lib/base/a.c", "functions": [], "lines": lines}]}, open("raw.json", "w"))
EOF
    printf 'grpc.Health/Check\tOK\ta_test\ngrpc.Health/Check\tABORTED\tb_test\n' >build/rpc.log
    # Everything but the collection by gcovr, whose result was just written.
    run python3 -B -c '
import shutil, sys
sys.path.insert(0, "coverage")
sys.argv = ["report", "build", "build/rpc.log"]
import measure, report
measure.run_gcovr = lambda build, output: shutil.copy("raw.json", output)
sys.exit(report.main())'
    cd ..
    echo "$output"
}

@test "the report fails below a threshold and names the number" {
    report 8
    [ "$status" -eq 1 ]
    [[ "$output" == *"lines: 80.00 % of lib/ and agent/ is below 90 %"* ]]
}

@test "the report passes at the threshold and writes every format" {
    report 9
    [ "$status" -eq 0 ]
    for file in index.html source/lib_base_a.c.html cobertura.xml coverage.json coverage.info; do
        [ -s "top/build/$file" ]
    done
    grep -q 'DA:10,0' top/build/coverage.info
    ! grep -qE '(src|href)="(https?:)?//' top/build/index.html
}

@test "the RPC matrix shows what was seen, the holes, and answers that the sheet does not know" {
    report 9
    [[ "$output" == *"hole: Check "*"CANCELLED DEADLINE_EXCEEDED"* ]]
    [[ "$output" == *"not in the sheet: Check answered ABORTED"* ]]
    python3 -c '
import json
rpc = json.load(open("top/build/coverage.json"))["rpc"]
check = next(m for m in rpc["methods"] if m["method"] == "Check")
assert rpc["covered"] == 1 and check["outcomes"]["OK"] == {"a_test": 1} and "OK" not in check["holes"]'
}

@test "a line that only aborts is not asked for, nor the branch to it" {
    mkdir -p lib
    printf 'if (x)\n    abort();\nif (y)\n    abort();\n' >lib/a.c
    PYTHONPATH=$top/coverage python3 -B - <<'EOF'
import measure
from pathlib import Path
line = lambda n, count, *b: {"line_number": n, "count": count, "branches": [{"count": c} for c in b]}
record = {"file": "lib/a.c", "lines": [line(1, 5, 0, 5), line(2, 0), line(3, 5, 2, 3), line(4, 2)]}
measure.drop_unreachable(record, Path("."))
assert [(l["line_number"], len(l["branches"])) for l in record["lines"]] == [(1, 1), (3, 2), (4, 0)], record
EOF
}
