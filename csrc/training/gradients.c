// The norm of all gradients together and of each, and clipping them.
#include "gradients_args.h"
#include "training/pieces.h"
#include "vec/vec.h"

static double sum_of_squares(const real *x, int64_t n)
{
    vf s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        const vf x0 = vf_load(x + i), x1 = vf_load(x + i + LANES);
        const vf x2 = vf_load(x + i + 2 * LANES), x3 = vf_load(x + i + 3 * LANES);
        s0 += x0 * x0;
        s1 += x1 * x1;
        s2 += x2 * x2;
        s3 += x3 * x3;
    }
    double sum = (double)vf_sum((s0 + s1) + (s2 + s3));
    for (; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

// The largest |x|; NaN where there is one.
static double largest(const real *x, int64_t n)
{
    vf most = {0};
    vi nan = {0};
    real lane[LANES];
    for (int64_t i = 0; i < n; i += LANES) {
        if (n - i < LANES) memset(lane, 0, sizeof lane);
        const vf y = n - i < LANES ? vf_load(memcpy(lane, x + i, (size_t)(n - i) * sizeof *x)) : vf_load(x + i);
        nan |= y != y;
        most = vf_max(vf_max(-y, y), most);
    }
    vf_store(lane, vf_select(nan, vf_set((real)NAN), most));
    double result = 0;
    for (int l = 0; l < LANES; l++) result = lane[l] > result || isnan(lane[l]) ? (double)lane[l] : result;
    return result;
}

static double sum_of_powers(const real *x, int64_t n, double power)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += pow(fabs((double)x[i]), power);
    return sum;
}

// (sum |x|^power)^(1/power) over all arrays; an infinite power gives the largest |x|. Each piece gives a number, and
// these are combined in order.
//: gradients_norm(grads*f[], power:d=2) -> norm:f64[1]
KERNEL(gradients_norm)
{
    if (!(a->power > 0)) return "power: expected a number > 0";
    int64_t count = 0;
    for (int64_t k = 0; k < a->grads_count; k++) count += pieces_in(a->grads_size[k]);
    double *part = malloc(((size_t)count + 1) * sizeof *part);
    if (!part) return sq_no_memory;
    const bool maximum = isinf(a->power), square = a->power == 2;
    const int team = sq_team(pieces_elements(a->grads_size, a->grads_count));
#pragma omp parallel num_threads(team)
    {
        struct pieces p = pieces_of_thread(a->grads_size, a->grads_count);
        while (pieces_next(&p)) {
            const real *x = a->grads[p.at.k] + p.at.begin;
            const int64_t n = p.at.end - p.at.begin;
            part[p.at.number] = maximum ? largest(x, n) : square ? sum_of_squares(x, n) : sum_of_powers(x, n, a->power);
        }
    }
    double total = 0;
    for (int64_t i = 0; i < count; i++)
        if (maximum)
            total = part[i] > total || isnan(part[i]) ? part[i] : total;
        else
            total += part[i];
    a->norm[0] = maximum ? total : square ? sqrt(total) : pow(total, 1 / a->power);
    free(part);
    return NULL;
}

// sqrt(sum x^2) of each array
//: gradients_norms(grads*f[], count:n) -> norms:f64[count]
KERNEL(gradients_norms)
{
    if (a->count != a->grads_count) return "count: expected the number of grads";
    int64_t count = 0;
    for (int64_t k = 0; k < a->grads_count; k++) count += pieces_in(a->grads_size[k]);
    double *part = malloc(((size_t)count + 1) * sizeof *part);
    if (!part) return sq_no_memory;
    const int team = sq_team(pieces_elements(a->grads_size, a->grads_count));
#pragma omp parallel num_threads(team)
    {
        struct pieces p = pieces_of_thread(a->grads_size, a->grads_count);
        while (pieces_next(&p))
            part[p.at.number] = sum_of_squares(a->grads[p.at.k] + p.at.begin, p.at.end - p.at.begin);
    }
    const double *next = part;
    for (int64_t k = 0; k < a->grads_count; k++) {
        double total = 0;
        for (int64_t i = pieces_in(a->grads_size[k]); i > 0; i--) total += *next++;
        a->norms[k] = sqrt(total);
    }
    free(part);
    return NULL;
}

// x *= scale
//: gradients_scale(grads*+f[], scale:d)
KERNEL(gradients_scale)
{
    const int team = sq_team(pieces_elements(a->grads_size, a->grads_count));
    const real scale = (real)a->scale;
#pragma omp parallel num_threads(team)
    {
        struct pieces p = pieces_of_thread(a->grads_size, a->grads_count);
        while (pieces_next(&p)) {
            real *restrict x = a->grads[p.at.k];
            for (int64_t i = p.at.begin; i < p.at.end; i++) x[i] *= scale;
        }
    }
    return NULL;
}

// x = min(max(x, -bound), bound); NaN stays
//: gradients_clip(grads*+f[], bound:d)
KERNEL(gradients_clip)
{
    const int team = sq_team(pieces_elements(a->grads_size, a->grads_count));
    const real bound = (real)a->bound;
#pragma omp parallel num_threads(team)
    {
        struct pieces p = pieces_of_thread(a->grads_size, a->grads_count);
        while (pieces_next(&p)) {
            real *restrict x = a->grads[p.at.k];
            for (int64_t i = p.at.begin; i < p.at.end; i++) {
                const real above = x[i] < -bound ? -bound : x[i];
                x[i] = above > bound ? bound : above;
            }
        }
    }
    return NULL;
}
