// Pooling over windows of two axes (one is a special case), and over all of an axis.
#include "base/scratch.h"
#include "conv/pool_quads.h"
#include "pool_args.h"

//: max_pool_forward(x:f[N,C,H,W], rows:n>=0, columns:n>=0, kernel_y:n>=1, kernel_x:n>=1, stride_y:n>=1, stride_x:n>=1,
//:   top:n>=0, left:n>=0, dilation_y:n>=1, dilation_x:n>=1)
//:   -> y:f[N,C,rows,columns], index?i[N,C,rows,columns]
//:   where H * W < 2147483647; top <= 2147483647; left <= 2147483647;
//:   (rows - 1) * stride_y <= 2147483647; (columns - 1) * stride_x <= 2147483647;
//:   (kernel_y - 1) * dilation_y <= 2147483647; (kernel_x - 1) * dilation_x <= 2147483647
// y[n, c, p, q] = max over r, s of x[n, c, p * stride_y + r * dilation_y - top, ...], the first of equals; index = its
// place in the plane (an int32), 2^31 - 1 where the window has no element.
KERNEL(max_pool_forward)
{
    if (a->y_size == 0) return NULL;
    if (has_quads(a)) {
        max_of_quads(a);
        return NULL;
    }
    const int64_t planes = a->N * a->C, outputs = a->rows * a->columns;
    strip_buffer s = {.width = (a->columns - 1) * a->stride_x + (a->kernel_x - 1) * a->dilation_x + 1};
    s.stride = least(a->stride_x, s.width);
    s.pitch = round_up(s.width, s.stride);
    s.strip = most(1, least(a->rows, 4096 / s.pitch));
    const int64_t places = s.strip * s.pitch + s.width, results = s.strip * s.pitch / s.stride;
    const int64_t bytes = round_up((places + results) * (int64_t)(sizeof(real) + sizeof(int32_t)), 64) + 64;
    const int team = sq_team(planes * outputs * (a->kernel_y + a->kernel_x));
    char *memory = sq_scratch_take((size_t)times(team, bytes));
    if (!memory) return sq_no_memory;
#pragma omp parallel num_threads(team)
    {
        strip_buffer mine = s;
        mine.row = (real *)(memory + omp_get_thread_num() * bytes);
        mine.best = mine.row + places;
        mine.row_index = (int32_t *)(mine.best + results);
        mine.best_index = mine.row_index + places;
        for (int64_t i = 0; i < places; i++) mine.row[i] = -INFINITY, mine.row_index[i] = OUTSIDE;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < planes; i++)
            max_of_plane(a, &mine, a->x + i * a->H * a->W, a->y + i * outputs,
                         a->index ? a->index + i * outputs : NULL);
    }
    sq_scratch_give(memory);
    return NULL;
}

//: max_pool_backward(grad:f[N,C,P,Q], index:i[N,C,P,Q], height:n>=0, width:n>=0) -> dx:f[N,C,height,width]
// Forward computes y[n, c, p, q] = x[n, c, index[n, c, p, q]]
KERNEL(max_pool_backward)
{
    const int64_t planes = a->N * a->C, size = a->height * a->width, outputs = a->P * a->Q;
    const int team = sq_team(planes * (size + 2 * outputs));
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t plane = 0; plane < planes; plane++) {
        real *dx = a->dx + plane * size;
        const real *grad = a->grad + plane * outputs;
        const int32_t *index = a->index + plane * outputs;
        memset(dx, 0, (size_t)size * sizeof(real));
        for (int64_t i = 0; i < outputs; i++) {
            const int64_t at = index[i];
            if (at >= 0 && at < size) dx[at] += grad[i];
        }
    }
    return NULL;
}

// What a sum over a window is divided by.
static real count_of(int64_t rows, int64_t columns) { return (real)((double)rows * (double)columns); }

static void average_of_row(const struct avg_pool_forward *a, const real *x, int64_t p, real *sum, real *y)
{
    const int64_t begin = a->row_begin[p], end = a->row_end[p];
    if (begin < end)
        memcpy(sum, x + begin * a->W, (size_t)a->W * sizeof(real));
    else
        memset(sum, 0, (size_t)a->W * sizeof(real));
    for (int64_t row = begin + 1; row < end; row++)
        for (int64_t i = 0; i < a->W; i++) sum[i] += x[row * a->W + i];
    for (int64_t q = 0; q < a->Q; q++) {
        real total = 0;
        for (int64_t i = a->column_begin[q]; i < a->column_end[q]; i++) total += sum[i];
        y[q] = total / count_of(a->row_count[p], a->column_count[q]);
    }
}

//: avg_pool_forward(x:f[N,C,H,W], row_begin:l[P], row_end:l[P], row_count:l[P], column_begin:l[Q], column_end:l[Q],
//:   column_count:l[Q]) -> y:f[N,C,P,Q]
//:   where 0 <= row_begin <= H; 0 <= row_end <= H; 0 <= column_begin <= W; 0 <= column_end <= W
// y[n, c, p, q] = (sum of x[n, c, row_begin[p]:row_end[p], column_begin[q]:column_end[q]]) / (row_count[p]
// column_count[q])
KERNEL(avg_pool_forward)
{
    const int64_t planes = a->N * a->C, size = a->H * a->W;
    const int team = sq_team(planes * (size + a->P * a->Q));
    real *sums = sq_scratch_take((size_t)(team * (a->W + 16)) * sizeof(real));
    if (!sums) return sq_no_memory;
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t plane = 0; plane < planes; plane++)
        for (int64_t p = 0; p < a->P; p++)
            average_of_row(a, a->x + plane * size, p, sums + omp_get_thread_num() * (a->W + 16),
                           a->y + (plane * a->P + p) * a->Q);
    sq_scratch_give(sums);
    return NULL;
}

static void spread_row(const struct avg_pool_backward *a, const real *grad, int64_t p, real *spread, real *dx)
{
    memset(spread, 0, (size_t)a->width * sizeof(real));
    for (int64_t q = 0; q < a->Q; q++) {
        const real share = grad[q] / count_of(a->row_count[p], a->column_count[q]);
        for (int64_t i = a->column_begin[q]; i < a->column_end[q]; i++) spread[i] += share;
    }
    for (int64_t row = a->row_begin[p]; row < a->row_end[p]; row++)
        for (int64_t i = 0; i < a->width; i++) dx[row * a->width + i] += spread[i];
}

//: avg_pool_backward(grad:f[N,C,P,Q], row_begin:l[P], row_end:l[P], row_count:l[P], column_begin:l[Q], column_end:l[Q],
//:   column_count:l[Q], height:n>=0, width:n>=0) -> dx:f[N,C,height,width]
//:   where 0 <= row_begin <= height; 0 <= row_end <= height; 0 <= column_begin <= width; 0 <= column_end <= width
// Forward computes y[n, c, p, q] = (sum of x over the window) / (row_count[p] column_count[q])
KERNEL(avg_pool_backward)
{
    const int64_t planes = a->N * a->C, size = a->height * a->width;
    const int team = sq_team(planes * (size + a->P * a->Q));
    real *rows = sq_scratch_take((size_t)(team * (a->width + 16)) * sizeof(real));
    if (!rows) return sq_no_memory;
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t plane = 0; plane < planes; plane++) {
        memset(a->dx + plane * size, 0, (size_t)size * sizeof(real));
        for (int64_t p = 0; p < a->P; p++)
            spread_row(a, a->grad + (plane * a->P + p) * a->Q, p, rows + omp_get_thread_num() * (a->width + 16),
                       a->dx + plane * size);
    }
    sq_scratch_give(rows);
    return NULL;
}

enum { SPAN = 64 }; // elements that are compared before the loop may end

// The first place that holds `value`, or NaN where value is NaN; n where none does.
static int64_t find_value(const real *x, int64_t n, real value)
{
    int64_t at = 0;
    for (; at + SPAN <= n; at += SPAN) {
        int found = 0;
#pragma omp simd reduction(| : found)
        for (int64_t i = 0; i < SPAN; i++)
            found |= (x[at + i] == value) | ((value != value) & (x[at + i] != x[at + i]));
        if (found) break;
    }
    while (at < n && x[at] != value && !(value != value && x[at] != x[at])) at++;
    return at;
}

// The largest element, NaN where one is; its place is found in a second pass, from the cache.
static int32_t largest(const real *x, int64_t n, real *value)
{
    real best = -INFINITY;
    int nan = 0;
#pragma omp simd reduction(max : best) reduction(| : nan)
    for (int64_t i = 0; i < n; i++) {
        nan |= x[i] != x[i];
        best = x[i] > best ? x[i] : best;
    }
    *value = n == 0 ? 0 : nan ? NAN : best;
    return n == 0 ? -1 : (int32_t)find_value(x, n, *value);
}

// The same among the elements that take part.
static int32_t largest_of_mask(const real *x, const bool *mask, int64_t n, real *value)
{
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++)
        if (mask[i] && (best < 0 || x[i] > x[best] || (x[i] != x[i] && x[best] == x[best]))) best = i;
    *value = best < 0 ? 0 : x[best];
    return (int32_t)best;
}

//: global_max_forward(x:f[N,C,L], mask?b[N,L]) -> y:f[N,C], index:i[N,C] where L < 2147483647
// y[n, c] = max over i with mask[n, i] of x[n, c, i], index = the first that holds it; 0 and -1 where none takes part.
KERNEL(global_max_forward)
{
    const int team = sq_team(a->N * a->C * a->L);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < a->N * a->C; i++)
        a->index[i] = a->mask ? largest_of_mask(a->x + i * a->L, a->mask + i / a->C * a->L, a->L, a->y + i)
                              : largest(a->x + i * a->L, a->L, a->y + i);
    return NULL;
}

static real mean(const real *x, const bool *mask, int64_t n)
{
    real sum = 0;
    int64_t count = 0;
#pragma omp simd reduction(+ : sum, count)
    for (int64_t i = 0; i < n; i++) {
        const bool here = !mask || mask[i];
        sum += here ? x[i] : 0;
        count += here;
    }
    return count ? sum / (real)count : 0;
}

//: global_avg_forward(x:f[N,C,L], mask?b[N,L]) -> y:f[N,C]
// y[n, c] = mean over i with mask[n, i] of x[n, c, i]; 0 where none takes part
KERNEL(global_avg_forward)
{
    const int team = sq_team(a->N * a->C * a->L);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t i = 0; i < a->N * a->C; i++)
        a->y[i] = mean(a->x + i * a->L, a->mask ? a->mask + i / a->C * a->L : NULL, a->L);
    return NULL;
}

//: global_avg_backward(grad:f[N,C], mask?b[N,L], length:n>=0) -> dx:f[N,C,length] where not mask or L == length
// Forward computes y[n, c] = mean over i with mask[n, i] of x[n, c, i]
KERNEL(global_avg_backward)
{
    const int64_t length = a->length;
    const int team = sq_team(a->N * a->C * length);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t n = 0; n < a->N; n++) {
        const bool *mask = a->mask ? a->mask + n * length : NULL;
        int64_t count = mask ? 0 : length;
        for (int64_t i = 0; i < length && mask; i++) count += mask[i];
        for (int64_t c = 0; c < a->C; c++) {
            const real share = a->grad[n * a->C + c] / (real)most(1, count);
            real *dx = a->dx + (n * a->C + c) * length;
            for (int64_t i = 0; i < length; i++) dx[i] = !mask || mask[i] ? share : 0;
        }
    }
    return NULL;
}
