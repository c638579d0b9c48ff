// What a Watch measures of the arrays that pass by: one pass over each.
#include "layers/moments.h"
#include "training/pieces.h"
#include "watch_args.h"

// What is known of some numbers: how many they are, their mean, the sum of (x - mean)^2, and counts.
struct figures {
    int64_t count;
    double mean, squares;
    int64_t zeros, outside, finite;
};

static int64_t true_lanes(vi counter) // which counts them down
{
    lane_bits lane[LANES];
    memcpy(lane, &counter, sizeof lane);
    int64_t sum = 0;
    for (int i = 0; i < LANES; i++) sum -= lane[i];
    return sum;
}

// Measures one piece, which stays in the first-level cache.
static struct figures piece_figures(const real *x, int64_t n, real low, real high)
{
    vi zeros = {0}, outside = {0}, finite = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        const bool whole = n - i >= LANES;
        const vf y = whole ? vf_load(x + i) : vf_load_part(x + i, n - i);
        const vi there = vf_first(whole ? LANES : n - i);
        zeros += (y == 0) & there;
        outside += ((y < low) | (y > high)) & there;
        finite += (y - y == 0) & there;
    }
    double sum = (double)row_sum(x, n);
    if (!isfinite(sum)) sum = wide_sum(x, 0, false, n);
    const double mean = sum / (double)n;
    double squares = (double)row_squares(x, (real)mean, n);
    if (!isfinite(squares)) squares = wide_sum(x, mean, true, n);
    return (struct figures){n, mean, squares, true_lanes(zeros), true_lanes(outside), true_lanes(finite)};
}

// Merges the figures of two sets (Chan, Golub, LeVeque 1983).
static struct figures merge(struct figures a, struct figures b)
{
    if (a.count == 0) return b;
    const double gap = b.mean - a.mean, share = (double)b.count / (double)(a.count + b.count);
    return (struct figures){.count = a.count + b.count,
                            .mean = a.mean + gap * share,
                            .squares = a.squares + b.squares + gap * gap * share * (double)a.count,
                            .zeros = a.zeros + b.zeros,
                            .outside = a.outside + b.outside,
                            .finite = a.finite + b.finite};
}

// moments: mean, sum of (x - mean)^2; counts: zeros, outside of [low, high], finite
//: watch_figures(x:f[N], low:d, high:d) -> moments:f64[2], counts:l[3]
KERNEL(watch_figures)
{
    const int64_t pieces = pieces_in(a->N);
    const real low = (real)a->low, high = (real)a->high;
    struct figures *part = malloc(((size_t)pieces + 1) * sizeof *part), all = {0};
    if (!part) return sq_no_memory;
#pragma omp parallel for num_threads(sq_team(2 * a->N)) schedule(static)
    for (int64_t p = 0; p < pieces; p++) {
        const int64_t begin = p * PIECE;
        part[p] = piece_figures(a->x + begin, least(PIECE, a->N - begin), low, high);
    }
    for (int64_t p = 0; p < pieces; p++) all = merge(all, part[p]);
    free(part);
    a->moments[0] = all.mean, a->moments[1] = all.squares;
    a->counts[0] = all.zeros, a->counts[1] = all.outside, a->counts[2] = all.finite;
    return NULL;
}

static bool any_active(const real *x, int64_t n)
{
    enum { STEP = 64 };
    for (int64_t i = 0; i < n; i += STEP) {
        int32_t active = 0;
        const int64_t end = least(n, i + STEP);
        for (int64_t j = i; j < end; j++) active |= x[j] != 0;
        if (active) return true;
    }
    return false;
}

// last[u] = number where unit u is not zero everywhere. A unit is not looked at again when it was seen active: for most
// units that takes a few rows.
//: watch_active(x:f[A,U,B], last+l[U], number:n>=0)
KERNEL(watch_active)
{
    for (int64_t u = 0; u < a->U; u++) a->last[u] = a->last[u] == a->number ? a->number - 1 : a->last[u];
    int64_t silent = a->U;
    for (int64_t i = 0; i < a->A && silent > 0; i++)
        for (int64_t u = 0; u < a->U; u++)
            if (a->last[u] != a->number && any_active(a->x + (i * a->U + u) * a->B, a->B))
                a->last[u] = a->number, silent--;
    return NULL;
}

// change = |now - before| / |before| of each array; NaN where it was zero
//: watch_change(now*f[], before*f[], count:n) -> change:f64[count]
KERNEL(watch_change)
{
    if (a->count != a->now_count) return "count: expected the number of arrays";
    int64_t count = 0;
    for (int64_t k = 0; k < a->now_count; k++) count += pieces_in(a->now_size[k]);
    double (*part)[2] = malloc(((size_t)count + 1) * sizeof *part);
    if (!part) return sq_no_memory;
    const int team = sq_team(2 * pieces_elements(a->now_size, a->now_count));
#pragma omp parallel num_threads(team)
    {
        struct pieces p = pieces_of_thread(a->now_size, a->now_count);
        while (pieces_next(&p)) {
            const real *now = a->now[p.at.k], *before = a->before[p.at.k];
            double moved = 0, size = 0;
#pragma omp simd reduction(+ : moved, size)
            for (int64_t i = p.at.begin; i < p.at.end; i++) {
                const double b = (double)before[i], d = (double)now[i] - b;
                moved += d * d;
                size += b * b;
            }
            part[p.at.number][0] = moved, part[p.at.number][1] = size;
        }
    }
    for (int64_t k = 0, number = 0; k < a->now_count; k++) {
        double moved = 0, size = 0;
        for (int64_t i = pieces_in(a->now_size[k]); i > 0; i--, number++)
            moved += part[number][0], size += part[number][1];
        a->change[k] = size > 0 ? sqrt(moved / size) : (double)NAN;
    }
    free(part);
    return NULL;
}
