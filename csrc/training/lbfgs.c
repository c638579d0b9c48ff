// The vector arithmetic of limited-memory BFGS. Sums are made block by block and then over the blocks in their order,
// so that they are the same for any number of threads.
//
// Nocedal, "Updating quasi-Newton matrices with limited storage", Mathematics of Computation 1980.
#include "base/scratch.h"
#include "lbfgs_args.h"
#include "vec/dot.h"

enum { BLOCK = 4096 };

static double sum_of(const double *parts, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += parts[i];
    return sum;
}

ALWAYS_INLINE double dot(const real *x, const real *y, int64_t n)
{
    const dot_sums sums = dot_groups(x, y, n);
    real rest = 0;
    for (int64_t i = sums.done; i < n; i++) rest += x[i] * y[i];
    return (double)dot_total(sums) + (double)rest;
}

static void add_times(real *x, const real *y, real factor, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) vf_store(x + i, vf_load(x + i) + vf_load(y + i) * factor);
    for (; i < n; i++) x[i] += y[i] * factor;
}

static void scale(real *x, real factor, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] *= factor;
}

// sum = x . y
//: lbfgs_dot(x:f[N], y:f[N]) -> sum:f64[1]
KERNEL(lbfgs_dot)
{
    const int64_t count = blocks(a->N, BLOCK);
    double *parts = sq_scratch_take((size_t)(count + 1) * sizeof(double));
    if (!parts) return sq_no_memory;
#pragma omp parallel for num_threads(sq_team(a->N))
    for (int64_t b = 0; b < count; b++)
        parts[b] = dot(a->x + b * BLOCK, a->y + b * BLOCK, least(BLOCK, a->N - b * BLOCK));
    a->sum[0] = sum_of(parts, count);
    sq_scratch_give(parts);
    return NULL;
}

// Remembers a step: step = x - x_before, change = gradient - gradient_before; products = {change . step,
// change . change}.
//: lbfgs_remember(x:f[N], x_before:f[N], gradient:f[N], gradient_before:f[N], step+f[N], change+f[N])
//:     -> products:f64[2]
KERNEL(lbfgs_remember)
{
    const int64_t count = blocks(a->N, BLOCK);
    double *parts = sq_scratch_take((size_t)(2 * count + 1) * sizeof(double));
    if (!parts) return sq_no_memory;
#pragma omp parallel for num_threads(sq_team(4 * a->N))
    for (int64_t b = 0; b < count; b++) {
        const int64_t from = b * BLOCK, size = least(BLOCK, a->N - from);
        for (int64_t i = from; i < from + size; i++) {
            a->step[i] = a->x[i] - a->x_before[i];
            a->change[i] = a->gradient[i] - a->gradient_before[i];
        }
        parts[b] = dot(a->change + from, a->step + from, size);
        parts[count + b] = dot(a->change + from, a->change + from, size);
    }
    a->products[0] = sum_of(parts, count);
    a->products[1] = sum_of(parts + count, count);
    sq_scratch_give(parts);
    return NULL;
}

// Computes -H slope by the two-loop recursion, H the inverse Hessian that the remembered steps tell of: rows `order` of
// steps and changes, the oldest first; products = change . step of each row. `factor` scales the first guess of H.
//: lbfgs_descent(slope:f[N], steps:f[M,N], changes:f[M,N], products:f64[M], order:l[R]<M, factor:d) -> direction:f[N]
KERNEL(lbfgs_descent)
{
    const int64_t count = blocks(a->N, BLOCK), R = a->R;
    double *parts = sq_scratch_take((size_t)(times(2 * R + 1, count + 1) + R + 1) * sizeof(double));
    if (!parts) return sq_no_memory;
    double *alpha = parts + (2 * R + 1) * (count + 1);
#pragma omp parallel num_threads(sq_team(4 * a->N * (R + 1)))
    {
        // Stage k takes off, or adds, what the sum of stage k - 1 tells; then it makes the blocks of the next sum.
        for (int64_t k = 0; k <= 2 * R; k++) {
            const bool back = k <= R; // from the newest to the oldest row, then forward again
            const int64_t done = back ? R - k : k - R - 1, next = k < R ? R - 1 - k : k - R;
            const int64_t row = k > 0 ? a->order[done] : 0;
            double factor = 0;
            if (k > 0) {
                factor = sum_of(parts + (k - 1) * count, count) / a->products[row];
                if (back) {
#pragma omp single nowait
                    alpha[done] = factor;
                    factor = -factor;
                } else {
                    factor = alpha[done] - factor;
                }
            }
#pragma omp for schedule(static)
            for (int64_t b = 0; b < count; b++) {
                const int64_t from = b * BLOCK, size = least(BLOCK, a->N - from);
                real *d = a->direction + from;
                if (k == 0)
                    for (int64_t i = 0; i < size; i++) d[i] = -a->slope[from + i];
                else
                    add_times(d, (back ? a->changes : a->steps) + row * a->N + from, (real)factor, size);
                if (k == R) scale(d, (real)a->factor, size);
                if (k == 2 * R) continue;
                const int64_t other = a->order[next];
                parts[k * count + b] = dot(d, (k < R ? a->steps : a->changes) + other * a->N + from, size);
            }
        }
    }
    sq_scratch_give(parts);
    return NULL;
}
