/* SPDX-License-Identifier: Apache-2.0 */
/* spec: a config.json to begin with. Inheritable capabilities stay empty (CVE-2022-29162). */
#include <string.h>

#include "runtime-min/cli/cli.h"

struct spec_options {
    const char *bundle;
    const char *file;
    bool rootless;
};

static const struct option spec_options[] = {
    {"bundle", 'b', OPTION_TEXT, offsetof(struct spec_options, bundle), "DIR", "where to write it (.)"},
    {"config", 'f', OPTION_TEXT, offsetof(struct spec_options, file), "FILE", "its name (config.json)"},
    {"rootless", 0, OPTION_FLAG, offsetof(struct spec_options, rootless), NULL, "for a container of an unprivileged user"},
};

#define SAMPLE_CAPABILITIES "\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\""

/* clang-format off */
static const char sample_head[] =
    "{\n"
    "  \"ociVersion\": \"1.2.0\",\n"
    "  \"process\": {\n"
    "    \"terminal\": true,\n"
    "    \"user\": { \"uid\": 0, \"gid\": 0 },\n"
    "    \"args\": [ \"sh\" ],\n"
    "    \"env\": [ \"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\", \"TERM=xterm\" ],\n"
    "    \"cwd\": \"/\",\n"
    "    \"capabilities\": {\n"
    "      \"bounding\": [ " SAMPLE_CAPABILITIES " ],\n"
    "      \"effective\": [ " SAMPLE_CAPABILITIES " ],\n"
    "      \"permitted\": [ " SAMPLE_CAPABILITIES " ]\n"
    "    },\n"
    "    \"rlimits\": [ { \"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024 } ],\n"
    "    \"noNewPrivileges\": true\n"
    "  },\n"
    "  \"root\": { \"path\": \"rootfs\", \"readonly\": true },\n"
    "  \"hostname\": \"tatami\",\n"
    "  \"mounts\": [\n"
    "    { \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\" },\n"
    "    { \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\", \"options\": [ \"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\" ] },\n"
    "    { \"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\", \"options\": [ \"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", \"mode=0620\", \"gid=5\" ] },\n"
    "    { \"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\", \"options\": [ \"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\" ] },\n"
    "    { \"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\", \"options\": [ \"nosuid\", \"noexec\", \"nodev\" ] },\n"
    "    { \"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\", \"options\": [ \"nosuid\", \"noexec\", \"nodev\", \"ro\" ] },\n"
    "    { \"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", \"source\": \"cgroup\", \"options\": [ \"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\" ] }\n"
    "  ],\n"
    "  \"linux\": {\n";

static const char sample_resources[] =
    "    \"resources\": { \"devices\": [ { \"allow\": false, \"access\": \"rwm\" } ] },\n";

static const char sample_namespaces[] =
    "    \"namespaces\": [ { \"type\": \"pid\" }, { \"type\": \"network\" }, { \"type\": \"ipc\" }, { \"type\": \"uts\" }, { \"type\": \"mount\" }, { \"type\": \"cgroup\" }";

static const char sample_user_namespace[] = ", { \"type\": \"user\" }";

static const char sample_tail[] =
    " ],\n"
    "    \"maskedPaths\": [ \"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\", \"/proc/latency_stats\", \"/proc/timer_list\", \"/proc/timer_stats\", \"/proc/sched_debug\", \"/sys/firmware\", \"/proc/scsi\" ],\n"
    "    \"readonlyPaths\": [ \"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\", \"/proc/sysrq-trigger\" ]\n"
    "  }\n"
    "}\n";
/* clang-format on */

static int write_new(int dir_fd, const char *name, const struct buf *text, struct error *err)
{
    _close_ int fd = sys_openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

    if (fd == -EEXIST)
        return error_status(err, STATUS_ALREADY_EXISTS, "File %s exists. Remove it first", name);
    int r = fd < 0 ? fd : fd_write_all(fd, text->data, text->len);
    if (r < 0 && fd >= 0)
        (void)sys_unlinkat(dir_fd, name, 0);
    return r < 0 ? error_set(err, r, "write %s", name) : 0;
}

static int run_spec(struct cli *cli)
{
    const struct spec_options *options = cli->options;
    _buf_ struct buf text = BUF_INIT(64 * 1024);
    const char *bundle = options->bundle ?: ".";

    _close_ int dir_fd = sys_openat(AT_FDCWD, bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (dir_fd < 0)
        return error_set(&cli->err, dir_fd, "chdir %s", bundle);
    (void)buf_append_str(&text, sample_head);
    if (!options->rootless)
        (void)buf_append_str(&text, sample_resources);
    (void)buf_append_str(&text, sample_namespaces);
    if (options->rootless)
        (void)buf_append_str(&text, sample_user_namespace);
    (void)buf_append_str(&text, sample_tail);
    return write_new(dir_fd, options->file ?: "config.json", &text, &cli->err);
}

const struct command command_spec = {
    .name = "spec",
    .arguments = "",
    .help = "write a sample config.json",
    .options = OPTION_TABLE(spec_options),
    .options_size = sizeof(struct spec_options),
    .failure_code = 1,
    .run = run_spec,
};
