/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the monitor know of each other. */
#pragma once
#include "loop/reaper.h"
#include "proto/monitor.pb-c.h"
#include "runtime-min/container/guest_dial.h"
#include "runtime-min/vmm/program.h"
#include "runtime-min/vmm/vmm.h"
#include "ttrpc/client.h"
#include "ttrpc/server.h"

/* Descriptors that a new monitor finds; its working directory is that of the machine. */
enum monitor_fd {
    MONITOR_CONTROL_FD = 3, /* SOCK_SEQPACKET: Start, Started, then one byte to commit; its end before that ends the machine */
    MONITOR_LOCK_FD,        /* held, nothing else */
    MONITOR_FDS_END,
};

#define MONITOR_MESSAGE_MAX 65536

struct monitor {
    struct loop *loop;
    struct reaper *reaper;
    struct arena *arena;
    const Tatami__Monitor__V1__Start *start;
    uint64_t started_ns;
    struct watch signals;
    struct watch control; /* not watched once the machine is committed */
    int log_fd;           /* gets what the parts and the guest's console say; -1 unless the machine is to be debugged */
    int reason_fd;        /* gets why the machine died */
    int listen_fd;        /* of the control socket, until clients are served */

    struct program virtiofsd;
    struct program vsock;        /* not started where the kernel's device serves */
    struct guest_address guest;  /* relative to the working directory */
    const struct program *first; /* helper that ended before anything else did, or NULL */
    struct vmm *vmm;
    bool uses_kvm;
    bool is_on_trial; /* with KVM, which nobody asked for, until the agent has answered */
    struct ttrpc_client *agent;
    struct ttrpc_server *server;
    struct list holds;
    struct list listeners; /* of OOM events */

    struct fiber *boot;   /* NULL when it has ended */
    struct fiber *health; /* the same */
    struct fiber *oom;    /* the same */
    bool stopping;        /* by a part's death, the starter's end, or Stop */
    bool died;            /* a part's death */
    struct error death;   /* why, of a machine that had booted */
    bool ended;           /* nothing is left */
    struct waitq changed;
};

/* ---- monitor.c ---- */

/* The machine ends; harmless when it does already. */
void monitor_stop(struct monitor *monitor);

/* ---- rights.c ---- */

/* Irreversible: from now on it talks to those to whom it is connected, serves clients, and ends its parts. */
int monitor_drop_rights(struct error *err);

/* ---- parts.c ---- */

/* Starts virtiofsd, the vsock device and the VMM. What was started before a failure is ended by parts_end(). */
int parts_start(struct monitor *monitor, struct error *err);
/* From a fiber: ends them all. */
void parts_end(struct monitor *monitor);
/* Puts behind err's text what is known of the parts that are to blame. */
void parts_explain(struct monitor *monitor, struct error *err);

/* A socket of that name and mode in the working directory. Listens, and blocks. */
int parts_listen(const char *name, mode_t mode, struct error *err);

/* ---- health.c ---- */

/* From now on the machine ends when its guest does not answer for as long as is configured. */
int health_start(struct monitor *monitor, struct error *err);

/* ---- oom.c ---- */

/* Takes the agent's OOM events from now on. */
int oom_start(struct monitor *monitor, struct error *err);
/* Handler of ListenOom. */
int oom_listen(struct ttrpc_call *call, ProtobufCMessage *reply, struct error *err);

/* ---- service.c ---- */

/* How clients are served. */
struct ttrpc_server_options service_options(struct monitor *monitor);
/* Makes the control socket in the working directory; nobody knows its name yet. */
int service_open(struct monitor *monitor, struct error *err);
int service_start(struct monitor *monitor, struct error *err);
