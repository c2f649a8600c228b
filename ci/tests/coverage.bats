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
    gcc -O1 -D_GNU_SOURCE -DCOVERAGE_BUILD='"."' -c "$top/coverage/dump.c"
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
sys.argv = ["report", "build", "build/rpc.log", "build/faults.log"]
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
    for file in index.html faults.html source/lib_base_a.c.html cobertura.xml coverage.json coverage.info; do
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

# faults LOG-LINE...: the fault matrix of one source file with three calls that can fail, after a log with these lines; then the
# python on standard input sees it as m.
faults() {
    mkdir -p tree/lib/base tree/lib/tests tree/agent tree/mocks/kernel
    printf '# comment\nopenat\tEACCES EIO\nread\tEIO\nwrite\tEIO EAGAIN\n' >tree/mocks/kernel/errnos.tsv
    cat >tree/lib/base/a.c <<'EOF'
/* sys_openat() in a comment is none, nor is one in a "text". */
static int copy(int fd)
{
    int in = sys_openat(fd, "sys_write(", 0, 0);
    sys_read(in, NULL, 0);
    return sys_close(in);
}

static void tell(int fd)
{
    sys_write(
        fd, NULL, 0);
}
EOF
    echo 'void f(void) { sys_read(0, 0, 0); }' >tree/lib/tests/a_test.c
    printf '%b\n' "$@" >log
    cat >check.py
    PYTHONPATH=$top/coverage python3 -B -c '
import fault_matrix
from pathlib import Path
fault_matrix.KNOWN_HOLES = Path("known.tsv")
places = {"0x10": "lib/base/a.c:4", "0x20": "lib/base/a.c:5", "0x40": "mocks/kernel/shell.c:7", "0x50": "lib/base/a.c:9"}
m = fault_matrix.load("log", Path("tree").resolve(), lambda program, addresses: {a: places[a] for a in addresses})
site = {s.call: s for s in m.sites}
exec(Path("check.py").read_text())
'
}

@test "the fault matrix finds the places that enter the kernel in the sources" {
    faults '' <<'EOF'
assert [(s.name(), s.call, s.function) for s in m.sites] == [("lib/base/a.c:4", "openat", "copy"), ("lib/base/a.c:5", "read", "copy"),
    ("lib/base/a.c:6", "close", "copy"), ("lib/base/a.c:11", "write", "tell")], [vars(s) for s in m.sites]
assert [s.state() for s in m.sites] == ["never", "never", "none", "never"]
EOF
}

@test "the fault matrix adds up what the sweeps saw at a place, and what they did not try" {
    faults 'p\tcreate\topenat\t0x10\t5\t0\tEIO:2:0:1:3' 'p\tcreate\topenat\t0x10\t1\t0\tEIO:1:0:0:0' \
        'p\tremove\topenat\t0x10\t1\t0\tEIO:0:1:0:0' 'p\tcreate\tread\t0x20\t4\t0' <<'EOF'
opened = site["openat"]
assert opened.reached == {"create": 6, "remove": 1} and opened.ends() == {"refused": 3, "lost": 1, "later": 3, "unaffected": 1}, opened.ends()
assert opened.state() == "failed" and opened.untried() == ["EACCES"]
assert site["read"].state() == "reached" and site["write"].state() == "never"
assert vars(m.tally()) == {"sites": 3, "reached": 2, "failed": 1, "pairs": 5, "tried": 1}
assert [s.call for s in m.holes()] == ["read", "write"]
text = fault_matrix.summary(m)
assert "seen failing: 1 of 3 (reached: 2), with 1 of 5" in text and "5 faults: 3 refused, 1 borne, 1 cut" in text, text
assert "never reached: lib/base/a.c: 11 write" in text and "never failed: lib/base/a.c: 5 read" in text, text
assert m.to_json()["holes"] == ["lib/base/a.c:5", "lib/base/a.c:11"]
EOF
}

@test "a call that no fault can strike is no hole in the fault matrix" {
    faults 'p\tcreate\tread\t0x20\t4\t4' <<'EOF'
assert site["read"].state() == "none" and site["read"] not in m.holes()
EOF
}

@test "the fault matrix names places that the sources do not have, but for the mock's" {
    faults 'p\tcreate\tread\t0x50\t4\t0' 'p\tcreate\tread\t0x40\t4\t0' <<'EOF'
assert m.strangers == ["read at lib/base/a.c:9"], m.strangers
assert "not understood: read at lib/base/a.c:9" in fault_matrix.summary(m)
EOF
}

@test "a known hole is not counted, and a row that excuses nothing is told" {
    printf '# why\nlib/base/a.c\ttell()\thost side\nlib/base/a.c\topenat\tgone\n' >known.tsv
    faults 'p\tcreate\topenat\t0x10\t5\t0\tEIO:2:0:1:3' <<'EOF'
assert [s.call for s in m.holes()] == ["read"] and site["write"].why_hole == "host side"
assert m.stale == ["lib/base/a.c openat"] and "no hole any more: lib/base/a.c openat" in fault_matrix.summary(m)
EOF
}

@test "a place is found again by the address behind its call" {
    printf 'int sys_x(void);\nint main(void)\n{\n    int r =\n        sys_x();\n    return r;\n}\n' >m.c
    cat >x.c <<'EOF'
#include <link.h>
#include <stdio.h>
static int bias(struct dl_phdr_info *info, size_t size, void *arg) { *(long *)arg = info->dlpi_addr; return 1; }
int sys_x(void) { long b = 0; dl_iterate_phdr(bias, &b); printf("%#lx\n", (long)__builtin_return_address(0) - b); return 0; }
EOF
    for how in -pie -no-pie -static; do
        gcc -O0 -g -D_GNU_SOURCE "$how" -o m m.c x.c
        PYTHONPATH=$top/coverage python3 -B -c '
import fault_matrix, os, sys
(place,) = fault_matrix.locate("m", sys.argv[1:]).values()
assert fault_matrix.relative(place, os.getcwd()) == "m.c:5", place' "$(./m)"
    done
}

@test "counters that a machine hands out are added to those of the build" {
    cat >p.c <<<'int main(int argc, char **argv) { (void)argv; return argc > 1 ? 3 : 0; }'
    gcc -O0 --coverage -c p.c && gcc --coverage -o p p.o
    ./p || true
    mkdir guest && cp p.gcda guest/
    rm p.gcda
    ./p x || true
    # A guest whose port is open at the second attempt.
    cat >machine.py <<'X'
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind("vsock.sock")
listener.listen()
listener.accept()[0].close()
client, _ = listener.accept()
assert client.recv(100) == b"CONNECT 1099\n"
data = open("guest/p.gcda", "rb").read()
client.sendall(b"OK 5\n" + f"{os.getcwd()}/p.gcda\n{len(data)}\n".encode() + data)
client.sendall(f"{os.getcwd()}/new/q.gcda\n{len(data)}\n".encode() + data)
client.shutdown(socket.SHUT_WR)
client.recv(1)
X
    run "$top/coverage/collect" . "$PWD/*.sock" python3 machine.py
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"counters of 1 machines"* ]]
    cmp new/q.gcda guest/p.gcda
    gcov -b -c p.gcda >/dev/null
    grep -E '^ +2: .*main' p.c.gcov
}

@test "a machine that breaks off in the middle adds nothing, and the command's status is told" {
    cat >machine.py <<'X'
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("vsock.sock")
listener.listen()
client, _ = listener.accept()
client.sendall(b"OK 5\n/p.gcda\nmany\n")
client.close()
raise SystemExit(7)
X
    run "$top/coverage/collect" . "$PWD/*.sock" python3 machine.py
    echo "$output"
    [ "$status" -eq 7 ]
    [[ "$output" == *"counters of 0 machines"* ]]
}
