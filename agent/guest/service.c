/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/guest/service.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "agent/agent.h"
#include "agent/guest/boot.h"
#include "agent/guest/logsink.h"
#include "agent/guest/reexec.h"
#include "sys/fd.h"

#define CONFIG_ARENA_BYTES (4 * 1024 * 1024)
#define EXIT_USAGE 2

static void say(int fd, const char *text)
{
    (void)fd_write_all(fd, text, strlen(text));
}

static int complain(const struct error *err)
{
    say(2, "tatami-agent: ");
    say(2, err->text);
    say(2, "\n");
    return 1;
}

struct stop_signals {
    struct watch watch;
    struct agent *agent;
};

static void stop_signalled(struct watch *watch, uint32_t events UNUSED)
{
    struct stop_signals *signals = CONTAINER_OF(watch, struct stop_signals, watch);
    struct signalfd_siginfo info;

    if (sys_read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        log_info(signals->agent->log, "signals", "signal %u: shutting down", info.ssi_signo);
    agent_stop(signals->agent);
}

/* TERM, INT and PWR end the agent in order. Writes to a peer that is gone must fail, not kill. */
static int watch_signals(struct stop_signals *signals, int *ret_fd, struct error *err)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGPWR);
    (void)sys_signal(SIGPIPE, SIG_IGN);
    (void)sys_sigprocmask(SIG_BLOCK, &mask, NULL);
    int fd = sys_signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return error_set(err, fd, "signalfd");
    signals->watch.ready = stop_signalled;
    int r = watch_start(signals->agent->loop, &signals->watch, fd, EPOLLIN);
    if (r < 0) {
        sys_close(fd);
        return error_set(err, r, "watch the signals that end the agent");
    }
    *ret_fd = fd;
    return 0;
}

/* Containers get the agent's descriptors 0 to 2 replaced: all three must exist, or a pipe could land there. */
static int open_standard_descriptors(struct error *err)
{
    int fd;

    do {
        fd = sys_openat(AT_FDCWD, "/dev/null", O_RDWR, 0);
    } while (fd >= 0 && fd <= 2);
    if (fd < 0)
        return error_set(err, fd, "open /dev/null");
    return sys_close(fd);
}

static int run_agent(struct loop *loop, const struct options *options, const struct config *config, const struct logger *log,
                     struct error *err)
{
    const struct agent_setup setup = {.loop = loop, .log = log, .options = options, .config = config};
    struct agent agent;
    struct stop_signals signals = {.agent = &agent};
    _close_ int signal_fd = -1;

    int r = agent_init(&agent, &setup, err);
    if (r < 0)
        return r;
    r = watch_signals(&signals, &signal_fd, err);
    if (r == 0)
        r = fiber_start(loop, "agent", agent_run, &agent, NULL);
    if (r == 0) {
        log_info(log, "agent", "listening on %s", options->server_addr ?: config->server_addr);
        r = loop_run(loop, err);
    }
    watch_stop(&signals.watch);
    agent_done(&agent);
    return r;
}

static enum log_format log_format(const struct options *options)
{
    if (options->log_format == OPTIONS_LOG_AUTO)
        return logsink_format(1);
    return options->log_format == OPTIONS_LOG_TEXT ? LOG_TEXT : LOG_JSON;
}

/* Makes the machine ready and reads the configuration. There is no loop yet, so the log goes straight to standard output. */
static int boot(const struct options *options, char **envp, struct arena *a, struct config *config, struct error *err)
{
    struct logsink sink;

    logsink_init(&sink, NULL, 1, log_format(options), AGENT_VERSION);
    int r = config_load(a, options->config_file, envp, config, err);
    if (r == 0 && sys_getpid() == 1)
        r = boot_as_init(config, &sink.logger, err);
    if (r == 0)
        r = boot_subreaper(err);
    logsink_done(&sink);
    return r;
}

/* The log port, when configured; else standard output. */
static int open_log(struct logsink *sink, struct loop *loop, const struct options *options, const struct config *config,
                    struct error *err)
{
    logsink_init(sink, loop, 1, log_format(options), AGENT_VERSION);
    sink->logger.level = (enum log_level)config->log_level;
    if (config->log_vport <= 0)
        return 0;
    if (options->log_format == OPTIONS_LOG_AUTO)
        sink->logger.format = LOG_JSON; /* whatever standard output is */
    int fd = logsink_listen_vsock((uint32_t)config->log_vport, err);
    return fd < 0 ? fd : logsink_listen(sink, fd, err);
}

static int start(const struct options *options, char **envp, struct error *err)
{
    _arena_ struct arena *a = arena_new(CONFIG_ARENA_BYTES);
    struct config config;
    struct loop *loop;
    struct logsink sink;

    int r = boot(options, envp, a, &config, err);
    if (r == 0)
        r = loop_new(&loop, err);
    if (r < 0)
        return r;
    r = open_log(&sink, loop, options, &config, err);
    if (r == 0)
        r = run_agent(loop, options, &config, &sink.logger, err);
    logsink_done(&sink);
    loop_free(loop);
    return r;
}

static int print_about(enum options_action action, const char *commit)
{
    char version[256];

    if (action == OPTIONS_HELP)
        say(1, options_help());
    else
        say(1, options_version(version, sizeof(version), AGENT_VERSION, commit));
    return 0;
}

/* What must hold before anything else: descriptors 0 to 2, a program file that no container can write (PID 1 mounts the /proc
 * that tells it), PID 1's mounts, and no way to look into the agent for processes that share its user. */
static int harden(const struct options *options, char **argv, char **envp, struct error *err)
{
    struct logsink sink;
    bool is_init = sys_getpid() == 1;

    int r = is_init ? boot_mount_proc(err) : open_standard_descriptors(err);
    if (r == 0)
        r = reexec_sealed(argv, envp, err);
    if (r == 0 && is_init) { /* behind the re-execution, so that it is done once */
        logsink_init(&sink, NULL, 1, log_format(options), AGENT_VERSION);
        r = boot_early_mounts(&sink.logger, err);
        logsink_done(&sink);
    }
    return r < 0 ? r : boot_undumpable(err);
}

int agent_main(int argc, char **argv, char **envp, const char *commit)
{
    struct error err = {.errnum = 0};
    struct options options;
    bool is_init = sys_getpid() == 1;

    /* PID 1 gets the kernel's left-over words as arguments: they are not meant for it. */
    if (options_parse(is_init ? 1 : argc, argv, &options, &err) < 0) {
        complain(&err);
        return EXIT_USAGE;
    }
    if (options.action != OPTIONS_RUN)
        return print_about(options.action, commit);
    if (harden(&options, argv, envp, &err) < 0)
        return complain(&err);

    if (start(&options, envp, &err) < 0)
        return complain(&err);
    say(2, "tatami-agent shutdown complete\n");
    if (!is_init)
        return 0;
    error_set(&err, boot_power_off(), "switch the machine off");
    return complain(&err);
}
