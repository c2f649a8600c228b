/* SPDX-License-Identifier: Apache-2.0 */
/* The shell and the tools that scripts of other tests use: the mock's against those of this machine. */
#include "mocks/tests/files.h"

#define OUTPUT_MAX 2048

static char output[OUTPUT_MAX];

struct script {
    const char *text;
    int out[2];
};

static int run_script(void *arg)
{
    const struct script *script = arg;
    char *argv[] = {"sh", "-c", (char *)script->text, NULL}, *envp[] = {"PATH=/bin:/usr/bin", "NAME=value", NULL};
    int null = sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (sys_chdir("/tmp/dir") < 0 || sys_dup3(null, 0, 0) < 0 || sys_dup3(script->out[1], 1, 0) < 0 || sys_dup3(null, 2, 0) < 0)
        return 99;
    sys_execveat(AT_FDCWD, "/bin/sh", argv, envp, 0);
    return 98;
}

/* Runs it in /tmp/dir and reads all that it says; what it leaves running in the background has to close its output. */
static int run(const char *text)
{
    struct script script = {.text = text};
    size_t len = 0;
    ssize_t n;

    expect(sys_pipe2(script.out, O_CLOEXEC), 0);
    int pid = spawn(run_script, &script);
    sys_close(script.out[1]);
    while (len < OUTPUT_MAX - 1 && (n = sys_read(script.out[0], output + len, OUTPUT_MAX - 1 - len)) > 0)
        len += (size_t)n;
    output[len] = '\0';
    sys_close(script.out[0]);
    return collect(pid);
}

static const struct row {
    const char *label, *script;
    int status;
    const char *output;
} rows[] = {
    /* words */
    {"a word", "echo a", 0, "a\n"},
    {"words and blanks", "echo  a   b", 0, "a b\n"},
    {"no newline", "echo -n a", 0, "a"},
    {"single quotes", "echo 'a  $NAME'", 0, "a  $NAME\n"},
    {"double quotes", "echo \"a  $NAME\"", 0, "a  value\n"},
    {"quotes within a word", "echo a'b c'\"d\"", 0, "ab cd\n"},
    {"empty word", "echo '' a", 0, " a\n"},
    {"environment", "echo $NAME", 0, "value\n"},
    {"variable", "x=3; echo $x", 0, "3\n"},
    {"variable changed", "x=3; x=4; echo $x$x", 0, "44\n"},
    {"arithmetic", "x=3; echo $((x+4))", 0, "7\n"},
    {"arithmetic on itself", "x=1; x=$((x+1)); x=$((x+1)); echo $x", 0, "3\n"},
    /* status */
    {"true", "true", 0, ""},
    {"false", "false", 1, ""},
    {"exit", "exit 7", 7, ""},
    {"exit with the last", "false; exit", 1, ""},
    {"nothing after exit", "exit 3; echo a", 3, ""},
    {"status of the last", "false; true", 0, ""},
    {"status as a word", "false; echo $?", 0, "1\n"},
    {"status of a missing command", "missing-command; echo $?", 0, "127\n"},
    {"status of what is no program", "/tmp/dir/plain; echo $?", 0, "126\n"},
    {"status of a killed command", "sh -c 'kill -9 $$'; echo $?", 0, "137\n"},
    {"no command", ":", 0, ""},
    /* lists */
    {"two commands", "echo a; echo b", 0, "a\nb\n"},
    {"lines", "echo a\necho b\n", 0, "a\nb\n"},
    {"and", "true && echo a", 0, "a\n"},
    {"and after failure", "false && echo a", 1, ""},
    {"or", "false || echo a", 0, "a\n"},
    {"or after success", "true || echo a", 0, ""},
    {"and, or", "false && echo a || echo b", 0, "b\n"},
    {"or, and", "true || echo a && echo b", 0, "b\n"},
    {"and, and", "true && false && echo a", 1, ""},
    {"group", "(echo a; echo b)", 0, "a\nb\n"},
    {"group exits alone", "(exit 3); echo $?", 0, "3\n"},
    {"group has its own variables", "x=1; (x=2); echo $x", 0, "1\n"},
    {"group has its own directory", "(cd /); pwd", 0, "/tmp/dir\n"},
    /* loops */
    {"loop", "x=0; while test $x -lt 3; do echo $x; x=$((x+1)); done", 0, "0\n1\n2\n"},
    {"loop that does not begin", "while false; do echo a; done; echo b", 0, "b\n"},
    {"exit in a loop", "while true; do exit 5; done", 5, ""},
    /* pipes */
    {"pipe", "echo a | cat", 0, "a\n"},
    {"pipe of three", "echo a | cat | cat", 0, "a\n"},
    {"status of a pipe", "true | false", 1, ""},
    {"status of the end of a pipe", "false | true", 0, ""},
    {"group into a pipe", "(echo a; echo b) | cat", 0, "a\nb\n"},
    /* redirections */
    {"into a file", "echo a >f; cat f", 0, "a\n"},
    {"over a file", "echo abc >f; echo d >f; cat f", 0, "d\n"},
    {"behind a file", "echo a >f; echo b >>f; cat f", 0, "a\nb\n"},
    {"from a file", "echo a >f; cat <f", 0, "a\n"},
    {"from a missing file", "cat </missing || echo n", 0, "n\n"},
    {"to error", "echo a >&2", 0, ""},
    {"error to output", "(echo a >&2) 2>&1", 0, "a\n"},
    {"error into a file", "(echo a >&2) 2>f; cat f", 0, "a\n"},
    {"output only for the command", "echo a >f; echo b", 0, "b\n"},
    {"exec keeps redirections", "exec >f; echo a; cat f >&2", 0, ""},
    /* directories and processes */
    {"directory", "cd /tmp; pwd", 0, "/tmp\n"},
    {"missing directory", "cd /missing || echo n", 0, "n\n"},
    {"exec", "exec echo a; echo b", 0, "a\n"},
    {"exec of the missing", "exec missing-command; echo b", 127, ""},
    {"background", "(exit 4) & wait $!; echo $?", 0, "4\n"},
    {"background and wait for all", "echo a & wait; echo b", 0, "a\nb\n"},
    {"kill in the background", "sleep 100 >/dev/null & kill $!; wait $!; echo $?", 0, "143\n"},
    {"trap", "trap 'echo a' TERM; kill -TERM $$; echo b", 0, "a\nb\n"},
    {"trap that exits", "trap 'exit 9' TERM; kill -TERM $$; echo b", 9, ""},
    {"trap that ignores", "trap '' TERM; kill -TERM $$; echo b", 0, "b\n"},
    /* tools */
    {"head", "echo abcdef >f; head -c 3 f", 0, "abc"},
    {"seq", "seq 2 4", 0, "2\n3\n4\n"},
    {"test of equal words", "test a = a && echo y", 0, "y\n"},
    {"test of other words", "test a = b || echo n", 0, "n\n"},
    {"test of numbers", "test 2 -lt 10 && echo y", 0, "y\n"},
    {"test of a file", "test -e plain && echo y", 0, "y\n"},
    {"test of a missing file", "test -e missing || echo n", 0, "n\n"},
    {"test of a terminal", "test -t 0 || echo n", 0, "n\n"},
    {"grep", "echo ab >f; echo b >>f; echo c >>f; grep -c b f", 0, "2\n"},
    {"grep without a hit", "grep -c z plain", 1, "0\n"},
    {"cat of two files", "echo a >f; echo b >g; cat f g", 0, "a\nb\n"},
    {"cat of a missing file", "cat missing", 1, ""},
    {"mkdir", "mkdir d && test -e d && echo y", 0, "y\n"},
    {"mkdir of what is there", "mkdir plain", 1, ""},
    {"readlink", "readlink link", 0, "target\n"},
    {"readlink of a file", "readlink plain", 1, ""},
    {"ls", "mkdir e; echo a >e/x; ls e", 0, "x\n"},
    {"env", "env | grep -c NAME=value", 0, "1\n"},
    {"stat of a mode", "stat -c %a plain", 0, "640\n"},
    {"stat of owners", "stat -c %u:%g plain", 0, "0:0\n"},
    {"sleep", "sleep 0 && echo y", 0, "y\n"},
};

CONFORM_CASE(scripts_and_tools)
{
    expect(make_dir("/tmp/dir"), 0);
    expect(make_file("/tmp/dir/plain", "text\n"), 0);
    expect(sys_fchmodat(AT_FDCWD, "/tmp/dir/plain", 0640), 0);
    expect(make_link("target", "/tmp/dir/link"), 0);
    FOR_CASES(row, rows)
    {
        expect(run(row->script), row->status);
        expect_text(output, row->output);
    }
}
