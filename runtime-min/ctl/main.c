/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "runtime-min/container/guest.h"
#include "runtime-min/container/text.h"
#include "runtime-min/ctl/ctl.h"
#include "sys/fd.h"
#include "ttrpc/address.h"

#define ARENA_BYTES (64 * 1024 * 1024)
#define EXIT_CALL_FAILED 125 /* what no program of a container is expected to return */
#define EXIT_USAGE 2
#define HYBRID "hvsock://"

struct command {
    const char *name;
    const char *arguments;
    const char *help;
    int min_args, max_args;
    bool connects;
    int (*run)(struct ctl *ctl);
};

static const struct command commands[] = {
    {"call", "METHOD [JSON|-]", "one RPC: request as JSON (- reads standard input), reply as JSON", 1, 2, true, ctl_call},
    {"methods", "", "all methods with their messages", 0, 0, false, ctl_methods},
    {"run", "BUNDLE [ID]", "create, start, relay, wait, remove; exits with the container's code", 1, 2, true, ctl_run},
};

static void say(int fd, const char *text)
{
    (void)fd_write_all(fd, text, strlen(text));
}

static int usage(int fd)
{
    _buf_ struct buf text = BUF_INIT(4096);

    (void)buf_append_str(&text, "usage: tatami-ctl [--address ADDRESS] [--timeout MS] COMMAND\n"
                                "ADDRESS: unix://PATH, vsock://CID:PORT, hvsock://PATH (hybrid socket of a VM).\n"
                                "A failed call exits with 125.\n\n");
    FOR_ROWS (command, commands)
        (void)buf_printf(&text, "  %-8s %-16s %s\n", command->name, command->arguments, command->help);
    say(fd, text.data);
    return fd == 1 ? 0 : EXIT_USAGE;
}

static int complain(const struct error *err)
{
    _buf_ struct buf text = BUF_INIT(2 * ERROR_TEXT_MAX);
    char line[ERROR_TEXT_MAX];

    text_make_line(err->text, line, sizeof(line));
    (void)buf_printf(&text, "tatami-ctl: %s: %s\n", status_name(err->status), line);
    say(2, text.data);
    return EXIT_CALL_FAILED;
}

struct invocation {
    const char *address;
    const struct command *command;
    struct ctl ctl;
};

static bool parse_timeout(const char *text, uint64_t *ret_ns)
{
    char *end;

    unsigned long ms = strtoul(text, &end, 10);
    if (end == text || *end || *text == '-' || ms > UINT32_MAX)
        return false;
    *ret_ns = ms * NSEC_PER_MSEC;
    return true;
}

static const struct command *find_command(const char *name, int n_args)
{
    FOR_ROWS (command, commands) {
        if (strcmp(command->name, name) == 0 && n_args >= command->min_args && n_args <= command->max_args)
            return command;
    }
    return NULL;
}

/* False: the words do not fit the usage. */
static bool parse(int argc, char **argv, struct invocation *invocation)
{
    int i = 1;

    for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "--address") == 0)
            invocation->address = argv[i + 1];
        else if (strcmp(argv[i], "--timeout") != 0 || !parse_timeout(argv[i + 1], &invocation->ctl.timeout_ns))
            return false;
    }
    if (i >= argc)
        return false;
    invocation->ctl.args = argv + i + 1;
    invocation->ctl.n_args = argc - i - 1;
    invocation->command = find_command(argv[i], invocation->ctl.n_args);
    return invocation->command && (invocation->address || !invocation->command->connects);
}

static void run_fiber(void *arg)
{
    struct invocation *invocation = arg;

    (void)invocation->command->run(&invocation->ctl);
    loop_stop(invocation->ctl.loop);
}

static int dial(const char *text, struct error *err)
{
    struct address address;

    if (strncmp(text, HYBRID, strlen(HYBRID)) == 0)
        return guest_dial_agent(&(struct guest_address){.socket_path = text + strlen(HYBRID)}, err);
    int r = address_parse(text, &address, err);
    return r < 0 ? r : address_connect(&address, err);
}

static int connect_agent(struct invocation *invocation, struct error *err)
{
    int fd = dial(invocation->address, err);
    return fd < 0 ? fd : ttrpc_client_new(invocation->ctl.loop, fd, &invocation->ctl.client, err);
}

static int run(struct invocation *invocation)
{
    struct ctl *ctl = &invocation->ctl;
    struct error err = {.errnum = 0};

    (void)sys_signal(SIGPIPE, SIG_IGN);
    if (loop_new(&ctl->loop, &err) < 0)
        return complain(&err);
    ctl->arena = arena_new(ARENA_BYTES);
    int r = invocation->command->connects ? connect_agent(invocation, &err) : 0;
    if (r == 0)
        r = fiber_start(ctl->loop, invocation->command->name, run_fiber, invocation, NULL);
    if (r == 0)
        r = loop_run(ctl->loop, &err);
    int code = r < 0 ? complain(&err) : ctl->err.errnum ? complain(&ctl->err) : ctl->exit_code;
    ttrpc_client_free(ctl->client);
    loop_free(ctl->loop);
    arena_free(ctl->arena);
    return code;
}

int main(int argc, char **argv)
{
    struct invocation invocation = {.address = NULL};

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(1);
    if (!parse(argc, argv, &invocation))
        return usage(2);
    return run(&invocation);
}
