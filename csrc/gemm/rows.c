// The code of rows.h: weights that are packed once, and products of rows with them.
#include "base/scratch.h"
#include "gemm/finish.h"
#include "gemm/narrow_tiles.h"
#include "gemm/rows_pack.h"
#include "rows_args.h"

//= kind f32 bf16 i8
//= TAG 128

static packed_tag tag_of(enum rows_kind kind, int64_t K, int64_t N)
{
    return (packed_tag){.kind = {'r', 'o', 'w', 's'}, .lanes = kind == ROWS_F32 ? 0 : -1, .sizes = {kind, K, N}};
}

const char *rows_open(const uint8_t *packed, int64_t size, enum rows_kind kind, int64_t K, int64_t N,
                      struct rows_weight *w)
{
    const real *panels;
    const int64_t element = sizeof(real), needed = blocks(rows_bytes(kind, K, N), element);
    switch (read_tag((const real *)packed, size / element, needed, tag_of(kind, K, N), &panels)) {
    case PACKED_FITS: break;
    case PACKED_OTHER_SET: return "packed was made on another instruction set: pack the weight again";
    default: return "packed was not made from a weight of this shape, in this kind: pack the weight again";
    }
    *w = weight_at((void *)panels, kind, K, N);
    return NULL;
}

// Packs a weight. TAG bytes hold its tag.
//: rows_pack(weight~f32[N,K], kind:n) -> packed:u8[(N+63)/64*64*((K+3)/4*4+8)*(4/(kind+1))+TAG]
//:     where kind in kind; K <= 131072
KERNEL(rows_pack)
{
    _Static_assert(sizeof(packed_tag) + 63 <= ROWS_TAG, "the tag needs more room");
    const enum rows_kind kind = (enum rows_kind)a->kind;
    const int64_t apart = a->weight_stride[0], room = a->packed_size / (int64_t)sizeof(real);
    const struct rows_weight w =
        weight_at(write_tag((real *)a->packed, room, tag_of(kind, a->K, a->N)), kind, a->K, a->N);
    const gemm g = {.n = a->N, .k = a->K, .b = a->weight, .b_row = 1, .b_col = apart};
    const int64_t panels = rows_panels(&w), deep = round_up(a->K, 64);
    const int team = sq_team(a->N * a->K / 4);
    if (a->K == 0) return NULL;
    int8_t *bytes = sq_scratch_take((size_t)(deep * team));
    if (!bytes) return sq_no_memory;
    bool finite = true;
#pragma omp parallel for num_threads(team) schedule(static) reduction(&& : finite)
    for (int64_t p = 0; p < panels; p++) {
        if (kind == ROWS_F32) gemm_pack(&g, (real *)w.packed, p, p + 1);
        for (int64_t n = rows_panel_start(&w, p); kind != ROWS_F32 && n < rows_panel_start(&w, p + 1); n++) {
            const float *from = a->weight + n * apart;
            if (kind == ROWS_BF16) pack_bf16(&w, from, n);
            if (kind == ROWS_I8) pack_i8(&w, from, n, bytes + deep * omp_get_thread_num());
            finite = finite && (kind == ROWS_BF16 || isfinite(w.scale[n]));
        }
    }
    sq_scratch_give(bytes);
    return finite ? NULL : "weight has values that are not finite, which 8 bits cannot hold";
}

// Multiplies the rows of `job` by a panel.
static void multiply_panel(const narrow_tiles *tiles, const narrow_job *whole, int64_t rows)
{
    const int64_t width = (rows == 1 ? tiles->row_strips : tiles->strips) * tiles->strip;
    const int64_t parts = blocks(rows, tiles->tall);
    for (int64_t column = 0; column < whole->columns; column += width)
        for (int64_t i = 0; i < parts; i++) {
            const int64_t row = cut(rows, parts, i);
            narrow_job job = *whole;
            job.weights += column / tiles->strip * job.depth * LINE, job.columns -= column;
            job.x += row * job.x_row, job.out += row * job.out_row + column;
            if (job.scale) job.x_scale += row, job.scale += column, job.offset += column;
            if (job.bias) job.bias += column;
            tiles->tile[cut(rows, parts, i + 1) - row](&job);
        }
}

static void multiply_bf16(const struct rows_weight *w, const real *x, int64_t rows, int64_t x_row, real *out,
                          int64_t out_row, int64_t panel, int64_t panel_end)
{
    for (; panel < panel_end; panel++) {
        const int64_t column = panel * ROWS_PANEL;
        const narrow_job job = {.weights = (const char *)w->packed + panel * ROWS_PANEL * 2 * w->K,
                                .depth = w->K,
                                .x = (const int32_t *)x,
                                .x_row = x_row,
                                .bias = w->bias ? w->bias + column : NULL,
                                .out = out + column,
                                .out_row = out_row,
                                .columns = least(ROWS_PANEL, w->N - column)};
        multiply_panel(&bf16_tiles, &job, rows);
    }
}

// Makes pairs of the bytes of a row: bytes 0 and 2 of each step, then bytes 1 and 3.
static void spread_row(const int8_t *q, int64_t steps, int32_t *to)
{
    int64_t k = 0;
    for (; k + LANES <= steps; k += LANES) {
        const vi four = vi_load(q + 4 * k);
        vi_store(to + k, vi_low(four)), vi_store(to + steps + k, vi_high(four));
    }
    for (; k < steps; k++) {
        vi four = {0};
        memcpy(&four, q + 4 * k, 4);
        to[k] = vi_low(four)[0], to[steps + k] = vi_high(four)[0];
    }
}

static void multiply_i8(const struct rows_weight *w, const real *x, int64_t rows, int64_t x_row, real *out,
                        int64_t out_row, int64_t panel, int64_t panel_end, void *scratch)
{
    const int64_t steps = blocks(w->K, 4);
    float *x_scale = scratch;
    int32_t *words = (int32_t *)(x_scale + ROWS_BLOCK);
    const narrow_tiles *tiles = &pairs_tiles;
#if VI_QUADS
    const bool quads = vi_has_quads();
    if (quads) tiles = &quads_tiles;
#else
    const bool quads = false;
#endif
    for (int64_t r = 0; r < rows; r++) {
        int32_t *to = words + r * (quads ? 1 : 2) * steps;
        int8_t *bytes = (int8_t *)(quads ? to : to + 2 * steps); // of pairs: the next row's place, spread before that
        x_scale[r] = round_row(x + r * x_row, w->K, bytes);
        if (quads)
            for (int64_t k = 0; k < steps; k++) to[k] ^= (int32_t)0x80808080;
        else
            spread_row(bytes, steps, to);
    }
    for (; panel < panel_end; panel++) {
        const int64_t column = panel * ROWS_PANEL;
        const narrow_job job = {.weights = (const char *)w->packed + panel * ROWS_PANEL * 4 * steps,
                                .depth = steps,
                                .x = words,
                                .x_row = (quads ? 1 : 2) * steps,
                                .odd = steps,
                                .x_scale = x_scale,
                                .scale = w->scale + column,
                                .offset = w->offset + column,
                                .bias = w->bias ? w->bias + column : NULL,
                                .out = out + column,
                                .out_row = out_row,
                                .columns = least(ROWS_PANEL, w->N - column)};
        multiply_panel(tiles, &job, rows);
    }
}

void rows_multiply(const struct rows_weight *w, const real *x, int64_t rows, int64_t x_row, real *out, int64_t out_row,
                   int64_t first_panel, int64_t last_panel, void *scratch)
{
    const gemm g = {.m = rows,
                    .n = w->N,
                    .k = w->K,
                    .a = x,
                    .a_row = x_row,
                    .a_col = 1,
                    .packed = w->packed,
                    .c = out,
                    .c_row = out_row,
                    .alpha = 1,
                    .bias = w->bias};
    if (w->kind == ROWS_F32) {
        gemm_block(&g, 0, rows, first_panel, last_panel);
        return;
    }
    for (int64_t r = 0; r < rows; r += ROWS_BLOCK) {
        const int64_t count = least(ROWS_BLOCK, rows - r);
        if (w->kind == ROWS_BF16)
            multiply_bf16(w, x + r * x_row, count, x_row, out + r * out_row, out_row, first_panel, last_panel);
        else
            multiply_i8(w, x + r * x_row, count, x_row, out + r * out_row, out_row, first_panel, last_panel, scratch);
    }
}

// Narrows a weight to columns [first, first + columns), which are whole panels; false where they are not.
static bool take_columns(struct rows_weight *w, int64_t first, int64_t columns)
{
    if (columns == w->N) return true;
    if (w->kind == ROWS_F32 || first % ROWS_PANEL || ((first + columns) % ROWS_PANEL && first + columns != w->N))
        return false;
    const int64_t bytes = w->kind == ROWS_I8 ? round_up(w->K, 4) : 2 * w->K;
    w->N = columns, w->packed = (const char *)w->packed + first * bytes;
    if (w->kind == ROWS_I8) w->scale += first, w->offset += first;
    return true;
}

// Computes rows [row, row_end) and panels [panel, panel_end) of g->c with activation and residual, by blocks that the
// cache holds.
static void forward_part(const struct rows_weight *w, const gemm *g, int64_t row, int64_t row_end, int64_t panel,
                         int64_t panel_end, void *scratch)
{
    const int64_t column = rows_panel_start(w, panel), columns = rows_panel_start(w, panel_end) - column;
    for (; row < row_end && columns > 0; row += ROWS_BLOCK) {
        const int64_t rows = least(ROWS_BLOCK, row_end - row);
        rows_multiply(w, g->a + row * g->a_row, rows, g->a_row, g->c + row * g->c_row, g->c_row, panel, panel_end,
                      scratch);
        if (has_finish(g)) finish(g, row, (int)rows, column, columns);
    }
}

// out = act(x W + bias) + residual, with columns [first, first + columns) of a W [K -> N] that rows_pack packed; whole
// panels of them
//: rows_forward(x~f32[R,K], packed:u8[P], kind:n, all:n>=0, first:n>=0, columns:n>=0, bias?f32[columns],
//:              residual~?f32[R,columns], activation:n=0) -> out:f32[R,columns]
//:     where kind in kind; activation in linear.activation; first + columns <= all
KERNEL(rows_forward)
{
    struct rows_weight w;
    const char *problem = rows_open(a->packed, a->P, (enum rows_kind)a->kind, a->K, a->all, &w);
    if (problem) return problem;
    if (!take_columns(&w, a->first, a->columns))
        return "columns are taken by whole panels: first, and the end unless it is N, must be multiples of 64";
    w.bias = a->bias;
    const gemm g = {.m = a->R,
                    .a = a->x,
                    .a_row = a->x_stride[0],
                    .c = a->out,
                    .c_row = a->columns,
                    .activation = (int)a->activation,
                    .residual = a->residual,
                    .residual_row = a->residual_stride[0]};
    const int64_t panels = rows_panels(&w), tiles = blocks(a->R, NARROW_ROWS), work = a->K * a->columns;
    const int team = sq_team(a->R * work / (w.kind == ROWS_I8 ? 32 : 16) + work / 64);
    const bool by_panels = blocks(panels, team) * tiles <= blocks(tiles, team) * panels;
    void *scratch = sq_scratch_take((size_t)most(1, team * rows_scratch(&w)));
    if (!scratch) return sq_no_memory;
#pragma omp parallel num_threads(team)
    {
        const int part = omp_get_thread_num(), parts = omp_get_num_threads();
        void *own = (char *)scratch + part * rows_scratch(&w);
        if (by_panels)
            forward_part(&w, &g, 0, a->R, cut(panels, parts, part), cut(panels, parts, part + 1), own);
        else
            forward_part(&w, &g, cut(a->R, parts, part), cut(a->R, parts, part + 1), 0, panels, own);
    }
    sq_scratch_give(scratch);
    return NULL;
}

// out[r, k] = W[k, ids[r]], in float32
//: rows_unpack(packed:u8[P], kind:n, depth:n>=0, columns:n>=0, ids:l[R]) -> out:f32[R,depth]
//:     where kind in kind; kind > 0; 0 <= ids < columns
KERNEL(rows_unpack)
{
    struct rows_weight w;
    const char *problem = rows_open(a->packed, a->P, (enum rows_kind)a->kind, a->depth, a->columns, &w);
    if (problem) return problem;
#pragma omp parallel for num_threads(sq_team(a->R * a->depth)) schedule(static)
    for (int64_t r = 0; r < a->R; r++) unpack_column(&w, a->ids[r], a->out + r * a->depth);
    return NULL;
}
