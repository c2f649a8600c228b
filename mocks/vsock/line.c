/* SPDX-License-Identifier: Apache-2.0 */
/* The line between machines: packets on their way, in the order of their arrival, and the plans that delay, lose or end them.
 */
#include <stdlib.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/run.h"
#include "mocks/kernel/vsock.h"
#include "mocks/kernel/world.h"
#include "mocks/vsock/plan.h"

/* What a machine has to do with the line; by enum vsock_direction. */
struct line_plans {
    struct vsock_plan plan[2];
    uint64_t free_at[2]; /* when the last packet has arrived */
};

struct line {
    struct list packets; /* by due_ns */
    bool running;
};

static struct line *line_of(struct sim *sim)
{
    if (!sim->line) {
        sim->line = zalloc(sizeof(*sim->line));
        list_init(&sim->line->packets);
    }
    return sim->line;
}

/* ---- plans ---- */

static struct line_plans *plans_of(struct world *world)
{
    struct vsock_machine *machine = vsock_machine(world);

    if (!machine->plans)
        machine->plans = zalloc(sizeof(*machine->plans));
    return machine->plans;
}

void vsock_set_plan(struct world *world, enum vsock_direction direction, const struct vsock_plan *plan)
{
    plans_of(world)->plan[direction] = plan ? *plan : (struct vsock_plan){.delay_ns = 0};
}

/* The plan of each machine that a packet meets: of the sender on its way out, of the receiver on its way in. */
static struct vsock_plan *plan_of(struct world *from, struct world *to, int i)
{
    return i == 0 ? &plans_of(from)->plan[VSOCK_FROM_WORLD] : &plans_of(to)->plan[VSOCK_TO_WORLD];
}

static size_t smaller(size_t value, size_t limit)
{
    return limit > 0 && limit < value ? limit : value;
}

size_t line_piece(struct world *from, struct world *to)
{
    return smaller(smaller(VSOCK_PACKET_MAX, plan_of(from, to, 0)->piece), plan_of(from, to, 1)->piece);
}

size_t line_window(struct world *receiver, struct world *sender, size_t window)
{
    return smaller(smaller(window, plan_of(sender, receiver, 0)->window), plan_of(sender, receiver, 1)->window);
}

/* ---- the way of a packet ---- */

static void put(struct line *line, struct vsock_packet *packet)
{
    struct list *before = line->packets.prev;

    while (before != &line->packets && CONTAINER_OF(before, struct vsock_packet, link)->due_ns > packet->due_ns)
        before = before->prev;
    list_append(before->next, &packet->link);
}

/* Both ends learn that the transport was reset. */
static void break_connection(struct world *from, struct world *to, const struct vsock_packet *packet, uint64_t due_ns)
{
    for (int side = 0; side < 2; side++) {
        struct vsock_packet *end = zalloc(sizeof(*end));
        end->op = VSOCK_BROKEN;
        end->from = side ? packet->from : packet->to;
        end->to = side ? packet->to : packet->from;
        end->receiver = side ? to : from;
        end->due_ns = due_ns;
        put(line_of(from->sim), end);
    }
}

/* Cuts the packet at a number of bytes of its connection; false: nothing of it is left. */
static bool cut(struct vsock_packet *packet, uint64_t sent, uint64_t at)
{
    if (sent >= at)
        return false;
    packet->len = smaller(packet->len, at - sent);
    return true;
}

/* Does the packet arrive? *breaks: and with it the end. */
static bool survives(struct vsock_plan *plan, struct vsock_packet *packet, uint64_t sent, bool *breaks)
{
    if (plan->silent)
        return false;
    if (packet->op == VSOCK_REQUEST && plan->lost_requests > 0) {
        plan->lost_requests--;
        return false;
    }
    if (plan->silent_after > 0 && !cut(packet, sent, plan->silent_after))
        return false;
    if (packet->op == VSOCK_DATA && plan->reset_after > 0 && sent + packet->len >= plan->reset_after) {
        *breaks = true;
        return cut(packet, sent, plan->reset_after);
    }
    return true;
}

/* When a packet that leaves at `at` has passed one machine's plan. */
static uint64_t travel(struct sim *sim, struct world *world, enum vsock_direction direction, uint64_t at, size_t len)
{
    struct line_plans *plans = plans_of(world);
    const struct vsock_plan *plan = &plans->plan[direction];

    at += plan->delay_ns + (plan->jitter_ns ? sim_random(sim) % plan->jitter_ns : 0);
    if (at < plans->free_at[direction])
        at = plans->free_at[direction];
    at += len * plan->ns_per_kib / 1024;
    plans->free_at[direction] = at;
    return at;
}

void line_send(struct world *from, struct world *to, struct vsock_packet *packet, uint64_t sent)
{
    struct sim *sim = from->sim;
    bool breaks = false;

    if (!to) {
        free(packet);
        return;
    }
    bool arrives =
        survives(plan_of(from, to, 0), packet, sent, &breaks) && survives(plan_of(from, to, 1), packet, sent, &breaks);
    uint64_t due = travel(sim, from, VSOCK_FROM_WORLD, sim->now_ns, packet->len);
    due = travel(sim, to, VSOCK_TO_WORLD, due, packet->len);
    packet->due_ns = due;
    packet->receiver = to;
    if (breaks)
        break_connection(from, to, packet, due);
    if (!arrives) {
        free(packet);
        return;
    }
    put(line_of(sim), packet);
    line_run(sim);
}

/* An arrival may send an answer at once: that one waits for its turn. */
void line_run(struct sim *sim)
{
    struct line *line = sim->line;

    if (!line || line->running)
        return;
    line->running = true;
    while (line_due(sim) <= sim->now_ns)
        vsock_deliver(CONTAINER_OF(list_pop(&line->packets), struct vsock_packet, link));
    line->running = false;
}

uint64_t line_due(const struct sim *sim)
{
    const struct line *line = sim->line;

    if (!line || list_is_empty(&line->packets))
        return UINT64_MAX;
    return CONTAINER_OF(line->packets.next, struct vsock_packet, link)->due_ns;
}

void line_forget(struct world *world)
{
    struct line *line = world->sim->line;
    struct vsock_packet *packet;

    if (world->vsock)
        free(world->vsock->plans);
    if (!line)
        return;
    LIST_FOREACH (packet, &line->packets, link) {
        if (packet->receiver != world)
            continue;
        list_remove(&packet->link);
        free(packet);
    }
}

/* ---- for tests ---- */

void vsock_reset_all(struct world *world)
{
    struct vsock *sk;

    LIST_FOREACH (sk, &vsock_machine(world)->sockets, link) {
        struct world *other = sk->state >= VSOCK_CONNECTING ? vsock_world(world, sk->remote.cid) : NULL;
        const struct vsock_packet packet = {.from = {world->options.cid, sk->local.port}, .to = sk->remote};
        if (other)
            break_connection(world, other, &packet, world->sim->now_ns);
    }
    line_run(world->sim);
}

size_t vsock_connections(const struct world *world)
{
    struct vsock *sk;
    size_t n = 0;

    if (!world->vsock)
        return 0;
    LIST_FOREACH (sk, &world->vsock->sockets, link)
        n += sk->state == VSOCK_CONNECTED;
    return n;
}
