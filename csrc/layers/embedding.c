// Rows of a table by their ids, and the way back: gradients added to the rows of a table that is already there.
#include "embedding_args.h"
#include "vec/vec.h"

enum {
    AHEAD = 6,  // rows that are asked for before their turn: a random row is a trip to memory
    BLOCK = 64, // rows that a thread takes at a time
    LINE = 64 / (int)sizeof(real)
};

static inline void prefetch_row(const real *row, int64_t n)
{
    for (int64_t i = 0; i < n; i += LINE) __builtin_prefetch(row + i);
}

static void gather(const struct embedding_forward *a, int64_t first, int64_t last)
{
    const int64_t n = a->D;
    for (int64_t i = first; i < last; i++) {
        if (i + AHEAD < last) prefetch_row(a->weight + a->ids[i + AHEAD] * n, n);
        memcpy(a->out + i * n, a->weight + a->ids[i] * n, (size_t)n * sizeof(real));
    }
}

// out[n] = weight[ids[n]].
//: embedding_forward(weight:f[V,D], ids:i[N]<V) -> out:f[N,D]
KERNEL(embedding_forward)
{
#pragma omp parallel for num_threads(sq_team(a->N * a->D)) schedule(static)
    for (int64_t i = 0; i < a->N; i += BLOCK) gather(a, i, least(a->N, i + BLOCK));
    return NULL;
}

// Where the columns of share t of `team` begin: shares are whole cache lines, so that no two threads write the same
// one.
static int64_t column_of(int64_t columns, int team, int t)
{
    return least(columns, cut(blocks(columns, LINE), team, t) * LINE);
}

static int column_team(int64_t rows, int64_t columns)
{
    return (int)most(1, least(sq_team(rows * columns), blocks(columns, LINE)));
}

// Adds columns [first, last) of all rows, in the order of the ids: no two threads write the same number, and a row that
// occurs several times is summed in one order for any number of threads.
static void scatter(const struct embedding_scatter *a, int64_t first, int64_t last)
{
    for (int64_t i = 0; i < a->N; i++) {
        if (i + AHEAD < a->N) {
            const real *next = a->table + a->ids[i + AHEAD] * a->D;
            for (int64_t c = first; c < last; c += LINE) prefetch_write(next + c);
        }
        if (a->ids[i] == a->padding) continue;
        real *restrict row = a->table + a->ids[i] * a->D;
        const real *restrict grad = a->grad + i * a->D;
#pragma omp simd
        for (int64_t c = first; c < last; c++) row[c] += grad[c];
    }
}

// Forward computes out[n] = weight[ids[n]]. Hence table[ids[n]] += grad[n], except where ids[n] is `padding`.
//: embedding_scatter(grad:f[N,D], ids:i[N]<V, table+f[V,D], padding:n=-1)
KERNEL(embedding_scatter)
{
    const int team = column_team(a->N, a->D);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int t = 0; t < team; t++) scatter(a, column_of(a->D, team, t), column_of(a->D, team, t + 1));
    return NULL;
}

static void clear(const struct embedding_clear *a, int64_t first, int64_t last)
{
    for (int64_t i = 0; i < a->N; i++) {
        real *row = a->table + a->ids[i] * a->D;
        int64_t c = first;
        for (; c + LANES <= last; c += LANES) vf_store(row + c, vf_set(0));
        vf_store_part(row + c, last - c, vf_set(0));
    }
}

// table[ids[n]] = 0
//: embedding_clear(table+f[V,D], ids:i[N]<V)
KERNEL(embedding_clear)
{
    const int team = column_team(a->N, a->D);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int t = 0; t < team; t++) clear(a, column_of(a->D, team, t), column_of(a->D, team, t + 1));
    return NULL;
}
