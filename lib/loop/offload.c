/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/offload.h"

#include <errno.h>
#include <string.h>

#include "sys/fd.h"

/* Output of a job whose caller does not want it: bounded, then dropped. */
#define UNWANTED_OUTPUT_MAX (64 * 1024)
#define OUTPUT_MAX (64 * 1024 * 1024)
#define READ_CHUNK (16 * 1024)
/* Exit status of a child whose job returned 0: it says so even when the pipe fails. */
#define STATUS_JOB_DONE 64

/* On the pipe: this, then text_len bytes of error text and out_len bytes of output. */
struct frame {
    int32_t result;
    int32_t errnum;
    uint32_t status;
    uint32_t text_len;
    uint64_t out_len;
};

struct job {
    int (*fn)(void *arg, struct buf *out, struct error *err);
    void *arg;
    int read_fd;
    int write_fd;
    size_t out_max;
    bool wants_output;
    struct watch watch;
    struct buf received;
};

/* ---- the child ---- */

static int job_main(void *arg)
{
    const struct job *job = arg;
    _buf_ struct buf out = BUF_INIT(job->out_max);
    struct error err = {0};

    sys_close(job->read_fd);
    int result = job->fn(job->arg, &out, &err);
    struct frame frame = {
        .result = result,
        .errnum = err.errnum,
        .status = err.status,
        .text_len = (uint32_t)strlen(err.text),
        .out_len = job->wants_output ? out.len : 0,
    };
    int r = fd_write_all(job->write_fd, &frame, sizeof(frame));
    if (r == 0)
        r = fd_write_all(job->write_fd, err.text, frame.text_len);
    if (r == 0)
        r = fd_write_all(job->write_fd, out.data, frame.out_len);
    return result == 0 ? STATUS_JOB_DONE : r == 0 ? 0 : 1;
}

/* ---- the parent ---- */

/* Reads once: > 0, 0 when the child sends more than a job may, or -errno. */
static ssize_t job_read(struct job *job)
{
    struct buf *in = &job->received;
    size_t room = in->max - in->len;
    if (room > READ_CHUNK)
        room = READ_CHUNK;

    if (room == 0)
        return 0;
    buf_reserve(in, room);
    ssize_t n = sys_read(job->read_fd, in->data + in->len, room);
    if (n > 0)
        in->len += (size_t)n;
    return n;
}

static void job_ready(struct watch *watch, uint32_t events)
{
    (void)events;
    ssize_t n = job_read(CONTAINER_OF(watch, struct job, watch));
    if (n <= 0 && n != -EAGAIN)
        watch_stop(watch);
}

/* The whole frame that was received, or NULL. Its texts are checked against what a job may send. */
static const struct frame *job_frame(const struct job *job)
{
    const struct frame *frame = (const void *)job->received.data;

    if (job->received.len < sizeof(*frame))
        return NULL;
    if (frame->text_len >= ERROR_TEXT_MAX || frame->out_len > job->out_max || frame->status >= STATUS_MAX)
        return NULL;
    return job->received.len == sizeof(*frame) + frame->text_len + frame->out_len ? frame : NULL;
}

static int job_deliver(const struct job *job, const struct frame *frame, struct buf *ret_out, struct error *err)
{
    const char *text = (const char *)(frame + 1);

    if (err && frame->errnum != 0) {
        err->errnum = frame->errnum;
        err->status = frame->status;
        memcpy(err->text, text, frame->text_len);
        err->text[frame->text_len] = '\0';
    }
    if (job->wants_output)
        buf_append(ret_out, text + frame->text_len, frame->out_len);
    return frame->result;
}

static int job_failed(const struct child *child, int r, struct error *err)
{
    if (r == -ETIMEDOUT)
        return error_status(err, STATUS_DEADLINE_EXCEEDED, "process %d did not finish in time", child->pid);
    if (r == -ECANCELED)
        return error_status(err, STATUS_CANCELLED, "process %d was stopped: cancelled", child->pid);
    if (r < 0)
        return error_set(err, r, "watch process %d", child->pid);
    return error_text(err, -EIO, "process %d ended with status %d and no result", child->pid, child->status);
}

/* Waits for the child and reads along, so that it never blocks on a full pipe. The child's end counts, not the pipe's: a
 * process that the job left behind may keep the pipe open. */
static int job_wait(struct job *job, struct child *child, uint64_t deadline)
{
    int r = watch_start(reaper_loop(child->reaper), &job->watch, job->read_fd, EPOLLIN);
    if (r < 0)
        return r;
    r = child_wait(child, deadline);
    watch_stop(&job->watch);
    while (job_read(job) > 0)
        ;
    return r;
}

static int job_run(struct reaper *reaper, struct job *job, uint64_t deadline, struct buf *ret_out, struct error *err)
{
    const struct sys_spawn args = {.cgroup_fd = -1};
    struct child *child;

    int r = reaper_spawn(reaper, &args, job_main, job, &child, err);
    if (r < 0)
        return r;
    r = job_wait(job, child, deadline);
    const struct frame *frame = job_frame(job);
    if (frame)
        r = job_deliver(job, frame, ret_out, err);
    else if (r < 0 || job->wants_output || child->status != STATUS_JOB_DONE)
        r = job_failed(child, r, err);
    child_free(child);
    return r;
}

int offload(struct reaper *reaper, int (*fn)(void *arg, struct buf *out, struct error *err), void *arg, uint64_t deadline,
            struct buf *ret_out, struct error *err)
{
    size_t out_max = ret_out ? ret_out->max - ret_out->len : UNWANTED_OUTPUT_MAX;
    if (out_max > OUTPUT_MAX)
        out_max = OUTPUT_MAX;
    if (fiber_is_cancelled(fiber_current(reaper_loop(reaper))))
        return error_status(err, STATUS_CANCELLED, "cancelled");

    int fds[2];
    int r = sys_pipe2(fds, O_CLOEXEC);
    if (r < 0)
        return error_set(err, r, "create a pipe");
    struct job job = {
        .fn = fn,
        .arg = arg,
        .read_fd = fds[0],
        .write_fd = fds[1],
        .out_max = out_max,
        .wants_output = ret_out,
        .watch.ready = job_ready,
        .received = BUF_INIT(sizeof(struct frame) + ERROR_TEXT_MAX + out_max),
    };
    r = sys_fcntl(job.read_fd, F_SETFL, O_NONBLOCK);
    r = r < 0 ? error_set(err, r, "make a pipe non-blocking") : job_run(reaper, &job, deadline, ret_out, err);
    fd_close(&job.read_fd);
    fd_close(&job.write_fd);
    buf_done(&job.received);
    return r;
}
