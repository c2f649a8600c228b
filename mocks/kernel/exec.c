/* SPDX-License-Identifier: Apache-2.0 */
/* Becoming another program (execve(2), execveat(2)): a C function found on the inode, or the interpreter that a script names.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mocks/kernel/cgroup.h"
#include "mocks/kernel/process.h"
#include "mocks/kernel/world.h"
#include "sys/sys.h"

#define STRING_MAX ((size_t)131072)   /* one string with its NUL */
#define STRINGS_MIN ((size_t)131072)  /* allowed whatever the stack limit is */
#define STRINGS_MAX ((size_t)6291456) /* three quarters of 8 MiB */
#define INTERPRETERS_MAX 5
#define SCRIPT_HEAD 256

struct exec {
    struct path path; /* what runs: for a script its interpreter */
    char **argv, **envp;
    char name[PATH_MAX]; /* by which the script is opened again */
    char comm[NAME_MAX + 1];
    program_fn program;
};

/* ---- checks ---- */

/* The descriptor that memfd_create(2) gives does not count as a writer of its file: the kernel lets it be executed. */
static bool counts_as_writer(const struct world *world, const struct file *file)
{
    return !(file->flags & O_PATH) && (file->flags & O_ACCMODE) != O_RDONLY && file->path.mount != world->vfs.memfd;
}

bool is_open_for_writing(const struct world *world, const struct inode *inode)
{
    const struct task *task;

    LIST_FOREACH (task, &world->tasks, link) {
        for (size_t i = 0; i < task->descriptors.n; i++) {
            const struct file *file = task->descriptors.items[i].file;
            if (file && file->inode == inode && counts_as_writer(world, file))
                return true;
        }
    }
    return false;
}

static int check_file(const struct path *path)
{
    struct inode *inode = path->dentry->inode;

    if (S_ISLNK(inode->mode))
        return -ELOOP;
    if (!S_ISREG(inode->mode) || path_noexec(path))
        return -EACCES;
    int r = inode_permission(inode, X_OK);
    if (r < 0)
        return r;
    return is_open_for_writing(current()->world, inode) ? -ETXTBSY : 0;
}

static int measure(char *const *strings, size_t *total)
{
    for (size_t i = 0; strings && strings[i]; i++) {
        size_t len = strlen(strings[i]) + 1;
        if (len > STRING_MAX)
            return -E2BIG;
        *total += len + sizeof(char *);
    }
    return 0;
}

static int check_size(char *const *argv, char *const *envp)
{
    size_t limit = current()->rlimits[RLIMIT_STACK].rlim_cur / 4;
    size_t total = 0;

    limit = limit > STRINGS_MAX ? STRINGS_MAX : limit;
    limit = limit < STRINGS_MIN ? STRINGS_MIN : limit;
    int r = measure(argv, &total);
    if (r == 0)
        r = measure(envp, &total);
    return r == 0 && total > limit ? -E2BIG : r;
}

/* ---- scripts ---- */

#define BLANKS " \t"

/* First line "#! interpreter [argument]": blanks around both are dropped, the argument is one, whatever is in it. Only the head
 * of the file is looked at: without an end of line the name may be empty, but not be cut off. 0 or -ENOEXEC. */
static int split_script(char *head, char **ret_interpreter, char **ret_argument)
{
    char *p = head + 2;
    bool line_end = strchr(p, '\n') != NULL;

    p[strcspn(p, "\n")] = '\0';
    p += strspn(p, BLANKS);
    for (size_t len = strlen(p); len > 0 && strchr(BLANKS, p[len - 1]); len--)
        p[len - 1] = '\0';
    if (*p == '\0' && line_end)
        return -ENOEXEC;
    *ret_interpreter = p;
    p += strcspn(p, BLANKS);
    if (!line_end && p == head + SCRIPT_HEAD)
        return -ENOEXEC;
    *ret_argument = NULL;
    if (*p) {
        *p++ = '\0';
        *ret_argument = p + strspn(p, BLANKS);
    }
    return 0;
}

/* The interpreter's argv: itself, its argument, the script, and the script's own arguments. */
static void prepend(struct exec *exec, const char *interpreter, const char *argument)
{
    size_t n = 0, at = 0;
    while (exec->argv[n])
        n++;

    char **argv = calloc(n + 4, sizeof(*argv));
    if (!argv)
        abort();
    argv[at++] = strdup(interpreter);
    if (argument)
        argv[at++] = strdup(argument);
    argv[at++] = strdup(exec->name);
    for (size_t i = 1; i < n; i++)
        argv[at++] = exec->argv[i];
    if (n > 0)
        free(exec->argv[0]);
    free(exec->argv);
    exec->argv = argv;
}

/* The function on the inode, or the one that its text names: a copy of an executable is one too. */
static program_fn program_of(const struct inode *inode)
{
    const struct world *world = current()->world;
    size_t n;

    if (inode->program)
        return inode->program;
    if (inode->content.len == 0 || sscanf(inode->content.data, PROGRAM_TEXT, &n) != 1 || n >= world->n_programs)
        return NULL;
    return world->programs[n];
}

static int find_program(struct exec *exec)
{
    for (int i = 0; i <= INTERPRETERS_MAX; i++) {
        struct inode *inode = exec->path.dentry->inode;
        char head[SCRIPT_HEAD + 1] = {0};
        char *interpreter, *argument;

        exec->program = program_of(inode);
        if (exec->program)
            return 0;
        if (inode->content.len > 0)
            memcpy(head, inode->content.data, inode->content.len < SCRIPT_HEAD ? inode->content.len : SCRIPT_HEAD);
        if (memcmp(head, "#!", 2) != 0 || split_script(head, &interpreter, &argument) < 0)
            return -ENOEXEC;
        prepend(exec, interpreter, argument);
        snprintf(exec->name, sizeof(exec->name), "%s", interpreter);
        path_unref(&exec->path);
        exec->path = (struct path){.mount = NULL};
        /* An empty name is the working directory to the kernel itself. */
        int r = path_walk(AT_FDCWD, exec->name[0] ? exec->name : ".", WALK_FOLLOW, 0, &exec->path, NULL);
        if (r == 0)
            r = check_file(&exec->path);
        if (r < 0)
            return r;
    }
    return -ELOOP;
}

/* ---- execveat ---- */

/* An empty path or one from a directory descriptor: the script is found again through /dev/fd. */
static void name_program(struct exec *exec, int dirfd, const char *path)
{
    const char *slash = strrchr(path, '/');

    if (path[0] == '\0')
        snprintf(exec->name, sizeof(exec->name), "/dev/fd/%d", dirfd);
    else if (path[0] == '/' || dirfd == AT_FDCWD)
        snprintf(exec->name, sizeof(exec->name), "%s", path);
    else
        snprintf(exec->name, sizeof(exec->name), "/dev/fd/%d/%s", dirfd, path);
    snprintf(exec->comm, sizeof(exec->comm), "%s", path[0] == '\0' ? exec->path.dentry->name : slash ? slash + 1 : path);
}

static int open_program(struct exec *exec, int dirfd, const char *path, int flags)
{
    unsigned int walk = flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW;

    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    int r = path_walk(dirfd, path, walk | (flags & AT_EMPTY_PATH ? WALK_EMPTY : 0), 0, &exec->path, NULL);
    if (r < 0)
        return r;
    name_program(exec, dirfd, path);
    return check_file(&exec->path);
}

static int prepare(struct exec *exec, int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
    struct task *task = current();

    if (task->processes_exceeded && task_processes(task) > task->rlimits[RLIMIT_NPROC].rlim_cur)
        return -EAGAIN;
    task->processes_exceeded = false;
    int r = open_program(exec, dirfd, path, flags);
    if (r == 0)
        r = check_size(argv, envp);
    if (r < 0)
        return r;
    /* A program is never without a name of its own. */
    exec->argv = strings_copy(argv && argv[0] ? argv : (char *[]){"", NULL});
    exec->envp = strings_copy(envp);
    return find_program(exec);
}

static void exec_done(struct exec *exec)
{
    path_unref(&exec->path);
    strings_free(exec->argv);
    strings_free(exec->envp);
}

/* The point of no return: what belongs to the old program goes. */
static void become(struct task *task, struct exec *exec)
{
    struct inode *exe = inode_ref(exec->path.dentry->inode);

    strings_free(task->argv);
    strings_free(task->envp);
    task->argv = exec->argv;
    task->envp = exec->envp;
    exec->argv = exec->envp = NULL;
    if (task->exe)
        inode_unref(task->exe);
    task->exe = exe;
    path_unref(&task->exe_path);
    task->exe_path = exec->path;
    path_ref(&task->exe_path);
    memory_task_done(task);
    task_set_name(task, exec->comm);
    descriptors_exec(task);
    signals_exec(task);
    namespaces_exec(task);
    cred_exec(task, &exec->path);
    user_namespace_ref(task->cred.user);
    user_namespace_unref(task->memory_user);
    task->memory_user = task->cred.user;
    task->executed = true;
}

static int execute(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
    struct task *task = current();
    struct run *run = task_run(task);
    struct exec exec = {.path = {.mount = NULL}};

    int r = prepare(&exec, dirfd, path, argv, envp, flags);
    if (r < 0) {
        exec_done(&exec);
        return r;
    }
    trace_end(run, "0");
    become(task, &exec);
    exec_done(&exec);
    /* Another program is not what is observed any more; the same one, from its copy, is. */
    if (run->entry.program != exec.program)
        task->observed = false;
    run->entry = (struct entry){.program = exec.program};
    run->fresh = true;
    run->in_call = false;
    schedule_never_back(run);
}

int sys_execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
    CALL_ENTER(execveat, "%d, \"%s\", %p, %p, 0x%x", dirfd, path, (const void *)argv, (const void *)envp, (unsigned int)flags);
    return (int)call_leave(execute(dirfd, path, argv, envp, flags));
}
