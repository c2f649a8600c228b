/* SPDX-License-Identifier: Apache-2.0 */
/* Where the message of a failure goes. Callers read it in two ways: as text on standard error, or as the last line of level
 * error in the file of --log, which podman even wants to be the only line. */
#include <json-c/json.h>
#include <string.h>

#include "runtime-min/cli/cli.h"
#include "runtime-min/container/text.h"

#define LINE_MAX_BYTES (8 * ERROR_TEXT_MAX)

int report_open(struct cli *cli)
{
    const char *format = cli->globals.log_format ?: "text";
    const char *path = cli->globals.log;

    cli->logs_json = strcmp(format, "json") == 0;
    if (!cli->logs_json && strcmp(format, "text") != 0)
        return error_status(&cli->err, STATUS_INVALID_ARGUMENT, "invalid log-format: %s; text and json are possible", format);
    if (!path || !*path)
        return 0;
    /* Not waiting for the reader of a FIFO. */
    int fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set(&cli->err, fd, "option --log: open %s", path);
    cli->log_fd = fd;
    return 0;
}

static void format_json(const char *level, const char *text, struct buf *out)
{
    char now[TEXT_TIME_MAX];

    text_time(sys_realtime_ns() / NSEC_IN_SEC * NSEC_IN_SEC, now);
    json_object *json = json_object_new_object();
    json_object_object_add(json, "level", json_object_new_string(level));
    json_object_object_add(json, "msg", json_object_new_string(text));
    json_object_object_add(json, "time", json_object_new_string(now));
    (void)buf_printf(out, "%s\n",
                     json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(json);
}

static void log_line(const struct cli *cli, const char *level, const char *text)
{
    _buf_ struct buf line = BUF_INIT(LINE_MAX_BYTES);
    char now[TEXT_TIME_MAX];

    if (cli->logs_json) {
        format_json(level, text, &line);
    } else {
        text_time(sys_realtime_ns() / NSEC_IN_SEC * NSEC_IN_SEC, now);
        (void)buf_printf(&line, "%s %s: %s\n", now, level, text);
    }
    (void)fd_write_all(cli->log_fd, line.data, line.len);
}

void report_warning(const struct cli *cli, const struct error *err)
{
    char text[ERROR_TEXT_MAX];

    text_make_line(err->text, text, sizeof(text));
    if (cli->log_fd >= 0 && cli->globals.debug)
        log_line(cli, "warning", text);
}

void report_failure(const struct cli *cli)
{
    _buf_ struct buf line = BUF_INIT(LINE_MAX_BYTES);
    char text[ERROR_TEXT_MAX];

    /* Guests, their kernel and QEMU have a say in it. */
    text_make_line(cli->err.text, text, sizeof(text));
    if (cli->log_fd >= 0)
        log_line(cli, "error", text);
    if (cli->log_fd < 0 && cli->logs_json)
        format_json("error", text, &line);
    else
        (void)buf_printf(&line, "tatami: %s\n", text);
    (void)fd_write_all(2, line.data, line.len);
}
