/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/kernel/ebpf.h"

#include <errno.h>
#include <stdlib.h>

#include "mocks/kernel/memory.h"
#include "mocks/kernel/sim.h"

#define REGISTERS 11
#define UNREACHED 0xffff /* every register: a bound that the first way to get there lowers */

/* ---- checks ---- */

struct checker {
    const struct bpf_insn *code;
    size_t n, n_words;
    uint16_t *written; /* per instruction: registers that are written on every way there */
};

static bool jumps(const struct bpf_insn *insn)
{
    return BPF_CLASS(insn->code) == BPF_JMP && insn->code != (BPF_JMP | BPF_EXIT);
}

static int check_registers(const struct bpf_insn *insn, uint16_t written)
{
    bool reads_dst = insn->code != (BPF_ALU64 | BPF_MOV | BPF_K) && insn->code != (BPF_ALU64 | BPF_MOV | BPF_X) &&
                     BPF_CLASS(insn->code) != BPF_LDX && insn->code != (BPF_JMP | BPF_JA);
    bool reads_src = BPF_SRC(insn->code) == BPF_X || BPF_CLASS(insn->code) == BPF_LDX;
    unsigned int dst = insn->code == (BPF_JMP | BPF_EXIT) ? BPF_REG_0 : insn->dst_reg;

    if (dst >= REGISTERS || insn->src_reg >= REGISTERS)
        return -EINVAL;
    if ((reads_dst && !(written >> dst & 1)) || (reads_src && !(written >> insn->src_reg & 1)))
        return -EACCES;
    return 0;
}

static int check_instruction(const struct checker *c, size_t i)
{
    const struct bpf_insn *insn = &c->code[i];

    int r = check_registers(insn, c->written[i]);
    if (r < 0)
        return r;
    switch (insn->code) {
    case BPF_LDX | BPF_MEM | BPF_W:
        if (insn->src_reg != BPF_REG_1)
            unsupported("bpf: a load from register %d", insn->src_reg);
        return insn->off < 0 || insn->off % 4 != 0 || (size_t)insn->off / 4 >= c->n_words ? -EACCES : 0;
    case BPF_ALU64 | BPF_MOV | BPF_K:
        return insn->dst_reg == BPF_REG_0 && (insn->imm & ~1) ? -EINVAL : 0; /* yes or no is all that may be answered */
    case BPF_ALU64 | BPF_MOV | BPF_X:
    case BPF_ALU64 | BPF_AND | BPF_K:
    case BPF_ALU64 | BPF_RSH | BPF_K:
        if (insn->dst_reg == BPF_REG_0)
            unsupported("bpf: an answer that is computed");
        return 0;
    case BPF_JMP | BPF_JNE | BPF_K:
    case BPF_JMP | BPF_JSET | BPF_K:
    case BPF_JMP | BPF_JA:
    case BPF_JMP | BPF_EXIT:
        return 0;
    default:
        unsupported("bpf: instruction 0x%02x", insn->code);
    }
}

/* Passes on what is written after instruction i. */
static int follow(const struct checker *c, size_t i)
{
    const struct bpf_insn *insn = &c->code[i];
    uint16_t written = c->written[i];

    if (!jumps(insn) && insn->code != (BPF_JMP | BPF_EXIT))
        written |= (uint16_t)(1 << insn->dst_reg);
    if (jumps(insn)) {
        if (insn->off < 0)
            unsupported("bpf: a jump back");
        size_t to = i + 1 + (size_t)insn->off;
        if (to >= c->n)
            return -EINVAL;
        c->written[to] &= written;
    }
    if (insn->code == (BPF_JMP | BPF_EXIT) || insn->code == (BPF_JMP | BPF_JA))
        return 0;
    if (i + 1 >= c->n)
        return -EINVAL;
    c->written[i + 1] &= written;
    return 0;
}

int ebpf_check(const struct bpf_insn *code, size_t n, size_t n_words)
{
    struct checker c = {code, n, n_words, NULL};
    int r = n == 0 ? -E2BIG : 0;

    if (r < 0)
        return r;
    c.written = zalloc(n * sizeof(*c.written));
    for (size_t i = 0; i < n; i++)
        c.written[i] = UNREACHED;
    c.written[0] = 1 << BPF_REG_1 | 1 << BPF_REG_10;
    for (size_t i = 0; i < n && r == 0; i++) {
        r = c.written[i] == UNREACHED ? -EINVAL : check_instruction(&c, i);
        if (r == 0)
            r = follow(&c, i);
    }
    free(c.written);
    return r;
}

/* ---- running ---- */

static uint64_t compute(const struct bpf_insn *insn, uint64_t left, uint64_t source)
{
    uint64_t right = BPF_SRC(insn->code) == BPF_X ? source : (uint64_t)(int64_t)insn->imm;

    switch (BPF_OP(insn->code)) {
    case BPF_MOV:
        return right;
    case BPF_AND:
        return left & right;
    default:
        return left >> right;
    }
}

static bool takes_jump(const struct bpf_insn *insn, uint64_t left)
{
    uint64_t right = (uint64_t)(int64_t)insn->imm;

    switch (BPF_OP(insn->code)) {
    case BPF_JNE:
        return left != right;
    case BPF_JSET:
        return left & right;
    default:
        return true;
    }
}

uint64_t ebpf_run(const struct bpf_insn *code, const uint32_t *context)
{
    uint64_t registers[REGISTERS] = {0};

    for (const struct bpf_insn *at = code;; at++) {
        if (at->code == (BPF_JMP | BPF_EXIT))
            return registers[BPF_REG_0];
        if (BPF_CLASS(at->code) == BPF_LDX)
            registers[at->dst_reg] = context[at->off / 4];
        else if (BPF_CLASS(at->code) == BPF_ALU64)
            registers[at->dst_reg] = compute(at, registers[at->dst_reg], registers[at->src_reg]);
        else if (takes_jump(at, registers[at->dst_reg]))
            at += at->off;
    }
}
