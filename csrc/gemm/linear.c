// Matrix products: the linear layer, forward and backward, and batched multiplication. Holds the code of gemm.h.
#include "gemm/run.h"
#include "linear_args.h"
#include "vec/slope.h"

static bool batch_item(const gemm *first, int64_t i, int64_t a_next, int64_t b_next, int team)
{
    gemm g = *first;
    g.a += i * a_next, g.b += i * b_next, g.c += i * g.m * g.n;
    return gemm_run(&g, team);
}

// out[b] = A[b] B[b]. A product is shared by the threads, or, where there are many, each thread takes its own.
static const char *multiply_batch(const gemm *first, int64_t count, int64_t a_next, int64_t b_next)
{
    const int64_t work = first->m * first->n * first->k / 16;
    const int team = sq_team(work * count);
    const bool apart = count >= 2 * team || (count % team == 0 && count > 1);
    bool ok = true;
    if (apart && team > 1) {
#pragma omp parallel for num_threads(team) schedule(static) reduction(&& : ok)
        for (int64_t i = 0; i < count; i++) ok = batch_item(first, i, a_next, b_next, 1) && ok;
    } else {
        for (int64_t i = 0; i < count; i++) ok = batch_item(first, i, a_next, b_next, apart ? 1 : team) && ok;
    }
    return ok ? NULL : sq_no_memory;
}

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

// What a packed weight begins with. Lanes and vectors say which instruction set it is for.
typedef struct {
    char magic[8];
    int32_t element_bytes, lanes, vectors, start; // the panels begin at this element, on a 64-byte boundary
    int64_t k, n;
} packed_tag;

static packed_tag tag_of(int64_t k, int64_t n)
{
    return (packed_tag){{'s', 'q', 'p', 'a', 'n', 'e', 'l', 's'}, sizeof(real), LANES, GEMM_VECTORS, 0, k, n};
}

// Packs a weight for linear_forward.
//: linear_pack(weight~f[O,I]) -> packed:f[(O+15)/16*16*I+32]
KERNEL(linear_pack)
{
    const gemm g = {.n = a->O, .k = a->I, .b = a->weight, .b_row = 1, .b_col = a->weight_stride[0]};
    packed_tag tag = tag_of(a->I, a->O);
    const uintptr_t panels = ((uintptr_t)a->packed + sizeof tag + 63) / 64 * 64;
    tag.start = (int32_t)((panels - (uintptr_t)a->packed) / sizeof(real));
    memset(a->packed, 0, ((a->O + 15) / 16 * 16 * a->I + 32) * sizeof(real));
    memcpy(a->packed, &tag, sizeof tag);
    const int64_t count = gemm_panels(a->O);
#pragma omp parallel for num_threads(sq_team(a->O * a->I / 4)) schedule(static)
    for (int64_t p = 0; p < count; p++) gemm_pack(&g, a->packed + tag.start, p, p + 1);
    return NULL;
}

// The panels inside a packed weight; NULL where it does not fit.
static const real *unpack_tag(const real *packed, int64_t size, int64_t k, int64_t n)
{
    packed_tag found, expected = tag_of(k, n);
    if (size * (int64_t)sizeof(real) < (int64_t)sizeof found) return NULL;
    memcpy(&found, packed, sizeof found);
    expected.start = found.start;
    if (memcmp(&found, &expected, sizeof found) || found.start < 0) return NULL;
    return found.start + gemm_packed_size(k, n) <= size ? packed + found.start : NULL;
}

// out = act(x weight^T + bias) + residual, pre = x weight^T + bias
//: linear_forward(x~f[N,I], weight~f[O,I], bias?f[O], residual~?f[N,O], activation:n=0, packed?f[P])
//:     -> out:f[N,O], pre?f[N,O]
KERNEL(linear_forward)
{
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
              .activation = (enum gemm_activation)a->activation,
              .pre = a->pre,
              .pre_row = a->O,
              .residual = a->residual,
              .residual_row = a->residual_stride[0]};
    if (a->activation < GEMM_LINEAR || a->activation > GEMM_TANH) return "activation is a number from 0 to 6";
    if (a->packed) {
        g.packed = unpack_tag(a->packed, a->P, a->I, a->O);
        if (!g.packed)
            return "packed was not made by linear_pack from a weight of this shape and dtype on this instruction set: "
                   "pack the weight again";
    }
    return gemm_run(&g, gemm_team(&g)) ? NULL : sq_no_memory;
}

// Rows of a batch that backward takes at a time: their gradient is read from the caches by all three results.
enum { BATCH_ROWS = 512, SUM_ROWS = 128, SUM_COLUMNS = 64 };

// Adds the sums of columns [column, column_end) in blocks of rows, which keeps the rounding error of long sums small.
static void sum_columns(const real *grad, int64_t grad_row, int64_t rows, real *sums, int64_t column,
                        int64_t column_end)
{
    for (int64_t j = column; j < column_end; j += LANES) {
        const int64_t part = smaller(LANES, column_end - j);
        vf total = vf_load_part(sums + j, part);
        for (int64_t row = 0; row < rows; row += SUM_ROWS) {
            const int64_t end = smaller(rows, row + SUM_ROWS);
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
        sum_columns(grad, grad_row, rows, sums, j, smaller(columns, j + SUM_COLUMNS));
}

#define SLOPE(function)                                                                                                \
    do {                                                                                                               \
        for (; j + LANES <= n; j += LANES) vf_store(out + j, function(vf_load(grad + j), vf_load(y + j)));             \
        if (j < n) vf_store_part(out + j, n - j, function(vf_load_part(grad + j, n - j), vf_load_part(y + j, n - j))); \
    } while (0)

static void slope_row(enum gemm_activation activation, const real *grad, const real *y, real *restrict out, int64_t n)
{
    int64_t j = 0;
    switch (activation) {
    case GEMM_LINEAR: break;
    case GEMM_RELU: SLOPE(vf_relu_slope); break;
    case GEMM_GELU: SLOPE(vf_gelu_slope); break;
    case GEMM_GELU_TANH: SLOPE(vf_gelu_tanh_slope); break;
    case GEMM_SILU: SLOPE(vf_silu_slope); break;
    case GEMM_SIGMOID: SLOPE(vf_sigmoid_slope); break;
    case GEMM_TANH: SLOPE(vf_tanh_slope); break;
    }
}

// out = act(z) + residual, z = x weight^T + bias. With g = grad act'(z), of `saved` (the result of relu, sigmoid and
// tanh, z of the others): grad_x = g weight, grad_weight = g^T x, grad_bias = the column sums of g
//: linear_backward(grad~f[N,O], x~f[N,I], weight~f[O,I], activation:n=0, saved~?f[N,O])
//:     -> grad_x?f[N,I], grad_weight?f[O,I], grad_bias?f[O]
KERNEL(linear_backward)
{
    const int64_t grad_row = a->grad_stride[0], x_row = a->x_stride[0], weight_row = a->weight_stride[0];
    real *packed = NULL, *slopes = NULL;
    bool ok = true;
    if (a->activation < GEMM_LINEAR || a->activation > GEMM_TANH) return "activation is a number from 0 to 6";
    if (!a->saved != (a->activation == GEMM_LINEAR)) return "saved belongs to an activation, and none to 0";
    if (a->grad_bias) memset(a->grad_bias, 0, a->O * sizeof(real));
    if (a->grad_weight && a->N == 0) memset(a->grad_weight, 0, a->O * a->I * sizeof(real));
    if (a->saved) {
        slopes = sq_scratch_take(smaller(BATCH_ROWS, a->N) * a->O * sizeof(real));
        if (!slopes) return sq_no_memory;
    }
    if (a->grad_x && a->N > BATCH_ROWS) {
        const gemm g = {.n = a->I, .k = a->O, .b = a->weight, .b_row = weight_row, .b_col = 1};
        packed = sq_scratch_take(gemm_packed_size(a->O, a->I) * sizeof(real));
        ok = packed != NULL;
        const int64_t panels = ok ? gemm_panels(a->I) : 0;
#pragma omp parallel for num_threads(sq_team(a->O * a->I / 4)) schedule(static)
        for (int64_t p = 0; p < panels; p++) gemm_pack(&g, packed, p, p + 1);
    }
    for (int64_t row = 0; row < a->N && ok; row += BATCH_ROWS) {
        const int64_t rows = smaller(BATCH_ROWS, a->N - row);
        const real *grad = slopes ? slopes : a->grad + row * grad_row;
        const int64_t g_row = slopes ? a->O : grad_row;
        if (slopes) {
#pragma omp parallel for num_threads(sq_team(rows * a->O * 4)) schedule(static)
            for (int64_t i = 0; i < rows; i++)
                slope_row((enum gemm_activation)a->activation, a->grad + (row + i) * grad_row,
                          a->saved + (row + i) * a->saved_stride[0], slopes + i * a->O, a->O);
        }
        if (a->grad_x) {
            const gemm g = {.m = rows,
                            .n = a->I,
                            .k = a->O,
                            .a = grad,
                            .a_row = g_row,
                            .a_col = 1,
                            .b = a->weight,
                            .b_row = weight_row,
                            .b_col = 1,
                            .packed = packed,
                            .c = a->grad_x + row * a->I,
                            .c_row = a->I,
                            .alpha = 1};
            ok = gemm_run(&g, gemm_team(&g));
        }
        if (a->grad_weight && ok) {
            const gemm g = {.m = a->O,
                            .n = a->I,
                            .k = rows,
                            .a = grad,
                            .a_row = 1,
                            .a_col = g_row,
                            .b = a->x + row * x_row,
                            .b_row = x_row,
                            .b_col = 1,
                            .c = a->grad_weight,
                            .c_row = a->I,
                            .alpha = 1,
                            .beta = row > 0};
            ok = gemm_run(&g, gemm_team(&g));
        }
        if (a->grad_bias) add_bias_gradient(grad, g_row, rows, a->grad_bias, a->O);
    }
    sq_scratch_give(slopes);
    sq_scratch_give(packed);
    return ok ? NULL : sq_no_memory;
}
