// Where a row is cut when its elements are taken from the largest key on until their weights reach a target: what
// top-k, top-p and typical sampling have in common. The row is not sorted: each pass sums the weights above a few
// thresholds and keeps the elements between the two where the target lies.
#ifndef SEQNN_DECODE_CUT_H
#define SEQNN_DECODE_CUT_H

#include "base/arith.h"
#include "layers/row.h"
#include <float.h>

// Room for the elements that are left, each [n].
typedef struct {
    real *keys, *weights;
    int64_t *ids;
} cut_room;

// The last element that is taken; among equal keys the lowest ids are taken first.
typedef struct {
    real key;
    int64_t id;
} cut_end;

enum {
    CUT_PARTS = 8,  // thresholds of a pass, as many as leave registers for the keys
    CUT_SMALL = 32, // elements that are sorted at once
    CUT_PASSES = 64 // each divides the range of keys by CUT_PARTS; only keys that span all exponents need more
};
#define CUT_LOWEST (-(real)(SQ_DOUBLE ? DBL_MAX : FLT_MAX))

// sums[j] = the weights of keys >= limits[j].
static void cut_sums(const real *keys, const real *weights, int64_t n, const real *limits, double *sums)
{
    for (int j = 0; j < CUT_PARTS; j++) sums[j] = 0;
    enum { BLOCK = 1024 }; // sums in `real` stay short
    for (int64_t at = 0; at < n; at += BLOCK) {
        const int64_t end = least(n, at + BLOCK);
        vf sum[CUT_PARTS], limit[CUT_PARTS];
#pragma GCC unroll 8
        for (int j = 0; j < CUT_PARTS; j++) sum[j] = vf_set(0), limit[j] = vf_set(limits[j]);
        for (int64_t i = at; i < end; i += LANES) {
            const vf key = row_load(keys, NULL, i, end, -(real)INFINITY), weight = row_load(weights, NULL, i, end, 0);
#pragma GCC unroll 8
            for (int j = 0; j < CUT_PARTS; j++) sum[j] += vf_select(key >= limit[j], weight, vf_set(0));
        }
#pragma GCC unroll 8
        for (int j = 0; j < CUT_PARTS; j++) sums[j] += (double)vf_sum(sum[j]);
    }
}

static void cut_move(const cut_room *room, int64_t to, int64_t from)
{
    room->keys[to] = room->keys[from], room->weights[to] = room->weights[from], room->ids[to] = room->ids[from];
}

// Sorts by falling key, equal keys by rising id, in which order they come. By heap sort: no input makes it slow.
static bool cut_is_after(const cut_room *room, int64_t a, int64_t b)
{
    return room->keys[a] < room->keys[b] || (room->keys[a] == room->keys[b] && room->ids[a] > room->ids[b]);
}

static void cut_swap(const cut_room *room, int64_t a, int64_t b)
{
    const real key = room->keys[a], weight = room->weights[a];
    const int64_t id = room->ids[a];
    cut_move(room, a, b);
    room->keys[b] = key, room->weights[b] = weight, room->ids[b] = id;
}

static void cut_sift(const cut_room *room, int64_t at, int64_t n)
{
    for (int64_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && cut_is_after(room, child + 1, child)) child++;
        if (!cut_is_after(room, child, at)) break;
        cut_swap(room, at, child);
    }
}

static void cut_sort(const cut_room *room, int64_t n)
{
    for (int64_t at = n / 2 - 1; at >= 0; at--) cut_sift(room, at, n);
    for (int64_t end = n - 1; end > 0; end--) {
        cut_swap(room, 0, end);
        cut_sift(room, 0, end);
    }
}

enum { CUT_STRIP = 4 * LANES }; // elements that are looked at at once

static bool cut_has(const real *keys, int64_t n, real low, real high)
{
    vi any = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        const vf key = row_load(keys, NULL, i, n, -(real)INFINITY);
        any |= (key >= vf_set(low)) & (key < vf_set(high));
    }
    return vf_largest(vf_select(any, vf_set(1), vf_set(0))) > 0;
}

// Moves the elements with low <= key < high into the room, in their order; returns how many. `ids` is NULL where they
// are the places.
static int64_t cut_keep(const real *keys, const real *weights, const int64_t *ids, int64_t n, real low, real high,
                        const cut_room *room)
{
    int64_t kept = 0;
    for (int64_t at = 0; at < n; at += CUT_STRIP) {
        const int64_t end = least(n, at + CUT_STRIP);
        if (!cut_has(keys + at, end - at, low, high)) continue;
        for (int64_t i = at; i < end; i++) { // no branch: whether an element stays cannot be guessed
            const bool stays = (keys[i] >= low) & (keys[i] < high);
            room->keys[kept] = keys[i], room->weights[kept] = weights[i], room->ids[kept] = ids ? ids[i] : i;
            kept += stays;
        }
    }
    return kept;
}

// The smallest key that is not -inf; +inf where there is none.
static real cut_least(const real *keys, int64_t n)
{
    const vf none = vf_set(INFINITY);
    vf low = none;
    for (int64_t i = 0; i < n; i += LANES) {
        const vf key = row_load(keys, NULL, i, n, INFINITY);
        low = vf_min(low, vf_select(key > vf_set(-(real)INFINITY), key, none));
    }
    return -vf_largest(-low);
}

static int64_t cut_count(const real *keys, int64_t n, real low, real high)
{
    vf count = vf_set(0);
    for (int64_t i = 0; i < n; i += LANES) {
        const vf key = row_load(keys, NULL, i, n, -(real)INFINITY);
        count += vf_select((key >= vf_set(low)) & (key < vf_set(high)), vf_set(1), vf_set(0));
    }
    return (int64_t)vf_sum(count);
}

// Takes elements with finite keys until their weights reach `target` > 0; all of them where they do not.
static cut_end cut_at(const real *keys, const real *weights, int64_t n, double target, const cut_room *room)
{
    const int64_t *ids = NULL;
    int64_t left = n;
    double taken = 0, above = 0; // the weights of elements that have left, and of those that are not below `high`
    real low = cut_least(keys, n), high = INFINITY, top = row_largest(keys, NULL, n);
    for (int pass = 0; left > CUT_SMALL && pass < CUT_PASSES; pass++) {
        real limits[CUT_PARTS];
        for (int j = 0; j < CUT_PARTS; j++) limits[j] = top - (top - low) / CUT_PARTS * (real)(j + 1);
        limits[CUT_PARTS - 1] = low;
        double sums[CUT_PARTS];
        cut_sums(keys, weights, left, limits, sums);
        int j = 0;
        while (j < CUT_PARTS - 1 && taken + sums[j] < target) j++;
        low = limits[j];
        if (j) high = top = limits[j - 1], above = sums[j - 1];
        const int64_t count = cut_count(keys, left, low, high);
        // To move elements takes as long as several passes over them.
        if (count * CUT_PARTS > left && low < top && j) continue;
        const int64_t kept = cut_keep(keys, weights, ids, left, low, high, room);
        const bool stuck = kept == left; // the keys are equal, or too near to each other to be parted
        keys = room->keys, weights = room->weights, ids = room->ids, left = kept;
        taken += above, above = 0;
        low = cut_least(keys, left), high = INFINITY, top = row_largest(keys, NULL, left);
        if (stuck) break;
    }
    if (!ids || high < INFINITY) {
        left = cut_keep(keys, weights, ids, left, high < INFINITY ? low : CUT_LOWEST, high, room);
        taken += above;
    }
    cut_sort(room, left);
    int64_t last = 0;
    while (last + 1 < left && (taken += (double)room->weights[last]) < target) last++;
    return left ? (cut_end){room->keys[last], room->ids[last]} : (cut_end){-(real)INFINITY, n};
}

#endif
