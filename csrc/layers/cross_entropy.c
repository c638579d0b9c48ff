// Cross-entropy of rows of logits against class numbers: loss and gradient from one reading of the logits, and no array
// of their size but the gradient.
//
//     loss = (1 - s) w_t (L - x_t) + s / C sum_c w_c (L - x_c),    L = log sum_c e^x_c
//     d loss / d x_c = ((1 - s) w_t + s / C sum w) p_c - (1 - s) w_t [c = t] - s / C w_c,    p = e^(x - L)
#include "base/scratch.h"
#include "cross_entropy_args.h"
#include "layers/row.h"

// What is the same for all rows. An array of targets may be changed by another thread meanwhile: the classes are a
// copy.
typedef struct {
    int64_t *classes;   // [N]: of the targets, -1 where a row does not count
    const real *weight; // NULL: all 1
    int64_t C;
    real sum_weight, smoothing; // the sum of w; s
    real target_share, uniform; // 1 - s, s / C
    bool stream;
} losses;

// Returns a message where something is wrong; else the caller gives o->classes back.
static const char *prepare(losses *o, const int64_t *target, int64_t N, int64_t ignore_index, const real *weight,
                           int64_t C, double smoothing)
{
    double sum = weight ? 0 : (double)C;
    for (int64_t c = 0; weight && c < C; c++) sum += (double)weight[c];
    *o = (losses){.classes = sq_scratch_take((size_t)N * sizeof(int64_t)),
                  .weight = weight,
                  .C = C,
                  .sum_weight = (real)sum,
                  .smoothing = (real)smoothing,
                  .target_share = (real)(1 - smoothing),
                  .uniform = (real)(smoothing / (double)C),
                  .stream = N * C * (int64_t)sizeof(real) >= ROW_STREAM_BYTES};
    if (!o->classes) return sq_no_memory;
    bool inside = true;
    for (int64_t r = 0; r < N; r++) {
        const int64_t t = target[r];
        o->classes[r] = t == ignore_index ? -1 : t;
        inside &= t == ignore_index || (t >= 0 && t < C);
    }
    if (inside) return NULL;
    sq_scratch_give(o->classes);
    return "target holds a class that is not in [0, C)";
}

// sum_c w_c x_c
static real weighted_sum(const losses *o, const real *x)
{
    vf sum = vf_set(0);
    for (int64_t i = 0; i < o->C; i += LANES) {
        vf value = row_load(x, NULL, i, o->C, 0);
        if (o->weight) value *= row_load(o->weight, NULL, i, o->C, 0);
        sum += value;
    }
    return vf_sum(sum);
}

static real loss(const losses *o, const real *x, int64_t target, real lse)
{
    const real w = o->weight ? o->weight[target] : 1;
    real value = o->target_share * w * (lse - x[target]);
    if (o->smoothing != 0) value += o->uniform * (o->sum_weight * lse - weighted_sum(o, x));
    return value;
}

static void zero_row(real *grad, int64_t n) { memset(grad, 0, n * sizeof(real)); }

// grad = scale e - uniform w
ALWAYS_INLINE void finish(const real *e, real *grad, int64_t n, vf scale, vf uniform, const real *weight, bool smooth,
                          bool stream)
{
    int64_t end = stream ? vf_unaligned_head(grad, n) : 0; // of the elements before the first aligned vector
    if (end == 0) end = n;
    for (int64_t i = 0; i < n; end = n) {
        for (; i < end; i = end - i < LANES ? end : i + LANES) {
            vf value = row_load(e, NULL, i, end, 0) * scale;
            if (smooth && weight)
                value -= row_load(weight, NULL, i, end, 0) * uniform;
            else if (smooth)
                value -= uniform;
            row_store(grad, i, end, value, stream);
        }
    }
}

// How the gradient of a row follows from e = e^(x - c) and their sum: `less` is taken off e[target], then all are
// multiplied by scale, and uniform w is taken off.
typedef struct {
    real less, scale, uniform;
} slope;

static slope slope_of(const losses *o, real sum, int64_t target, real factor)
{
    const real w = (o->weight ? o->weight[target] : 1) * o->target_share, share = w + o->uniform * o->sum_weight;
    return (slope){share != 0 ? w / share * sum : 0, factor * share / sum, factor * o->uniform};
}

// Computes grad from e for n classes of a block.
static void finish_part(const losses *o, const real *e, real *grad, const real *weight, int64_t n, const slope *s,
                        real factor)
{
    const vf scale = vf_set(s->scale * factor), uniform = vf_set(s->uniform);
    if (o->smoothing != 0)
        finish(e, grad, n, scale, uniform, weight, true, o->stream);
    else if (o->stream)
        finish(e, grad, n, scale, uniform, NULL, false, true);
    else
        finish(e, grad, n, scale, uniform, NULL, false, false);
}

// Stores the loss and lse (which may be NULL) of a row whose terms are complete. Returns the slope of its gradient, for
// which the block of the target is made ready.
static slope finish_loss(const struct cross_entropy_forward *a, const losses *o, int64_t r, const row_terms *t,
                         real factor)
{
    const int64_t target = o->classes[r], at = target / ROW_BLOCK * ROW_BLOCK;
    const real lse = t->largest + (real)log((double)t->sum);
    if (a->lse) a->lse[r] = lse;
    a->loss[r] = loss(o, a->logits + r * a->C, target, lse);
    const slope s = slope_of(o, t->sum, target, factor);
    if (a->grad) {
        const real own = row_factor(t, at);
        for (int64_t i = at; own != 1 && i < a->C && i < at + ROW_BLOCK; i++) t->e[i] *= own;
        t->e[target] -= s.less;
        t->shift[at / ROW_BLOCK] = t->largest;
    }
    return s;
}

// Computes rows [first, last): while the blocks of one are read, the gradient of the row before is stored, which may
// lie where its logits do.
static void some_rows(const struct cross_entropy_forward *a, const losses *o, int64_t first, int64_t last,
                      row_terms *room, real factor)
{
    const int64_t n = a->C;
    slope s = {0};
    bool pending = false; // the row before waits for its gradient
    for (int64_t row = first; row <= last; row++) {
        const bool counts = row < last && o->classes[row] >= 0;
        row_terms now = room[row % 2];
        const row_terms *before = &room[(row + 1) % 2];
        real *grad = a->grad && row < last ? a->grad + row * n : NULL,
             *previous = pending ? a->grad + (row - 1) * n : NULL;
        row_first(&now);
        if (!a->grad) now.e = NULL;
        for (int64_t at = 0; at < n; at += ROW_BLOCK) {
            if (counts) row_block(&now, a->logits + row * n, NULL, at, n);
            if (previous)
                finish_part(o, before->e + at, previous + at, o->weight ? o->weight + at : NULL,
                            least(ROW_BLOCK, n - at), &s, row_factor(before, at));
        }
        pending = counts && grad;
        room[row % 2].largest = now.largest, room[row % 2].sum = now.sum;
        if (counts)
            s = finish_loss(a, o, row, &now, factor);
        else if (row < last) {
            a->loss[row] = 0;
            if (a->lse) a->lse[row] = 0;
            if (grad) zero_row(grad, n);
        }
    }
    if (o->stream) vf_stream_end();
}

// Computes all rows, whose gradients are those of factor times the loss. False: no memory.
static bool all_rows(const struct cross_entropy_forward *a, const losses *o, real factor)
{
    const int team = sq_team(a->N * a->C * 4);
    row_terms *rooms = row_rooms(team, a->C);
    if (rooms) {
#pragma omp parallel for num_threads(team) schedule(static)
        for (int t = 0; t < team; t++)
            some_rows(a, o, cut(a->N, team, t), cut(a->N, team, t + 1), rooms + 2 * t, factor);
    }
    free(rooms);
    return rooms != NULL;
}

// lse = L, total = the sum of the losses, or their mean (over the weights of the targets) with `mean`, divisor = what
// it was divided by; grad is the gradient of total.
//: cross_entropy_forward(logits:f[N,C], target:l[N], weight?f[C], ignore_index:n, smoothing:d, mean:p)
//:     -> loss:f[N], lse:f[N], total:f[1], divisor:f64[1], grad?f[N,C]
KERNEL(cross_entropy_forward)
{
    losses o;
    const char *error = prepare(&o, a->target, a->N, a->ignore_index, a->weight, a->C, a->smoothing);
    if (error) return error;
    double divisor = a->mean ? 0 : 1;
    for (int64_t r = 0; r < a->N && a->mean; r++)
        if (o.classes[r] >= 0) divisor += a->weight ? (double)a->weight[o.classes[r]] : 1;
    const bool done = all_rows(a, &o, (real)(1 / divisor));
    sq_scratch_give(o.classes);
    if (!done) return sq_no_memory;
    double total = 0;
    for (int64_t r = 0; r < a->N; r++) total += (double)a->loss[r];
    a->total[0] = (real)(total / divisor);
    a->divisor[0] = divisor;
    return NULL;
}

// Writes the gradient of factor times the sum of the losses over the logits, which are in the cache by then.
//: cross_entropy_replace(logits+f[N,C], target:l[N], weight?f[C], ignore_index:n, smoothing:d, factor:d) -> loss:f[N]
KERNEL(cross_entropy_replace)
{
    losses o;
    const char *error = prepare(&o, a->target, a->N, a->ignore_index, a->weight, a->C, a->smoothing);
    if (error) return error;
    const struct cross_entropy_forward rows = {
        .logits = a->logits, .loss = a->loss, .grad = a->logits, .N = a->N, .C = a->C};
    o.stream = false;
    const bool done = all_rows(&rows, &o, (real)a->factor);
    sq_scratch_give(o.classes);
    return done ? NULL : sq_no_memory;
}

// Computes the gradient of row r from its lse, a block at a time.
static void fill_gradient(const struct cross_entropy_backward *a, const losses *o, int64_t r)
{
    real e[ROW_BLOCK] __attribute__((aligned(64)));
    const int64_t target = o->classes[r];
    const slope s = slope_of(o, 1, target, a->factor[r]);
    for (int64_t at = 0; at < a->C; at += ROW_BLOCK) {
        const int64_t n = least(ROW_BLOCK, a->C - at), own = target - at;
        row_exp(a->logits + r * a->C + at, NULL, n, a->lse[r], e);
        if (own >= 0 && own < n) e[own] -= s.less;
        finish_part(o, e, a->grad + r * a->C + at, o->weight ? o->weight + at : NULL, n, &s, 1);
    }
}

// The gradient again from lse: row r times factor[r].
//: cross_entropy_backward(logits:f[N,C], target:l[N], lse:f[N], factor:f[N], weight?f[C], ignore_index:n, smoothing:d)
//:     -> grad:f[N,C]
KERNEL(cross_entropy_backward)
{
    losses o;
    const char *error = prepare(&o, a->target, a->N, a->ignore_index, a->weight, a->C, a->smoothing);
    if (error) return error;
#pragma omp parallel num_threads(sq_team(a->N * a->C * 4))
    {
#pragma omp for schedule(static)
        for (int64_t r = 0; r < a->N; r++) {
            if (o.classes[r] < 0)
                zero_row(a->grad + r * a->C, a->C);
            else
                fill_gradient(a, &o, r);
        }
        if (o.stream) vf_stream_end();
    }
    sq_scratch_give(o.classes);
    return NULL;
}
