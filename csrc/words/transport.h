// The cheapest transport between two sets of places, exactly: goods lie at sources and are wanted at sinks, the same
// sum of each, in whole numbers. Shortest augmenting paths (Edmonds and Karp, "Theoretical improvements in algorithmic
// efficiency for network flow problems", 1972): prices of sources and sinks under which no way is too cheap, and ways
// that carry goods cost just their prices. Each path from a source with goods left to a sink that still wants some is
// the cheapest under these prices, so whole numbers move, and no tolerance decides when the end is reached.
#ifndef SEQNN_WORDS_TRANSPORT_H
#define SEQNN_WORDS_TRANSPORT_H

#include "base/arith.h"
#include "seqnn.h"

struct transport {
    int64_t sources, sinks, row;     // row: elements between the rows of cost
    real *cost;                      // [sources][row]
    int64_t *supply, *demand;        // what is left
    int64_t *flow;                   // [sinks][sources]
    uint64_t *carries;               // [sinks][carry_words] a bit for each source: whether there is flow
    real *source_price, *price;      // [sources], [sinks]
    real *source_distance;           // [sources] of the path from the start of a search
    real *distance;                  // [sinks] likewise
    real *open, *closed;             // [sinks] the distance of an open sink, INFINITY of a closed one; 0, INFINITY
    int32_t *before, *source_before; // [sinks], [sources] the place before on the path; source_before: see below
    int32_t *reached, *passed;       // lists of the sources and the sinks that a search has reached
    void *memory;
};
enum { START = -1, NOT_REACHED = -2 }; // of source_before

// Makes room for as many sources and sinks. False where memory ran out.
static bool transport_allocate(struct transport *t, int64_t sources, int64_t sinks)
{
    const int64_t size = (int64_t)sizeof(real), cells = times(sources, sinks), words = blocks(sources, 64);
    const int64_t bytes =
        times(cells, 8 + size) + times(sinks, words * 8) + sources * (16 + 2 * size) + sinks * (16 + 4 * size) + 64;
    *t = (struct transport){.memory = malloc((size_t)bytes)};
    if (!t->memory) return false;
    t->flow = t->memory;
    t->carries = (uint64_t *)(t->flow + cells);
    t->supply = (int64_t *)(t->carries + sinks * words);
    t->demand = t->supply + sources;
    t->cost = (real *)(t->demand + sinks);
    t->source_price = t->cost + cells;
    t->source_distance = t->source_price + sources;
    t->price = t->source_distance + sources;
    t->distance = t->price + sinks;
    t->open = t->distance + sinks;
    t->closed = t->open + sinks;
    t->before = (int32_t *)(t->closed + sinks);
    t->passed = t->before + sinks;
    t->source_before = t->passed + sinks;
    t->reached = t->source_before + sources;
    return true;
}

static int64_t carry_words(const struct transport *t) { return blocks(t->sources, 64); }

// Changes the flow from source i to sink k.
static void add_flow(struct transport *t, int64_t i, int64_t k, int64_t change)
{
    int64_t *const flow = &t->flow[k * t->sources + i];
    uint64_t *const carries = &t->carries[k * carry_words(t) + i / 64];
    const uint64_t bit = UINT64_C(1) << (i & 63);
    *flow += change;
    *carries = *flow ? *carries | bit : *carries & ~bit;
}

// Moves what can go along ways that cost just their prices.
static void send_along_cheapest(struct transport *t)
{
    for (int64_t k = 0; k < t->sinks; k++) t->price[k] = INFINITY;
    for (int64_t i = 0; i < t->sources; i++)
        for (int64_t k = 0; k < t->sinks; k++) {
            const real cost = t->cost[i * t->row + k];
            t->price[k] = cost < t->price[k] ? cost : t->price[k];
        }
    for (int64_t i = 0; i < t->sources; i++) {
        const real *const cost = t->cost + i * t->row;
        real lowest = INFINITY;
#pragma omp simd reduction(min : lowest)
        for (int64_t k = 0; k < t->sinks; k++) lowest = cost[k] - t->price[k] < lowest ? cost[k] - t->price[k] : lowest;
        t->source_price[i] = lowest;
        for (int64_t k = 0; k < t->sinks && t->supply[i]; k++) {
            if (cost[k] - t->price[k] > lowest || !t->demand[k]) continue;
            const int64_t sent = least(t->supply[i], t->demand[k]);
            add_flow(t, i, k, sent);
            t->supply[i] -= sent;
            t->demand[k] -= sent;
        }
    }
}

// Shortens the distances of the sinks by what lies beyond source i, which is `distance` away from the start.
static void reach_source(struct transport *t, int64_t i, int64_t *reached, int32_t before_it, real distance)
{
    const real *restrict const cost = t->cost + i * t->row, *restrict const price = t->price;
    const real *restrict const closed = t->closed, from = distance - t->source_price[i];
    real *restrict const open = t->open;
    int32_t *restrict const before = t->before;
    t->source_before[i] = before_it;
    t->source_distance[i] = distance;
    t->reached[(*reached)++] = (int32_t)i;
#pragma omp simd
    for (int64_t k = 0; k < t->sinks; k++) {
        const real found = from + cost[k] - price[k] + closed[k];
        const bool shorter = found < open[k];
        open[k] = shorter ? found : open[k];
        before[k] = shorter ? (int32_t)i : before[k];
    }
}

// Returns the nearest open sink, -1 where none can be reached.
static int64_t find_nearest(const struct transport *t)
{
    enum { SOME = 32 };
    real lowest = INFINITY;
#pragma omp simd reduction(min : lowest)
    for (int64_t k = 0; k < t->sinks; k++) lowest = t->open[k] < lowest ? t->open[k] : lowest;
    for (int64_t from = 0; lowest < INFINITY && from < t->sinks; from += SOME) {
        const int64_t to = least(from + SOME, t->sinks);
        int any = 0;
#pragma omp simd reduction(| : any)
        for (int64_t k = from; k < to; k++) any |= t->open[k] == lowest;
        for (int64_t k = from; any && k < to; k++)
            if (t->open[k] == lowest) return k;
    }
    return -1;
}

// Sends what can go along the path that a search has found to sink `end`. Returns whether all ways of the path still
// carry goods.
static bool send_along_path(struct transport *t, int64_t start, int64_t end)
{
    int64_t sent = least(t->supply[start], t->demand[end]), i, k = end;
    for (; (i = t->before[k]) != start; k = t->source_before[i])
        sent = least(sent, t->flow[t->source_before[i] * t->sources + i]);
    bool whole = true;
    for (k = end; (i = t->before[k]) != start; k = t->source_before[i]) {
        add_flow(t, i, k, sent);
        add_flow(t, i, t->source_before[i], -sent);
        whole &= t->flow[t->source_before[i] * t->sources + i] > 0;
    }
    add_flow(t, start, k, sent);
    t->supply[start] -= sent;
    t->demand[end] -= sent;
    return whole;
}

// Searches the sinks in the order of their distance from source `start`, and sends it goods as long as the paths carry
// some. False where no sink can be reached, because of costs that are not finite.
static bool send_from(struct transport *t, int64_t start)
{
    for (int64_t k = 0; k < t->sinks; k++) t->open[k] = INFINITY, t->closed[k] = 0;
    for (int64_t i = 0; i < t->sources; i++) t->source_before[i] = NOT_REACHED;
    int64_t reached = 0, passed = 0, sink;
    reach_source(t, start, &reached, START, 0);
    while ((sink = find_nearest(t)) >= 0) {
        const real distance = t->open[sink];
        t->distance[sink] = distance;
        t->open[sink] = t->closed[sink] = INFINITY;
        t->passed[passed++] = (int32_t)sink;
        if (t->demand[sink] && (!send_along_path(t, start, sink) || !t->supply[start])) break;
        for (int64_t word = 0; word < carry_words(t); word++)
            for (uint64_t bits = t->carries[sink * carry_words(t) + word]; bits; bits &= bits - 1) {
                const int64_t i = word * 64 + __builtin_ctzll(bits);
                if (t->source_before[i] == NOT_REACHED) reach_source(t, i, &reached, (int32_t)sink, distance);
            }
    }
    if (sink < 0) return false;
    const real length = t->distance[sink];
    for (int64_t r = 0; r < reached; r++) t->source_price[t->reached[r]] += length - t->source_distance[t->reached[r]];
    for (int64_t r = 0; r < passed; r++) t->price[t->passed[r]] -= length - t->distance[t->passed[r]];
    return true;
}

// Returns the cost of the cheapest transport; cost, supply and demand are filled in, and used up. Not finite where
// costs are not finite.
static double transport_cost(struct transport *t)
{
    memset(t->flow, 0, (size_t)(t->sources * t->sinks) * sizeof *t->flow);
    memset(t->carries, 0, (size_t)(t->sinks * carry_words(t)) * sizeof *t->carries);
    send_along_cheapest(t);
    for (int64_t i = 0; i < t->sources; i++)
        while (t->supply[i])
            if (!send_from(t, i)) return NAN;
    double sum = 0;
    for (int64_t k = 0; k < t->sinks; k++)
        for (int64_t word = 0; word < carry_words(t); word++)
            for (uint64_t bits = t->carries[k * carry_words(t) + word]; bits; bits &= bits - 1) {
                const int64_t i = word * 64 + __builtin_ctzll(bits);
                sum += (double)t->flow[k * t->sources + i] * (double)t->cost[i * t->row + k];
            }
    return sum;
}

#endif
