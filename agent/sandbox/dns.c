/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/dns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "sys/fd.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_CONF_MAX 65536

static int append_trimmed(struct buf *text, const char *line)
{
    line += strspn(line, " \t\r\n");
    size_t len = strlen(line);
    while (len > 0 && strchr(" \t\r\n", line[len - 1]))
        len--;
    if (text->len > 0 && buf_append(text, "\n", 1) < 0)
        return -EMSGSIZE;
    return buf_append(text, line, len);
}

static int write_resolv_conf(int base_fd, const struct buf *text)
{
    int r = sys_mkdirat(base_fd, "sandbox", 0755);
    if (r < 0 && r != -EEXIST)
        return r;
    _close_ int dir = sys_openat(base_fd, "sandbox", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (dir < 0)
        return dir;
    _close_ int fd = sys_openat(dir, "resolv.conf", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    return fd < 0 ? fd : fd_write_all(fd, text->data, text->len);
}

int dns_configure(int base_fd, const char *base_dir, char *const *lines, size_t n, struct error *err)
{
    _buf_ struct buf text = BUF_INIT(RESOLV_CONF_MAX);
    struct stat st;
    char source[256];

    if (n == 0)
        return 0;
    int r = sys_fstatat(AT_FDCWD, RESOLV_CONF, &st, 0);
    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r < 0)
        return error_set(err, r, "failed to setup guest DNS: look at " RESOLV_CONF);
    if (S_ISDIR(st.st_mode))
        return error_text(err, -EISDIR, RESOLV_CONF " is a directory");
    for (size_t i = 0; i < n; i++) {
        if (append_trimmed(&text, lines[i]) < 0)
            return error_text(err, -EMSGSIZE, "failed to setup guest DNS: more than %d bytes", RESOLV_CONF_MAX);
    }
    r = write_resolv_conf(base_fd, &text);
    if (r == 0) {
        snprintf(source, sizeof(source), "%s/sandbox/resolv.conf", base_dir);
        r = sys_mount(source, RESOLV_CONF, NULL, MS_BIND, NULL);
    }
    return r < 0 ? error_set(err, r, "failed to setup guest DNS") : 0;
}
