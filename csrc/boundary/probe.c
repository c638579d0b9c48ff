// The call path's own test kernels: each uses one part of the signature language. tests/test_signatures.py calls them.
#include "base/team.h"
#include "probe_args.h"
#include "seqnn.h"

// Axis arithmetic, defaults, an optional output: out[b] = scale * sum(x[b]) in every column.
//: probe_axes(x:f[B,4H], offsets:l[B+1], stride:n>=1, scale:d=2) -> out:f[B,(H+stride-1)/stride+1], longest?l[B]
KERNEL(probe_axes)
{
    int64_t columns = (a->H + a->stride - 1) / a->stride + 1;
    for (int64_t b = 0; b < a->B; b++) {
        real sum = 0;
        for (int64_t i = 0; i < 4 * a->H; i++) sum += a->x[b * 4 * a->H + i];
        for (int64_t c = 0; c < columns; c++) a->out[b * columns + c] = (real)a->scale * sum;
        if (a->longest) a->longest[b] = (int64_t)((uint64_t)a->offsets[b + 1] - (uint64_t)a->offsets[b]);
    }
    return NULL;
}

// Strided rows and broadcast axes: out = x + y.
//: probe_strided(x~f[B~,T], y~?f[B,T]) -> out:f[B,T]
KERNEL(probe_strided)
{
    for (int64_t b = 0; b < a->B; b++)
        for (int64_t t = 0; t < a->T; t++)
            a->out[b * a->T + t] = a->x[b * a->x_stride[0] + t] + (a->y ? a->y[b * a->y_stride[0] + t] : 0);
    return NULL;
}

// Lists of arrays, updated in place: params[k] -= rate * grads[k].
//: probe_lists(params*+f[], grads*f[], rate:d)
KERNEL(probe_lists)
{
    for (int64_t k = 0; k < a->params_count; k++)
        for (int64_t i = 0; i < a->params_size[k]; i++) a->params[k][i] -= (real)a->rate * a->grads[k][i];
    return NULL;
}

// Every fixed element type, a value range, an optional in-place array.
//: probe_types(i8:i8[N], u16:u16[N], u32:u32[N], u64:u64[N], i:i[N]<V, l:l[N], u:u[N], b:b[N], f32:f32[N], f64:f64[V],
//:     total+?f64[1], exact:p=0) -> sum:f64[N]
KERNEL(probe_types)
{
    for (int64_t n = 0; n < a->N; n++) {
        a->sum[n] = (double)a->i8[n] + a->u16[n] + a->u32[n] + (double)a->u64[n] + (double)a->l[n] + a->u[n] + a->b[n] +
                    (double)a->f32[n] + (a->exact ? 0 : a->f64[a->i[n]]);
        if (a->total) a->total[0] += a->sum[n];
    }
    return NULL;
}

//= MOST 1000
//= mode plain doubled

// Conditions, an enumeration and a constant; the size of an output: total = the sum of values at ids, times 2 in the
// mode "doubled"; ends = the number of elements of spans.
//: probe_conditions(ids:i[N], offsets:l[S+1], bounds?l[K,Q], values:f[V], first?f[V], second?f[V], mode:n=0,
//: window:n=1,
//:     share:d=0) -> total:f64[1], ends:l[1], spans?l[S,2]
//:     where -1 <= ids < V; offsets covers N; bounds ascends to N; first needs second; spans needs first;
//:     mode in mode; 1 <= window <= MOST and window <= N + 1; V % 2 == 0 or mode == mode.plain; share < 1
KERNEL(probe_conditions)
{
    double sum = 0;
    for (int64_t n = 0; n < a->N; n++) sum += a->ids[n] < 0 ? 0 : (double)a->values[a->ids[n]];
    a->total[0] = a->mode == PROBE_DOUBLED ? 2 * sum : sum;
    a->ends[0] = a->spans ? a->spans_size : -1;
    for (int64_t s = 0; a->spans && s < a->S; s++)
        a->spans[2 * s] = a->offsets[s], a->spans[2 * s + 1] = a->offsets[s + 1];
    return NULL;
}

//: probe_conditions_again = probe_conditions
KERNEL(probe_conditions_again) { return probe_conditions_body(a); }

// The size of the team that a region of that much work gets.
//: probe_team(work:n) -> size:i[1]
KERNEL(probe_team)
{
    int32_t size = 0;
#pragma omp parallel num_threads(sq_team(a->work)) reduction(max : size)
    size = (int32_t)omp_get_num_threads();
    a->size[0] = size;
    return NULL;
}

// The two ways to fail.
//: probe_fail(memory:p)
KERNEL(probe_fail) { return a->memory ? sq_no_memory : "this kernel always fails"; }

static void probe_work(void *context, int unit) { (void)context, (void)unit; }

static bool probe_next(void *context) { return --*(int64_t *)context > 0; }

// `count` empty phases of team.h, for the time of one, on the threads that a region of that much work gets.
//: probe_phases(count:n>=1, work:n) -> left:l[1] where count <= 1000000
KERNEL(probe_phases)
{
    const int threads = sq_team(a->work);
    struct team_line *claimed = calloc((size_t)threads, sizeof *claimed);
    if (!claimed) return sq_no_memory;
    a->left[0] = a->count;
    struct team team = {.phase = {.value = 1},
                        .claimed = claimed,
                        .units = threads,
                        .work = probe_work,
                        .next = probe_next,
                        .context = a->left};
#pragma omp parallel num_threads(threads)
    team_run(&team, omp_get_thread_num());
    free(claimed);
    return NULL;
}

// A walk through phases: each thread has its own number of those that are left, and all of them write to `done`.
struct probe_walker {
    int64_t left;
    int64_t *done;
};

static void probe_step(void *context, int unit)
{
    const struct probe_walker *w = context;
    w->done[unit] += w->left; // wrong where two threads do the same unit of a phase
}

static bool probe_next_step(void *context) { return --((struct probe_walker *)context)->left > 0; }

// For each unit of team_walk the sum of the phases that are left, `count` at first.
//: probe_walk(count:n>=1, units:n>=1) -> done:l[units] where count <= 1000000 and units <= 1000
KERNEL(probe_walk)
{
    struct team_unit *units = calloc((size_t)a->units, sizeof *units);
    if (!units) return sq_no_memory;
    memset(a->done, 0, (size_t)a->units * sizeof *a->done);
    const struct team_walk walk = {.units = units, .count = (int)a->units, .work = probe_step, .next = probe_next_step};
#pragma omp parallel num_threads(sq_team(1))
    {
        struct probe_walker own = {.left = a->count, .done = a->done};
        team_walk(&walk, omp_get_thread_num(), &own);
    }
    free(units);
    return NULL;
}
