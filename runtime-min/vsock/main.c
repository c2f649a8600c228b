/* SPDX-License-Identifier: Apache-2.0 */
/* tatami-vsock: a vhost-user vsock device for one guest. It ends when the frontend does. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime-min/vsock/confine.h"
#include "runtime-min/vsock/device.h"
#include "runtime-min/vsock/listen.h"
#include "sys/fd.h"

#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define DESCRIPTORS 4096
#define HYBRID_DIR_MAX 4096

struct arguments {
    const char *socket, *socket_fd, *uds, *uds_fd, *guest_cid;
};

static const struct {
    const char *name;
    size_t field;
    const char *argument, *help;
} options[] = {
    {"--socket", offsetof(struct arguments, socket), "PATH", "listen for the vhost-user frontend (QEMU) here"},
    {"--socket-fd", offsetof(struct arguments, socket_fd), "N", "or use this open socket, listening or connected"},
    {"--uds", offsetof(struct arguments, uds), "PATH", "hybrid socket; guest connections to port N go to PATH_N"},
    {"--uds-fd", offsetof(struct arguments, uds_fd), "N", "the hybrid socket is open already: this one, listening"},
    {"--guest-cid", offsetof(struct arguments, guest_cid), "CID", "address of the guest, 3 or more"},
};

struct program {
    struct loop *loop;
    const char *socket;             /* that was made here, or NULL */
    char directory[HYBRID_DIR_MAX]; /* of the hybrid socket and those beside it */
    int code;
};

static void say(int fd, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void say(int fd, const char *fmt, ...)
{
    char text[2 * ERROR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)fd_write_all(fd, text, strlen(text));
}

static int usage(int fd)
{
    say(fd, "usage: tatami-vsock --socket PATH|--socket-fd N --uds PATH [--uds-fd N] --guest-cid CID\n\n");
    FOR_ROWS (option, options)
        say(fd, "  %-12s %-5s %s\n", option->name, option->argument, option->help);
    say(fd, "\nExits with 0 when the frontend has closed its socket.\n");
    return fd == 1 ? 0 : EXIT_USAGE;
}

static int complain(const struct error *err)
{
    say(2, "tatami-vsock: %s\n", err->text);
    return EXIT_FAILED;
}

/* `--name VALUE` or `--name=VALUE`. False: the words do not fit the usage. */
static bool parse(int argc, char **argv, struct arguments *arguments)
{
    for (int i = 1; i < argc; i++) {
        const size_t len = strcspn(argv[i], "=");
        const char **value = NULL;
        FOR_ROWS (option, options) {
            if (strlen(option->name) == len && strncmp(option->name, argv[i], len) == 0)
                value = (const char **)((char *)arguments + option->field);
        }
        if (!value || *value || (argv[i][len] != '=' && i + 1 == argc))
            return false;
        *value = argv[i][len] == '=' ? argv[i] + len + 1 : argv[++i];
    }
    return !arguments->socket != !arguments->socket_fd && arguments->uds && arguments->guest_cid;
}

static int parse_number(const char *option, const char *text, uint64_t max, uint64_t *ret_number, struct error *err)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno != 0 || number > max)
        return error_status(err, STATUS_INVALID_ARGUMENT, "%s: '%s' is no number up to %" PRIu64, option, text, max);
    *ret_number = number;
    return 0;
}

/* The socket of an option that names a path or of one that names a descriptor. */
static int open_socket(const char *path, const char *fd_option, const char *fd_text, struct error *err)
{
    uint64_t fd;

    if (!fd_text)
        return listen_unix(path, err);
    int r = parse_number(fd_option, fd_text, INT32_MAX, &fd, err);
    if (r < 0)
        return r;
    r = sys_fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    return r < 0 ? error_set(err, r, "%s: descriptor %s", fd_option, fd_text) : (int)fd;
}

/* A socket that was made here and is not needed. Accepts NULL. */
static void discard(const char *path)
{
    if (path)
        (void)sys_unlinkat(AT_FDCWD, path, 0);
}

static void lost(void *context, int r, const char *text)
{
    struct program *program = context;

    if (r < 0)
        say(2, "tatami-vsock: %s\n", text);
    program->code = r < 0 ? EXIT_FAILED : 0;
    loop_stop(program->loop);
}

/* From now on there is somebody to fear. Nobody else may connect, so nobody needs the name any more. */
static void connected(void *context)
{
    struct program *program = context;
    struct error err = {.errnum = 0};

    discard(program->socket);
    if (confine_enter(program->directory, &err) == 0)
        return;
    program->code = complain(&err);
    loop_stop(program->loop);
}

static void anomaly(void *context, enum anomaly kind, uint64_t count)
{
    (void)context;
    say(2, "tatami-vsock: %s (%" PRIu64 ")\n", anomaly_text(kind), count);
}

/* Returns the name of the hybrid socket in its directory. */
static const char *split_path(const char *path, struct program *program)
{
    const char *slash = strrchr(path, '/');
    int len = slash ? (int)(slash - path) + 1 : 0;

    snprintf(program->directory, sizeof(program->directory), "%.*s", slash ? len : 1, slash ? path : ".");
    return path + len;
}

static int open_device(const struct arguments *arguments, struct program *program, struct vsock_device **ret_device,
                       struct error *err)
{
    struct vsock_device_options device = {.path = split_path(arguments->uds, program),
                                          .on_connected = connected,
                                          .on_lost = lost,
                                          .on_anomaly = anomaly,
                                          .context = program};

    int r = parse_number("--guest-cid", arguments->guest_cid, UINT32_MAX, &device.guest_cid, err);
    if (r < 0)
        return r;
    _close_ int hybrid = open_socket(arguments->uds, "--uds-fd", arguments->uds_fd, err);
    if (hybrid < 0)
        return hybrid;
    /* This one says that the device is ready. */
    r = device.frontend_fd = open_socket(arguments->socket, "--socket-fd", arguments->socket_fd, err);
    if (r >= 0) {
        device.hybrid_fd = fd_take(&hybrid);
        r = vsock_device_new(program->loop, &device, ret_device, err);
        if (r < 0)
            discard(program->socket);
    }
    if (r < 0)
        discard(arguments->uds_fd ? NULL : arguments->uds);
    return r;
}

/* A connection has one descriptor; the kernel says how many there may be. */
static void raise_limit(void)
{
    struct rlimit limit;

    if (sys_prlimit(0, RLIMIT_NOFILE, NULL, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    (void)sys_prlimit(0, RLIMIT_NOFILE, &limit, NULL);
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.socket = NULL};
    struct program program = {.socket = NULL};
    struct error err = {.errnum = 0};
    struct vsock_device *device = NULL;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(1);
    if (argc == 2 && strcmp(argv[1], "--print-capabilities") == 0) {
        say(1, "{\"type\":\"vsock\"}\n");
        return 0;
    }
    if (!parse(argc, argv, &arguments))
        return usage(2);

    program.socket = arguments.socket;
    (void)sys_signal(SIGPIPE, SIG_IGN);
    raise_limit();
    int r = loop_new(&program.loop, &err);
    if (r == 0)
        r = open_device(&arguments, &program, &device, &err);
    if (r == 0)
        r = loop_run(program.loop, &err);
    vsock_device_free(device);
    loop_free(program.loop);
    return r < 0 ? complain(&err) : program.code;
}
