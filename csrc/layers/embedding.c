// Rows of a table by their ids, and the way back: gradients added to the rows of a table that is already there.
#include "embedding_args.h"
#include "seqnn.h"
#include "vec/vec.h"

#define AHEAD 6 // rows that are asked for before their turn: a random row is a trip to memory

static inline void prefetch_row(const real *row, int64_t n)
{
    for (int64_t i = 0; i < n; i += 64 / (int64_t)sizeof(real)) __builtin_prefetch(row + i);
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
    const int64_t block = 64, blocks = (a->N + block - 1) / block;
#pragma omp parallel for num_threads(sq_team(a->N * a->D)) schedule(static)
    for (int64_t b = 0; b < blocks; b++) gather(a, b * block, b * block + block < a->N ? b * block + block : a->N);
    return NULL;
}

// The columns [first, last) of share t of `team`: whole cache lines, so that no two threads write the same one.
static void columns_of(int64_t columns, int t, int team, int64_t *first, int64_t *last)
{
    const int64_t line = 64 / (int64_t)sizeof(real), lines = (columns + line - 1) / line;
    *first = t * lines / team * line;
    *last = (t + 1) * lines / team * line;
    if (*last > columns) *last = columns;
}

static int column_team(int64_t rows, int64_t columns)
{
    const int64_t lines = (columns * (int64_t)sizeof(real) + 63) / 64;
    const int team = sq_team(rows * columns);
    return team <= lines ? team : lines > 1 ? (int)lines : 1;
}

// Columns [first, last) of all rows, in the order of the ids: no two threads write the same number, and a row that
// occurs several times is summed in one order for any number of threads.
static void scatter(const struct embedding_scatter *a, int64_t first, int64_t last)
{
    for (int64_t i = 0; i < a->N; i++) {
        if (i + AHEAD < a->N) {
            const real *next = a->table + a->ids[i + AHEAD] * a->D;
            for (int64_t c = first; c < last; c += 64 / (int64_t)sizeof(real)) prefetch_write(next + c);
        }
        if (a->ids[i] == a->padding) continue;
        real *restrict row = a->table + a->ids[i] * a->D;
        const real *restrict grad = a->grad + i * a->D;
#pragma omp simd
        for (int64_t c = first; c < last; c++) row[c] += grad[c];
    }
}

// The forward line: out[n] = weight[ids[n]]. Hence table[ids[n]] += grad[n], but where ids[n] is `padding`.
//: embedding_scatter(grad:f[N,D], ids:i[N]<V, table+f[V,D], padding:n=-1)
KERNEL(embedding_scatter)
{
    const int team = column_team(a->N, a->D);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int t = 0; t < team; t++) {
        int64_t first, last;
        columns_of(a->D, t, team, &first, &last);
        scatter(a, first, last);
    }
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
    for (int t = 0; t < team; t++) {
        int64_t first, last;
        columns_of(a->D, t, team, &first, &last);
        clear(a, first, last);
    }
    return NULL;
}
