// The linear layer, forward and backward, and products of matrices and of stacks of them.
#include "base/scratch.h"
#include "gemm/gemm.h"
#include "gemm/packed_tag.h"
#include "linear_args.h"
#include "vec/slope.h"

// out = a b
//: matmul(a~~f[M,K], b~~f[K,N]) -> out:f[M,N]
KERNEL(matmul)
{
    const gemm g = {.m = a->M,
                    .n = a->N,
                    .k = a->K,
                    .a = a->a,
                    .a_row = a->a_stride[0],
                    .a_col = a->a_stride[1],
                    .b = a->b,
                    .b_row = a->b_stride[0],
                    .b_col = a->b_stride[1],
                    .c = a->out,
                    .c_row = a->N,
                    .alpha = 1};
    return gemm_run(&g, gemm_team(&g)) ? NULL : sq_no_memory;
}

static bool multiply_item(const gemm *first, int64_t i, int64_t a_next, int64_t b_next, int team)
{
    gemm g = *first;
    g.a += i * a_next, g.b += i * b_next, g.c += i * g.m * g.n;
    return gemm_run(&g, team);
}

// Computes out[b] = A[b] B[b]. The threads share each product, or where there are many, each thread takes its own.
static const char *multiply_batch(const gemm *first, int64_t count, int64_t a_next, int64_t b_next)
{
    const int64_t work = first->m * first->n * first->k / 16;
    const int team = sq_team(work * count);
    const bool apart = count >= 2 * team || (count % team == 0 && count > 1);
    bool ok = true;
    if (first->m == 0 || first->n == 0) return NULL;
    if (apart && team > 1) {
#pragma omp parallel for num_threads(team) schedule(static) reduction(&& : ok)
        for (int64_t i = 0; i < count; i++) ok = multiply_item(first, i, a_next, b_next, 1) && ok;
    } else {
        for (int64_t i = 0; i < count; i++) ok = multiply_item(first, i, a_next, b_next, apart ? 1 : team) && ok;
    }
    return ok ? NULL : sq_no_memory;
}

// out[b] = a[b] b[b]
//: matmul_batch(a~~f[B,M,K], b~~f[B,K,N]) -> out:f[B,M,N]
KERNEL(matmul_batch)
{
    const gemm first = {.m = a->M,
                        .n = a->N,
                        .k = a->K,
                        .a = a->a,
                        .a_row = a->a_stride[1],
                        .a_col = a->a_stride[2],
                        .b = a->b,
                        .b_row = a->b_stride[1],
                        .b_col = a->b_stride[2],
                        .c = a->out,
                        .c_row = a->N,
                        .alpha = 1};
    return multiply_batch(&first, a->B, a->a_stride[0], a->b_stride[0]);
}

static packed_tag tag_of(int64_t k, int64_t n)
{
    return (packed_tag){.kind = {'l', 'i', 'n', 'e', 'a', 'r'}, .sizes = {k, n}};
}

// Packs all panels of g->b, shared by threads.
static void pack_all(const gemm *g, real *packed)
{
    const int64_t panels = g->k ? gemm_panels(g->n) : 0;
#pragma omp parallel for num_threads(sq_team(g->n * g->k / 4)) schedule(static)
    for (int64_t p = 0; p < panels; p++) gemm_pack(g, packed, p, p + 1);
}

//= TAG 32

// Packs a weight for linear_forward. TAG elements hold its tag, in both float types.
//: linear_pack(weight~f[O,I]) -> packed:f[(O+15)/16*16*I+TAG]
KERNEL(linear_pack)
{
    _Static_assert(sizeof(packed_tag) + 63 <= LINEAR_TAG * sizeof(float), "the tag needs more room");
    const gemm g = {.n = a->O, .k = a->I, .b = a->weight, .b_row = 1, .b_col = a->weight_stride[0]};
    pack_all(&g, write_tag(a->packed, a->packed_size, tag_of(a->I, a->O)));
    return NULL;
}

//= activation none relu gelu gelu_tanh silu sigmoid tanh

// out = act(z) + residual, z = x weight^T + bias. `saved` is what linear_backward takes: act(z) of relu, sigmoid and
// tanh, act'(z) of gelu, gelu_tanh and silu.
//: linear_forward(x~f[N,I], weight~f[O,I], bias?f[O], residual~?f[N,O], activation:n=0, packed?f[P])
//:     -> out:f[N,O], saved?f[N,O] where activation in activation
KERNEL(linear_forward)
{
    if (a->saved && a->activation == LINEAR_NONE) return "saved belongs to an activation, and there is none";
    gemm g = {.m = a->N,
              .n = a->O,
              .k = a->I,
              .a = a->x,
              .a_row = a->x_stride[0],
              .a_col = 1,
              .b = a->weight,
              .b_row = 1,
              .b_col = a->weight_stride[0],
              .c = a->out,
              .c_row = a->O,
              .alpha = 1,
              .bias = a->bias,
              .activation = (int)a->activation,
              .saved = a->saved,
              .saved_row = a->O,
              .residual = a->residual,
              .residual_row = a->residual_stride[0]};
    if (a->packed) {
        switch (read_tag(a->packed, a->P, gemm_packed_size(a->I, a->O), tag_of(a->I, a->O), &g.packed)) {
        case PACKED_FITS: break;
        case PACKED_OTHER_SET: return "packed was made on another instruction set: pack the weight again";
        default: return "packed was not made from a weight of this shape and dtype: pack the weight again";
        }
    }
    return gemm_run(&g, gemm_team(&g)) ? NULL : sq_no_memory;
}

enum {
    BATCH_ROWS = 512, // rows that backward takes at a time: the caches hold their gradient for all three results
    SUM_ROWS = 128,   // rows of a partial sum of the bias gradient, which keeps the rounding error of long sums small
    SUM_COLUMNS = 64, // columns that a thread takes at a time
};

// Adds the sums of columns [column, column_end) to `sums`.
static void sum_columns(const real *grad, int64_t grad_row, int64_t rows, real *sums, int64_t column,
                        int64_t column_end)
{
    for (int64_t j = column; j < column_end; j += LANES) {
        const int64_t part = least(LANES, column_end - j);
        vf total = vf_load_part(sums + j, part);
        for (int64_t row = 0; row < rows; row += SUM_ROWS) {
            const int64_t end = least(rows, row + SUM_ROWS);
            const real *g = grad + row * grad_row + j;
            vf sum = {0};
            if (part == LANES)
                for (int64_t i = row; i < end; i++, g += grad_row) sum += vf_load(g);
            else
                for (int64_t i = row; i < end; i++, g += grad_row) sum += vf_load_part(g, part);
            total += sum;
        }
        vf_store_part(sums + j, part, total);
    }
}

static void add_bias_gradient(const real *grad, int64_t grad_row, int64_t rows, real *sums, int64_t columns)
{
    const int team = sq_team(rows * columns / 4);
    if (team == 1) {
        sum_columns(grad, grad_row, rows, sums, 0, columns);
        return;
    }
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t j = 0; j < columns; j += SUM_COLUMNS)
        sum_columns(grad, grad_row, rows, sums, j, least(columns, j + SUM_COLUMNS));
}

ALWAYS_INLINE vf vf_times(vf x, vf y) { return x * y; }

#define SLOPE(function)                                                                                                \
    do {                                                                                                               \
        for (; j + LANES <= n; j += LANES) vf_store(out + j, function(vf_load(grad + j), vf_load(y + j)));             \
        if (j < n) vf_store_part(out + j, n - j, function(vf_load_part(grad + j, n - j), vf_load_part(y + j, n - j))); \
    } while (0)

// out = grad act'(z), from what linear_forward saved.
static void slope_row(enum linear_activation activation, const real *grad, const real *y, real *restrict out, int64_t n)
{
    int64_t j = 0;
    switch (activation) {
    case LINEAR_NONE: break;
    case LINEAR_RELU: SLOPE(vf_relu_slope); break;
    case LINEAR_GELU:
    case LINEAR_GELU_TANH:
    case LINEAR_SILU: SLOPE(vf_times); break;
    case LINEAR_SIGMOID: SLOPE(vf_sigmoid_slope); break;
    case LINEAR_TANH: SLOPE(vf_tanh_slope); break;
    }
}

static void slope_rows(const struct linear_backward *a, int64_t row, int64_t rows, real *slopes)
{
#pragma omp parallel for num_threads(sq_team(rows * a->O * 4)) schedule(static)
    for (int64_t i = 0; i < rows; i++)
        slope_row((enum linear_activation)a->activation, a->grad + (row + i) * a->grad_stride[0],
                  a->saved + (row + i) * a->saved_stride[0], slopes + i * a->O, a->O);
}

// Adds what rows [row, row + rows) of the batch give, whose g lies at `grad`. False: no memory.
static bool add_rows(const struct linear_backward *a, int64_t row, int64_t rows, const real *grad, int64_t grad_row,
                     const real *packed)
{
    if (a->grad_x) {
        const gemm g = {.m = rows,
                        .n = a->I,
                        .k = a->O,
                        .a = grad,
                        .a_row = grad_row,
                        .a_col = 1,
                        .b = a->weight,
                        .b_row = a->weight_stride[0],
                        .b_col = 1,
                        .packed = packed,
                        .c = a->grad_x + row * a->I,
                        .c_row = a->I,
                        .alpha = 1};
        if (!gemm_run(&g, gemm_team(&g))) return false;
    }
    real *weight_sum = a->sum_weight ? a->sum_weight : a->grad_weight,
         *bias_sum = a->sum_bias ? a->sum_bias : a->grad_bias;
    if (weight_sum) {
        const gemm g = {.m = a->O,
                        .n = a->I,
                        .k = rows,
                        .a = grad,
                        .a_row = 1,
                        .a_col = grad_row,
                        .b = a->x + row * a->x_stride[0],
                        .b_row = a->x_stride[0],
                        .b_col = 1,
                        .c = weight_sum,
                        .c_row = a->I,
                        .alpha = 1,
                        .beta = row > 0 || a->sum_weight};
        if (!gemm_run(&g, gemm_team(&g))) return false;
    }
    if (bias_sum) add_bias_gradient(grad, grad_row, rows, bias_sum, a->O);
    return true;
}

// With g = grad act'(z), from what linear_forward saved: grad_x = g weight, grad_weight = g^T x, grad_bias = the column
// sums of g; or the latter two are added to sum_weight and sum_bias.
//: linear_backward(grad~f[N,O], x~f[N,I], weight~f[O,I], activation:n=0, saved~?f[N,O],
//:     sum_weight+?f[O,I], sum_bias+?f[O]) -> grad_x?f[N,I], grad_weight?f[O,I], grad_bias?f[O]
//:     where activation in activation
KERNEL(linear_backward)
{
    real *packed = NULL, *slopes = NULL;
    bool ok = true;
    if (!a->saved != (a->activation == LINEAR_NONE)) return "saved belongs to an activation, and to every one but none";
    if ((a->sum_weight && a->grad_weight) || (a->sum_bias && a->grad_bias))
        return "a gradient is either an output of its own, or is added to a sum";
    if (a->grad_bias) memset(a->grad_bias, 0, (size_t)a->O * sizeof(real));
    if (a->grad_weight && a->N == 0) memset(a->grad_weight, 0, (size_t)a->grad_weight_size * sizeof(real));
    if (a->O == 0 && a->I == 0) return NULL;
    if (a->saved) {
        slopes = sq_scratch_take((size_t)(least(BATCH_ROWS, a->N) * a->O) * sizeof(real));
        if (!slopes) return sq_no_memory;
    }
    if (a->grad_x && a->N > BATCH_ROWS) {
        const gemm g = {.n = a->I, .k = a->O, .b = a->weight, .b_row = a->weight_stride[0], .b_col = 1};
        packed = sq_scratch_take((size_t)gemm_packed_size(a->O, a->I) * sizeof(real));
        ok = packed != NULL;
        if (ok) pack_all(&g, packed);
    }
    for (int64_t row = 0; row < a->N && ok; row += BATCH_ROWS) {
        const int64_t rows = least(BATCH_ROWS, a->N - row);
        if (slopes) slope_rows(a, row, rows, slopes);
        ok = slopes ? add_rows(a, row, rows, slopes, a->O, packed)
                    : add_rows(a, row, rows, a->grad + row * a->grad_stride[0], a->grad_stride[0], packed);
    }
    sq_scratch_give(slopes);
    sq_scratch_give(packed);
    return ok ? NULL : sq_no_memory;
}
