/* SPDX-License-Identifier: Apache-2.0 */
#include "mocks/kernel/bpf.h"

#include <stdlib.h>
#include <string.h>

/* ---- validity ---- */

static const uint16_t allowed[] = {
    BPF_LD | BPF_W | BPF_ABS,
    BPF_LD | BPF_W | BPF_LEN,
    BPF_LDX | BPF_W | BPF_LEN,
    BPF_LD | BPF_IMM,
    BPF_LDX | BPF_IMM,
    BPF_LD | BPF_MEM,
    BPF_LDX | BPF_MEM,
    BPF_ST,
    BPF_STX,
    BPF_RET | BPF_K,
    BPF_RET | BPF_A,
    BPF_MISC | BPF_TAX,
    BPF_MISC | BPF_TXA,
    BPF_ALU | BPF_ADD | BPF_K,
    BPF_ALU | BPF_ADD | BPF_X,
    BPF_ALU | BPF_SUB | BPF_K,
    BPF_ALU | BPF_SUB | BPF_X,
    BPF_ALU | BPF_MUL | BPF_K,
    BPF_ALU | BPF_MUL | BPF_X,
    BPF_ALU | BPF_DIV | BPF_K,
    BPF_ALU | BPF_DIV | BPF_X,
    BPF_ALU | BPF_AND | BPF_K,
    BPF_ALU | BPF_AND | BPF_X,
    BPF_ALU | BPF_OR | BPF_K,
    BPF_ALU | BPF_OR | BPF_X,
    BPF_ALU | BPF_XOR | BPF_K,
    BPF_ALU | BPF_XOR | BPF_X,
    BPF_ALU | BPF_LSH | BPF_K,
    BPF_ALU | BPF_LSH | BPF_X,
    BPF_ALU | BPF_RSH | BPF_K,
    BPF_ALU | BPF_RSH | BPF_X,
    BPF_ALU | BPF_NEG,
    BPF_JMP | BPF_JA,
    BPF_JMP | BPF_JEQ | BPF_K,
    BPF_JMP | BPF_JEQ | BPF_X,
    BPF_JMP | BPF_JGE | BPF_K,
    BPF_JMP | BPF_JGE | BPF_X,
    BPF_JMP | BPF_JGT | BPF_K,
    BPF_JMP | BPF_JGT | BPF_X,
    BPF_JMP | BPF_JSET | BPF_K,
    BPF_JMP | BPF_JSET | BPF_X,
};

static bool is_allowed(uint16_t code)
{
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (allowed[i] == code)
            return true;
    }
    return false;
}

static bool operands_fit(const struct sock_filter *at, size_t left)
{
    switch (at->code) {
    case BPF_LD | BPF_W | BPF_ABS:
        return at->k < sizeof(struct seccomp_data) && at->k % 4 == 0;
    case BPF_ALU | BPF_DIV | BPF_K:
        return at->k != 0;
    case BPF_ALU | BPF_LSH | BPF_K:
    case BPF_ALU | BPF_RSH | BPF_K:
        return at->k < 32;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
        return at->k < BPF_MEMWORDS;
    case BPF_JMP | BPF_JA:
        return at->k < left;
    default:
        return BPF_CLASS(at->code) != BPF_JMP || (at->jt < left && at->jf < left);
    }
}

/* Words of scratch memory that are written on every way to an instruction. */
static void meet(uint16_t *words, size_t at, uint16_t written)
{
    words[at] &= written;
}

static bool memory_is_written(const struct sock_filter *code, size_t n)
{
    uint16_t *words = malloc(n * sizeof(*words));
    uint16_t now = 0;
    bool ok = true;

    if (!words)
        abort();
    memset(words, 0xff, n * sizeof(*words));
    for (size_t pc = 0; pc < n && ok; pc++) {
        now &= words[pc];
        if (code[pc].code == BPF_ST || code[pc].code == BPF_STX) {
            now |= (uint16_t)(1u << code[pc].k);
        } else if (code[pc].code == (BPF_LD | BPF_MEM) || code[pc].code == (BPF_LDX | BPF_MEM)) {
            ok = now & (1u << code[pc].k);
        } else if (code[pc].code == (BPF_JMP | BPF_JA)) {
            meet(words, pc + 1 + code[pc].k, now);
            now = 0xffff;
        } else if (BPF_CLASS(code[pc].code) == BPF_JMP) {
            meet(words, pc + 1 + code[pc].jt, now);
            meet(words, pc + 1 + code[pc].jf, now);
            now = 0xffff;
        }
    }
    free(words);
    return ok;
}

bool bpf_is_valid(const struct sock_filter *code, size_t n)
{
    for (size_t pc = 0; pc < n; pc++) {
        if (!is_allowed(code[pc].code) || !operands_fit(&code[pc], n - pc - 1))
            return false;
    }
    return BPF_CLASS(code[n - 1].code) == BPF_RET && memory_is_written(code, n);
}

/* ---- execution ---- */

static uint32_t compute(uint16_t code, uint32_t a, uint32_t b)
{
    switch (BPF_OP(code)) {
    case BPF_ADD:
        return a + b;
    case BPF_SUB:
        return a - b;
    case BPF_MUL:
        return a * b;
    case BPF_DIV:
        return a / b;
    case BPF_AND:
        return a & b;
    case BPF_OR:
        return a | b;
    case BPF_XOR:
        return a ^ b;
    case BPF_LSH:
        return a << (b & 31);
    case BPF_RSH:
        return a >> (b & 31);
    default:
        return -a; /* BPF_NEG */
    }
}

static bool compare(uint16_t code, uint32_t a, uint32_t b)
{
    switch (BPF_OP(code)) {
    case BPF_JEQ:
        return a == b;
    case BPF_JGT:
        return a > b;
    case BPF_JGE:
        return a >= b;
    default:
        return a & b; /* BPF_JSET */
    }
}

static uint32_t load(const struct sock_filter *at, const struct seccomp_data *data, const uint32_t *memory)
{
    uint32_t word;

    switch (BPF_MODE(at->code)) {
    case BPF_ABS:
        memcpy(&word, (const char *)data + at->k, sizeof(word));
        return word;
    case BPF_LEN:
        return sizeof(*data);
    case BPF_MEM:
        return memory[at->k];
    default:
        return at->k; /* BPF_IMM */
    }
}

uint32_t bpf_run(const struct sock_filter *code, const struct seccomp_data *data)
{
    uint32_t memory[BPF_MEMWORDS];
    uint32_t a = 0, x = 0;

    for (const struct sock_filter *at = code;; at++) {
        uint32_t b = BPF_SRC(at->code) == BPF_X ? x : at->k;
        switch (BPF_CLASS(at->code)) {
        case BPF_LD:
            a = load(at, data, memory);
            break;
        case BPF_LDX:
            x = load(at, data, memory);
            break;
        case BPF_ST:
            memory[at->k] = a;
            break;
        case BPF_STX:
            memory[at->k] = x;
            break;
        case BPF_ALU:
            if (at->code == (BPF_ALU | BPF_DIV | BPF_X) && x == 0)
                return 0;
            a = compute(at->code, a, b);
            break;
        case BPF_JMP:
            at += BPF_OP(at->code) == BPF_JA ? at->k : compare(at->code, a, b) ? at->jt : at->jf;
            break;
        case BPF_RET:
            return BPF_RVAL(at->code) == BPF_A ? a : at->k;
        default:
            if (BPF_MISCOP(at->code) == BPF_TAX)
                x = a;
            else
                a = x;
        }
    }
}
