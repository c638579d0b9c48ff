// Bootstrap: sums of statistics over resamples of their rows. The rows are those that NumPy's
// default_rng(seed).integers(0, N, (resamples, N)) draws, so they are sacrebleu's.
//
// A number below N is the upper half of draw * N; where its lower half is below 2^32 mod N, the draw is rejected
// (Lemire, "Fast random integer generation in an interval", 2019). So where a resample begins in the stream depends on
// all before it. Each is first taken from the N draws where it would lie without rejections. Then the numbers that
// belong to the one before it are taken back, and those that follow its last one are added.
#include "bootstrap_args.h"
#include "metrics/pcg.h"

enum { TOGETHER = 8 }; // resamples that are summed together: statistics are read once for all of them

typedef real lane_sums __attribute__((vector_size(TOGETHER * sizeof(real)), may_alias));
typedef uint8_t lane_counts __attribute__((vector_size(TOGETHER), may_alias));
typedef int32_t lane_integers __attribute__((vector_size(4 * TOGETHER)));

// Numbers of rows, from any draw on.
typedef struct {
    pcg draws;
    uint32_t rows, threshold;
    bool rejects; // whether one of the present draws is to be rejected
    int next;     // of the present draws
    uint64_t products[PCG_DRAWS];
} row_numbers;

static inline void next_draws(row_numbers *n)
{
    n->rejects = pcg_multiply(&n->draws, n->rows, n->threshold, n->products);
    n->next = 0;
}

static void numbers_begin(row_numbers *n, const struct bootstrap_sums *a, int64_t draw)
{
    n->rows = (uint32_t)a->N;
    n->threshold = -n->rows % n->rows;
    pcg_begin(&n->draws, a->state, (uint64_t)draw / 2);
    next_draws(n);
    n->next = draw & 1;
}

// The next draw as the number of a row, or -1 where it is rejected.
static inline int64_t next_number(row_numbers *n)
{
    if (n->next == PCG_DRAWS) next_draws(n);
    const uint64_t product = n->products[(n->next & 1) * PCG_OUTPUTS + (n->next >> 1)];
    n->next++;
    return (uint32_t)product < n->threshold ? -1 : (int64_t)(product >> 32);
}

// Adds to tallies[TOGETHER * row] how often each row is drawn by the next N draws; returns how many are rejected. A
// count has eight bits: a row is drawn 256 times only where it is one of a few, and then there are fewer draws.
static int64_t tally_rows(row_numbers *n, int64_t draws, uint8_t *tallies)
{
    int64_t rejected = 0;
    while (draws > 0) {
        if (n->next == PCG_DRAWS) next_draws(n);
        if (n->next == 0 && draws >= PCG_DRAWS && !n->rejects) {
            for (int i = 0; i < PCG_DRAWS; i++) tallies[TOGETHER * (n->products[i] >> 32)]++;
            n->next = PCG_DRAWS;
            draws -= PCG_DRAWS;
        } else {
            const int64_t row = next_number(n);
            if (row < 0)
                rejected++;
            else
                tallies[TOGETHER * row]++;
            draws--;
        }
    }
    return rejected;
}

// sums[j] = the sums of column c + j, for each of the resamples.
static inline void sum_columns(const struct bootstrap_sums *a, const uint8_t *tallies, int64_t c, const int columns,
                               lane_sums *sums)
{
    lane_sums s[10];
    for (int j = 0; j < columns; j++) s[j] = (lane_sums){0};
    for (int64_t i = 0; i < a->N; i++) {
        const real *row = a->statistics + i * a->K + c;
        const lane_counts counts = *(const lane_counts *)(tallies + TOGETHER * i);
        const lane_sums times = __builtin_convertvector(__builtin_convertvector(counts, lane_integers), lane_sums);
        for (int j = 0; j < columns; j++) s[j] += times * row[j];
    }
    for (int j = 0; j < columns; j++) sums[j] = s[j];
}

static void sum_resamples(const struct bootstrap_sums *a, int64_t first, int64_t count, const uint8_t *tallies)
{
    lane_sums sums[10];
    for (int64_t c = 0, columns; c < a->K; c += columns) { // BLEU has 10 columns, chrF 18, chrF++ 24, TER 2
        const int64_t left = a->K - c;
        columns = left >= 10 ? 10 : left >= 6 ? 6 : left >= 2 ? 2 : 1;
        if (columns == 10)
            sum_columns(a, tallies, c, 10, sums);
        else if (columns == 6)
            sum_columns(a, tallies, c, 6, sums);
        else if (columns == 2)
            sum_columns(a, tallies, c, 2, sums);
        else
            sum_columns(a, tallies, c, 1, sums);
        for (int64_t k = 0; k < count; k++)
            for (int64_t j = 0; j < columns; j++) a->sums[(first + k) * a->K + c + j] = sums[j][k];
    }
}

// Adds the rows of the next `count` numbers from a draw on, times `sign`; returns how many draws that takes.
static int64_t add_rows(const struct bootstrap_sums *a, int64_t draw, int64_t count, real sign, real *sums)
{
    row_numbers n;
    int64_t draws = 0;
    if (count > 0) numbers_begin(&n, a, draw);
    for (; count > 0; draws++) {
        const int64_t row = next_number(&n);
        if (row < 0) continue;
        for (int64_t c = 0; c < a->K; c++) sums[c] += sign * a->statistics[row * a->K + c];
        count--;
    }
    return draws;
}

// Sums of resamples where they would lie without rejections; rejected[b + 1] = rejected draws of resample b.
static bool sum_blocks(const struct bootstrap_sums *a, int team, int64_t *rejected)
{
    bool failed = false;
    const int64_t blocks = (a->resamples + TOGETHER - 1) / TOGETHER;
#pragma omp parallel num_threads(team)
    {
        const size_t bytes = (size_t)(TOGETHER * a->N);
        uint8_t *tallies = malloc(bytes);
        if (!tallies) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for schedule(dynamic)
        for (int64_t block = 0; block < blocks; block++) {
            const int64_t first = TOGETHER * block, left = a->resamples - first,
                          count = left < TOGETHER ? left : TOGETHER;
            row_numbers n;
            if (!tallies) continue;
            memset(tallies, 0, bytes);
            numbers_begin(&n, a, a->start + first * a->N);
            for (int64_t k = 0; k < count; k++) rejected[first + k + 1] = tally_rows(&n, a->N, tallies + k);
            sum_resamples(a, first, count, tallies);
        }
        free(tallies);
    }
    return !failed;
}

// sums[b] = sum of N rows drawn with replacement, from the 32-bit draw `start` on; `end` is the draw after the last
// one. state: {upper, lower half of the state, of the increment} of a fresh np.random.PCG64.
//: bootstrap_sums(statistics:f[N,K], state:u64[4], start:n>=0, resamples:n>=1) -> sums:f[resamples,K], end:l[1]
//:     where N > 0; K > 0; N * resamples <= 134217728; start <= 1000000000000000000
KERNEL(bootstrap_sums)
{
    int64_t *rejected = malloc((size_t)(a->resamples + 1) * sizeof *rejected); // before each resample
    const int team = sq_team(2 * a->resamples * a->N);
    if (!rejected || !sum_blocks(a, team, rejected)) {
        free(rejected);
        return sq_no_memory;
    }
    rejected[0] = 0;
    for (int64_t b = 0; b < a->resamples; b++) rejected[b + 1] += rejected[b];
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t b = 0; b < a->resamples; b++) {
        const int64_t begin = a->start + b * a->N, end = begin + a->N;
        real *sums = a->sums + b * a->K;
        add_rows(a, begin, rejected[b], -1, sums);
        const int64_t draws = add_rows(a, end, rejected[b + 1], 1, sums);
        if (b == a->resamples - 1) a->end[0] = end + draws;
    }
    free(rejected);
    return NULL;
}
