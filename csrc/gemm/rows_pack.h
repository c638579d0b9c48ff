// Packing weights for rows.h, and rounding rows to 8 bits. A part of rows.c.
#ifndef SEQNN_GEMM_ROWS_PACK_H
#define SEQNN_GEMM_ROWS_PACK_H

#include "gemm/packed_tag.h"
#include "gemm/rows.h"
#include "vec/bytes.h"

enum { I8_MOST = 127 };
static const float I8_LEAST = 0x1p-116f; // a row of smaller numbers is zero: 127 divided by them is no float

// The largest absolute value; NaN where a value is not finite.
static float largest(const float *x, int64_t n)
{
    vf high = {0}, wrong = {0};
    int64_t k = 0;
    for (; k + LANES <= n; k += LANES) {
        const vf y = vf_load(x + k);
        high = vf_max(vf_max(high, y), -y), wrong += y * 0;
    }
    if (k < n) {
        const vf y = vf_load_part(x + k, n - k);
        high = vf_max(vf_max(high, y), -y), wrong += y * 0;
    }
    const float sum = vf_sum(wrong);
    return sum == 0 ? vf_largest(high) : sum;
}

// Rounds a row to integers in [-127, 127], and zeros up to a multiple of 4. Returns the scale: x is about scale * q.
static float round_row(const float *x, int64_t n, int8_t *q)
{
    typedef int8_t bytes __attribute__((vector_size(LANES)));
    const float most = largest(x, n);
    if (!(most >= I8_LEAST)) {
        memset(q, 0, (size_t)round_up(n, 4));
        return most < I8_LEAST ? 0 : most;
    }
    const float inverse = I8_MOST / most;
    int64_t k = 0;
    for (; k + LANES <= n; k += LANES) {
        const bytes to = __builtin_convertvector(vi_of(vf_load(x + k) * inverse), bytes);
        memcpy(q + k, &to, LANES);
    }
    if (k < n) {
        const bytes to = __builtin_convertvector(vi_of(vf_load_part(x + k, n - k) * inverse), bytes);
        memcpy(q + k, &to, (size_t)(n - k));
    }
    for (k = n; k < round_up(n, 4); k++) q[k] = 0;
    return most / I8_MOST;
}

// Makes the weight whose panels begin at `packed`; scales and offsets of i8 lie after them.
static struct rows_weight weight_at(void *packed, enum rows_kind kind, int64_t K, int64_t N)
{
    struct rows_weight w = {.kind = kind, .K = K, .N = N, .packed = packed};
    const int64_t columns = round_up(N, ROWS_PANEL);
    if (kind == ROWS_I8) w.scale = (const float *)((char *)packed + columns * round_up(K, 4));
    if (kind == ROWS_I8) w.offset = (const int32_t *)(w.scale + columns);
    return w;
}

static uint16_t to_bf16(float x) // the nearest, ties to even
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)(x != x ? bits >> 16 | 64 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Where column n begins, in its elements: narrow_tiles.h says how columns lie.
static int64_t bf16_at(const struct rows_weight *w, int64_t n) { return n / 32 * 32 * w->K + n % 16 * 2 + n % 32 / 16; }
static int64_t i8_at(const struct rows_weight *w, int64_t n) { return n / 16 * 16 * round_up(w->K, 4) + n % 16 * 4; }

// Packs column n from a row of the weight.
static void pack_bf16(const struct rows_weight *w, const float *from, int64_t n)
{
    uint16_t *to = (uint16_t *)w->packed + bf16_at(w, n);
    for (int64_t k = 0; k < w->K; k++) to[k * 32] = to_bf16(from[k]);
}

static void pack_i8(const struct rows_weight *w, const float *from, int64_t n, int8_t *room)
{
    char *to = (char *)w->packed + i8_at(w, n);
    int32_t sum = 0;
    ((float *)w->scale)[n] = round_row(from, w->K, room);
    for (int64_t k = 0; k < round_up(w->K, 4); k++) sum += room[k];
    ((int32_t *)w->offset)[n] = -128 * sum;
    for (int64_t k = 0; k < w->K; k += 4) memcpy(to + k * 16, room + k, 4);
}

// Writes a column of bf16 or i8 as float32.
static void unpack_column(const struct rows_weight *w, int64_t n, float *to)
{
    if (w->kind == ROWS_BF16) {
        const uint16_t *from = (const uint16_t *)w->packed + bf16_at(w, n);
        for (int64_t k = 0; k < w->K; k++) {
            const uint32_t bits = (uint32_t)from[k * 32] << 16;
            memcpy(to + k, &bits, sizeof bits);
        }
    } else {
        const int8_t *from = (const int8_t *)w->packed + i8_at(w, n);
        for (int64_t k = 0; k < w->K; k++) to[k] = from[k / 4 * 64 + k % 4] * w->scale[n];
    }
}

#endif
