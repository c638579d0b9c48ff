// Softmax and log-softmax of rows, of all elements or of those that a mask lets take part.
#include "layers/row.h"
#include "softmax_args.h"

static bool hides_all(const bool *mask, int64_t n)
{
    bool any = false;
    for (int64_t i = 0; i < n; i++) any |= mask[i];
    return !any;
}

// Stores elements [at, at + ROW_BLOCK) of out = e^(x - max) / sum of them, or with `logs` of x - max - log(sum of
// e^(x - max)), for a row whose terms are known; past the caches or not.
ALWAYS_INLINE void finish_block(const row_terms *t, const real *x, const bool *mask, real *out, int64_t at, int64_t n,
                                const bool logs, bool stream)
{
    const int64_t end = least(n, at + ROW_BLOCK);
    if (mask && t->largest == -(real)INFINITY && hides_all(mask, n)) {
        memset(out + at, 0, (end - at) * sizeof(real));
        return;
    }
    const real rest = logs ? (real)log((double)t->sum) : 0, scale = logs ? 0 : row_factor(t, at) / t->sum;
    int64_t stop = at + (stream ? vf_unaligned_head(out + at, end - at) : 0);
    for (int64_t i = at; i < end; stop = end)
        for (; i < stop; i = stop - i < LANES ? stop : i + LANES) {
            if (logs)
                row_store(out, i, stop, row_load(x, mask, i, stop, -(real)INFINITY) - t->largest - rest,
                          stream && stop == end);
            else
                row_store(out, i, stop, row_load(t->e, NULL, i, stop, 0) * scale, stream && stop == end);
        }
}

// Rows are counted through axes A, B, C, which the mask may have with size 1.
ALWAYS_INLINE const bool *mask_row(const bool *mask, const int64_t *stride, int64_t row, int64_t B, int64_t C)
{
    return mask ? mask + row / C / B * stride[0] + row / C % B * stride[1] + row % C * stride[2] : NULL;
}

ALWAYS_INLINE const bool *mask_of(const struct softmax_forward *a, int64_t row, const bool masked)
{
    return masked ? mask_row(a->mask, a->mask_stride, row, a->B, a->C) : NULL;
}

// Computes rows [first, last): while the blocks of one are read, those of the row before are stored.
ALWAYS_INLINE void some_rows(const struct softmax_forward *a, int64_t first, int64_t last, row_terms *room, bool stream,
                             const bool masked, const bool logs)
{
    const int64_t n = a->K;
    for (int64_t row = first; row <= last; row++) {
        row_terms now = room[row % 2], before = room[(row + 1) % 2];
        row_first(&now);
        if (logs) now.e = NULL;
        for (int64_t at = 0; at < n; at += ROW_BLOCK) {
            if (row < last) row_block(&now, a->x + row * n, mask_of(a, row, masked), at, n);
            if (row == first) continue;
            finish_block(&before, a->x + (row - 1) * n, mask_of(a, row - 1, masked), a->out + (row - 1) * n, at, n,
                         logs, stream);
        }
        room[row % 2].largest = now.largest, room[row % 2].sum = now.sum;
    }
    if (stream) vf_stream_end();
}

// A function for each case, so that the mask costs nothing where there is none.
typedef void rows_of(const struct softmax_forward *a, int64_t first, int64_t last, row_terms *room, bool stream);
static void plain(const struct softmax_forward *a, int64_t first, int64_t last, row_terms *room, bool stream)
{
    some_rows(a, first, last, room, stream, false, false);
}
static void masked(const struct softmax_forward *a, int64_t first, int64_t last, row_terms *room, bool stream)
{
    some_rows(a, first, last, room, stream, true, false);
}
static void logs_plain(const struct softmax_forward *a, int64_t first, int64_t last, row_terms *room, bool stream)
{
    some_rows(a, first, last, room, stream, false, true);
}
static void logs_masked(const struct softmax_forward *a, int64_t first, int64_t last, row_terms *room, bool stream)
{
    some_rows(a, first, last, room, stream, true, true);
}

static const char *each_row(const struct softmax_forward *a, rows_of *some)
{
    const int64_t R = a->A * a->B * a->C;
    const bool stream = R * a->K * (int64_t)sizeof(real) >= ROW_STREAM_BYTES;
    const int team = sq_team(R * a->K * 4);
    row_terms *rooms = row_rooms(team, a->K);
    if (!rooms) return sq_no_memory;
#pragma omp parallel for num_threads(team) schedule(static)
    for (int t = 0; t < team; t++) some(a, cut(R, team, t), cut(R, team, t + 1), rooms + 2 * t, stream);
    free(rooms);
    return NULL;
}

// The mask says which elements take part; a row in which none does gives zeros.
//: softmax_forward(x:f[A,B,C,K], mask~?b[A~,B~,C~,K]) -> out:f[A,B,C,K]
KERNEL(softmax_forward) { return each_row(a, a->mask ? masked : plain); }

// Elements that take no part become -inf; a row in which none does gives zeros.
//: log_softmax_forward = softmax_forward
KERNEL(log_softmax_forward) { return each_row(a, a->mask ? logs_masked : logs_plain); }

// out = softmax x: grad_x = out (grad - sum(grad out))
static void softmax_slope(const real *grad, const real *out, real *grad_x, int64_t n, bool stream)
{
    vf a = vf_set(0), b = a;
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        a += vf_load(grad + i) * vf_load(out + i);
        b += vf_load(grad + i + LANES) * vf_load(out + i + LANES);
    }
    for (; i < n; i += LANES) a += row_load(grad, NULL, i, n, 0) * row_load(out, NULL, i, n, 0);
    const real mean = vf_sum(a + b);
    i = stream ? vf_unaligned_head(grad_x, n) : 0;
    vf_store_part(grad_x, i, vf_load_part(out, i) * (vf_load_part(grad, i) - mean));
    for (; i < n; i += LANES)
        row_store(grad_x, i, n, row_load(out, NULL, i, n, 0) * (row_load(grad, NULL, i, n, 0) - mean), stream);
}

//: softmax_backward(grad:f[R,K], out:f[R,K]) -> grad_x:f[R,K]
KERNEL(softmax_backward)
{
    const bool stream = a->R * a->K * (int64_t)sizeof(real) >= ROW_STREAM_BYTES;
#pragma omp parallel num_threads(sq_team(a->R * a->K))
    {
#pragma omp for schedule(static)
        for (int64_t r = 0; r < a->R; r++)
            softmax_slope(a->grad + r * a->K, a->out + r * a->K, a->grad_x + r * a->K, a->K, stream);
        if (stream) vf_stream_end();
    }
    return NULL;
}

// out = log softmax x: grad_x = grad - e^out sum(grad), over the elements that take part; 0 for the others
ALWAYS_INLINE void log_softmax_slope(const real *grad, const real *out, const bool *mask, real *grad_x, int64_t n,
                                     bool stream)
{
    vf a = vf_set(0);
    for (int64_t i = 0; i < n; i += LANES) a += row_load(grad, mask, i, n, 0);
    const real sum = vf_sum(a);
    int64_t i = stream ? vf_unaligned_head(grad_x, n) : 0;
    if (i) {
        const vf p = vf_exp(row_load(out, mask, 0, i, -(real)INFINITY));
        vf_store_part(grad_x, i, row_load(grad, mask, 0, i, 0) - p * sum);
    }
    for (; i < n; i += LANES) {
        const vf p = vf_exp(row_load(out, mask, i, n, -(real)INFINITY));
        row_store(grad_x, i, n, row_load(grad, mask, i, n, 0) - p * sum, stream);
    }
}

//: log_softmax_backward(grad:f[A,B,C,K], out:f[A,B,C,K], mask~?b[A~,B~,C~,K]) -> grad_x:f[A,B,C,K]
KERNEL(log_softmax_backward)
{
    const int64_t R = a->A * a->B * a->C, n = a->K;
    const bool stream = R * n * (int64_t)sizeof(real) >= ROW_STREAM_BYTES;
#pragma omp parallel num_threads(sq_team(R * n * 4))
    {
#pragma omp for schedule(static)
        for (int64_t r = 0; r < R; r++) {
            const bool *mask = mask_row(a->mask, a->mask_stride, r, a->B, a->C);
            if (mask)
                log_softmax_slope(a->grad + r * n, a->out + r * n, mask, a->grad_x + r * n, n, stream);
            else
                log_softmax_slope(a->grad + r * n, a->out + r * n, NULL, a->grad_x + r * n, n, stream);
        }
        if (stream) vf_stream_end();
    }
    return NULL;
}
