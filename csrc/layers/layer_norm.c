// Layer norm and RMS norm of rows, of a sum with a residual if there is one.
#include "layer_norm_args.h"
#include "layers/norm_row.h"

static void forward_rows(const struct layer_norm_forward *a, int64_t row, int64_t rows)
{
    const int64_t n = a->D;
    const real *x = a->x + row * n;
    real *out = a->out + row * n;
    const row_norm norm = {a->weight, a->bias, a->eps, a->rms};
    row_moments m[NORM_ROWS];
    if (a->residual) {
        const real *residual = a->residual + row * n;
        real *sum = a->sum ? a->sum + row * n : out;
#pragma omp simd
        for (int64_t i = 0; i < rows * n; i++) sum[i] = x[i] + residual[i];
        x = sum;
    }
    norm_rows(out, x, &norm, rows, n, m);
    for (int64_t r = 0; r < rows; r++) {
        if (a->mean) a->mean[row + r] = m[r].mean;
        if (a->rstd) a->rstd[row + r] = m[r].rstd;
    }
}

// s = x + residual; out = (s - mean) * rstd * weight + bias, where rstd = 1 / sqrt(mean of (s - mean)^2 + eps); mean =
// 0 for RMS norm. `sum` is s, where there is a residual.
//: layer_norm_forward(x:f[N,D], weight?f[D], bias?f[D], residual?f[N,D], eps:d=1e-5, rms:p=0)
//:     -> out:f[N,D], sum?f[N,D], mean?f[N], rstd?f[N]
KERNEL(layer_norm_forward)
{
    if (a->sum && !a->residual) return "sum is x itself where there is no residual";
#pragma omp parallel for num_threads(sq_team(a->N * a->D)) schedule(static)
    for (int64_t row = 0; row < a->N; row += NORM_ROWS) forward_rows(a, row, least(NORM_ROWS, a->N - row));
    return NULL;
}

// Forward computes, for each row with h = (s - mean) * rstd:
//     out = h * weight + bias,  mean = sum(s) / D,  rstd = 1 / sqrt(sum((s - mean)^2) / D + eps)
// With g = grad * weight: ds = rstd * (g - sum(g) / D - h * sum(g * h) / D), without the middle term for RMS norm.
ALWAYS_INLINE void spread_row(const struct layer_norm_backward *a, int64_t row, const bool weighted)
{
    const int64_t n = a->D;
    const real *restrict grad = a->grad + row * n, *restrict x = a->x + row * n, *restrict weight = a->weight;
    real *restrict dx = a->dx + row * n;
    const real mean = a->rms ? 0 : a->mean[row], rstd = a->rstd[row];
    const row_sums sums = row_gradient(grad, weight, x, mean, n, weighted);
    const real sum = a->rms ? 0 : sums.sum / (real)n, dot = sums.dot * rstd * rstd / (real)n;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        dx[i] = ((weighted ? grad[i] * weight[i] : grad[i]) - sum - (x[i] - mean) * dot) * rstd;
    if (a->grad_sum) {
        const real *more = a->grad_sum + row * n;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) dx[i] += more[i];
    }
}

// Adds the sums over rows [first, last) of grad * h to dweight, of grad to dbias, column by column.
static void sum_rows(const struct layer_norm_backward *a, int64_t first, int64_t last, real *restrict dweight,
                     real *restrict dbias)
{
    const int64_t n = a->D;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        vf dw = vf_load(dweight + i), db = vf_load(dbias + i);
        for (int64_t row = first; row < last; row++) {
            const vf grad = vf_load(a->grad + row * n + i);
            dw += grad * (vf_load(a->x + row * n + i) - (a->rms ? 0 : a->mean[row])) * a->rstd[row];
            db += grad;
        }
        vf_store(dweight + i, dw), vf_store(dbias + i, db);
    }
    for (; i < n; i++)
        for (int64_t row = first; row < last; row++) {
            const real grad = a->grad[row * n + i];
            dweight[i] += grad * (a->x[row * n + i] - (a->rms ? 0 : a->mean[row])) * a->rstd[row];
            dbias[i] += grad;
        }
}

enum { BLOCK = 4 }; // rows whose grad and x are still in the cache when their columns are summed

static void backward_rows(const struct layer_norm_backward *a, int64_t first, int64_t last, real *dweight, real *dbias)
{
    for (int64_t at = first; at < last; at += BLOCK) {
        const int64_t end = least(last, at + BLOCK);
        if (!a->dx)
            ;
        else if (a->weight)
            for (int64_t row = at; row < end; row++) spread_row(a, row, true);
        else
            for (int64_t row = at; row < end; row++) spread_row(a, row, false);
        if (dweight) sum_rows(a, at, end, dweight, dbias);
    }
}

// The number of chunks of rows, each with its own partial sums. It depends on the sizes alone, so the sums do too.
static int64_t count_chunks(int64_t rows, int64_t columns)
{
    return most(1, least(64, least(rows * columns / 32768, rows / (4 * BLOCK))));
}

// The gradient of s, which is that of x and of the residual; grad_sum is the gradient that arrives at the output `sum`.
//: layer_norm_backward(grad:f[N,D], x:f[N,D], weight?f[D], mean?f[N], rstd:f[N], grad_sum?f[N,D], rms:p=0)
//:     -> dx?f[N,D], dweight?f[D], dbias?f[D]
KERNEL(layer_norm_backward)
{
    if (!a->rms && !a->mean) return "mean is needed unless rms";
    const bool sums = a->dweight || a->dbias;
    const int64_t chunks = count_chunks(a->N, a->D);
    real *partial = sums ? calloc((size_t)(2 * chunks * a->D + 1), sizeof(real)) : NULL;
    if (sums && !partial) return sq_no_memory;
#pragma omp parallel for num_threads(sq_team(2 * a->N * a->D)) schedule(static)
    for (int64_t c = 0; c < chunks; c++) {
        real *dweight = sums ? partial + 2 * c * a->D : NULL;
        backward_rows(a, c * a->N / chunks, (c + 1) * a->N / chunks, dweight, sums ? dweight + a->D : NULL);
    }
    for (int64_t c = 0; c < chunks && sums; c++)
        for (int64_t i = 0; i < a->D; i++) {
            const real *from = partial + 2 * c * a->D + i;
            if (a->dweight) a->dweight[i] = (c ? a->dweight[i] : 0) + from[0];
            if (a->dbias) a->dbias[i] = (c ? a->dbias[i] : 0) + from[a->D];
        }
    free(partial);
    return NULL;
}
