// One step of an optimiser in one pass over all parameters, and the moving average of weights. A rule updates one
// register of elements; `x` holds the parameter, its gradient and the rule's state, each at the same element.
#include "optimizer_args.h"
#include "training/pieces.h"
#include "vec/vec.h"

enum { PARAM, GRAD, FIRST, SECOND, THIRD, ARRAYS };

// The numbers of a step that a rule reads, each for one parameter array.
struct numbers {
    real lr, scale, decay, keep; // keep: what decoupled decay leaves of the parameter
    real beta1, rest1, beta2, rest2, root, eps, momentum;
    bool nesterov;
};

typedef void rule(real *const *x, const struct numbers *c);

// Applies the rule to n elements. The last few go through a register of their own, so that every element of an array is
// computed alike.
ALWAYS_INLINE void sweep(rule apply, real *const *x, int64_t n, const struct numbers *c)
{
    real *at[ARRAYS];
    memcpy(at, x, sizeof at);
    int64_t left = n;
    for (; left >= LANES; left -= LANES) {
        apply(at, c);
        for (int j = 0; j < ARRAYS; j++)
            if (at[j]) at[j] += LANES;
    }
    if (left == 0) return;
    real lane[ARRAYS][LANES] = {{0}};
    real *end[ARRAYS] = {NULL};
    for (int j = 0; j < ARRAYS; j++)
        if (at[j]) end[j] = memcpy(lane[j], at[j], (size_t)left * sizeof(real));
    apply(end, c);
    for (int j = 0; j < ARRAYS; j++)
        if (at[j] && j != GRAD) memcpy(at[j], end[j], (size_t)left * sizeof(real));
}

// All arrays of a step: item k of every list (NULL where the rule has no such state), and the numbers of each.
struct step {
    real *const *list[ARRAYS];
    const int64_t *size;
    int64_t count;
    struct numbers *numbers;
};

ALWAYS_INLINE void sweep_all(rule apply, const struct step *s)
{
    const int team = sq_team(2 * pieces_elements(s->size, s->count));
#pragma omp parallel num_threads(team)
    {
        struct pieces p = pieces_of_thread(s->size, s->count);
        while (pieces_next(&p)) {
            real *x[ARRAYS];
            for (int j = 0; j < ARRAYS; j++) x[j] = s->list[j] ? s->list[j][p.at.k] + p.at.begin : NULL;
            sweep(apply, x, p.at.end - p.at.begin, &s->numbers[p.at.k]);
        }
    }
}

// Does the same for the rows `ids` of tables with D columns; the gradient has these rows only.
ALWAYS_INLINE void sweep_rows(rule apply, real *const *table, int64_t D, const int64_t *ids, int64_t N,
                              const struct numbers *c)
{
    const int team = sq_team(2 * N * D);
#pragma omp parallel for num_threads(team) schedule(static)
    for (int64_t n = 0; n < N; n++) {
        real *x[ARRAYS];
        for (int j = 0; j < ARRAYS; j++) x[j] = table[j] ? table[j] + (j == GRAD ? n : ids[n]) * D : NULL;
        sweep(apply, x, D, c);
    }
}

static bool increasing(const int64_t *ids, int64_t N)
{
    for (int64_t n = 1; n < N; n++)
        if (ids[n] <= ids[n - 1]) return false;
    return true;
}

static const char wrong_count[] = "step: expected one number for each of params";
static const char wrong_order[] = "ids: expected increasing row numbers";

// A list of gradients, which are only read, as one of arrays that could be written.
#define LIST(list) ((real *const *)(list))

// --- stochastic gradient descent

// g = scale * grad + weight_decay * p;  b = momentum * b + (1 - dampening) * g, at first b = g;
// p -= lr * (nesterov ? g + momentum * b : b)
ALWAYS_INLINE void sgd(real *const *x, const struct numbers *c)
{
    const vf p = vf_load(x[PARAM]);
    vf g = c->scale * vf_load(x[GRAD]) + c->decay * p;
    if (x[FIRST]) {
        const vf b = c->beta1 * vf_load(x[FIRST]) + c->rest1 * g;
        vf_store(x[FIRST], b);
        if (c->nesterov)
            g += c->momentum * b;
        else
            g = b;
    }
    vf_store(x[PARAM], p - c->lr * g);
}

//: sgd_step(params*+f[], grads*f[], step:l[K], lr:d, momentum:d=0, dampening:d=0, nesterov:p=0, weight_decay:d=0,
//:     scale:d=1, momentum_buffer*+?f[])
KERNEL(sgd_step)
{
    if (a->K != a->params_count) return wrong_count;
    struct numbers *c = malloc(((size_t)a->K + 1) * sizeof *c);
    if (!c) return sq_no_memory;
    for (int64_t k = 0; k < a->K; k++)
        c[k] = (struct numbers){.lr = (real)a->lr,
                                .scale = (real)a->scale,
                                .decay = (real)a->weight_decay,
                                .momentum = (real)a->momentum,
                                .nesterov = a->nesterov,
                                .beta1 = a->step[k] > 1 ? (real)a->momentum : 0,
                                .rest1 = a->step[k] > 1 ? (real)(1 - a->dampening) : 1};
    const struct step s = {{a->params, LIST(a->grads), a->momentum_buffer}, a->params_size, a->params_count, c};
    sweep_all(sgd, &s);
    free(c);
    return NULL;
}

// Plain descent on some rows: with a zero gradient the others stay as they are.
//: sgd_rows(param+f[V,D], grad:f[N,D], ids:l[N]<V, lr:d, scale:d=1)
KERNEL(sgd_rows)
{
    if (!increasing(a->ids, a->N)) return wrong_order;
    const struct numbers c = {.lr = (real)a->lr, .scale = (real)a->scale};
    real *const table[ARRAYS] = {a->param, (real *)a->grad};
    sweep_rows(sgd, table, a->D, a->ids, a->N, &c);
    return NULL;
}

// --- AdaGrad

// g = scale * grad + weight_decay * p;  s += g^2;  p -= lr / (1 + (step - 1) * lr_decay) * g / (sqrt(s) + eps)
ALWAYS_INLINE void adagrad(real *const *x, const struct numbers *c)
{
    const vf p = vf_load(x[PARAM]);
    const vf g = c->scale * vf_load(x[GRAD]) + c->decay * p;
    const vf s = vf_load(x[FIRST]) + g * g;
    vf_store(x[FIRST], s);
    vf_store(x[PARAM], p - c->lr * (g / (vf_sqrt(s) + c->eps)));
}

static struct numbers adagrad_numbers(double lr, double lr_decay, double weight_decay, double eps, double scale,
                                      int64_t step)
{
    return (struct numbers){.lr = (real)(lr / (1 + ((double)step - 1) * lr_decay)),
                            .scale = (real)scale,
                            .decay = (real)weight_decay,
                            .eps = (real)eps};
}

//: adagrad_step(params*+f[], grads*f[], sum*+f[], step:l[K], lr:d, lr_decay:d=0, weight_decay:d=0, eps:d=1e-10,
//:     scale:d=1)
KERNEL(adagrad_step)
{
    if (a->K != a->params_count) return wrong_count;
    struct numbers *c = malloc(((size_t)a->K + 1) * sizeof *c);
    if (!c) return sq_no_memory;
    for (int64_t k = 0; k < a->K; k++)
        c[k] = adagrad_numbers(a->lr, a->lr_decay, a->weight_decay, a->eps, a->scale, a->step[k]);
    const struct step s = {{a->params, LIST(a->grads), a->sum}, a->params_size, a->params_count, c};
    sweep_all(adagrad, &s);
    free(c);
    return NULL;
}

// On some rows: with a zero gradient (and eps > 0) the others stay as they are.
//: adagrad_rows(param+f[V,D], grad:f[N,D], sum+f[V,D], ids:l[N]<V, step:n>=1, lr:d, lr_decay:d=0, eps:d=1e-10,
//:     scale:d=1)
KERNEL(adagrad_rows)
{
    if (!increasing(a->ids, a->N)) return wrong_order;
    const struct numbers c = adagrad_numbers(a->lr, a->lr_decay, 0, a->eps, a->scale, a->step);
    real *const table[ARRAYS] = {a->param, (real *)a->grad, a->sum};
    sweep_rows(adagrad, table, a->D, a->ids, a->N, &c);
    return NULL;
}

// --- RMSProp

// g = scale * grad + weight_decay * p;  s = alpha * s + (1 - alpha) * g^2;  centred: m = alpha * m + (1 - alpha) * g,
// s' = s - m^2;  u = g / (sqrt(s') + eps);  with momentum: b = momentum * b + u, u = b;  p -= lr * u
ALWAYS_INLINE void rmsprop(real *const *x, const struct numbers *c)
{
    const vf p = vf_load(x[PARAM]);
    const vf g = c->scale * vf_load(x[GRAD]) + c->decay * p;
    vf s = c->beta2 * vf_load(x[FIRST]) + c->rest2 * (g * g);
    vf_store(x[FIRST], s);
    if (x[THIRD]) {
        vf m = vf_load(x[THIRD]);
        m = m + c->rest2 * (g - m);
        vf_store(x[THIRD], m);
        s = s - m * m;
    }
    vf u = g / (vf_sqrt(s) + c->eps);
    if (x[SECOND]) {
        u = c->momentum * vf_load(x[SECOND]) + u;
        vf_store(x[SECOND], u);
    }
    vf_store(x[PARAM], p - c->lr * u);
}

//: rmsprop_step(params*+f[], grads*f[], square_avg*+f[], lr:d, alpha:d=0.99, eps:d=1e-8, weight_decay:d=0,
//:     momentum:d=0, scale:d=1, momentum_buffer*+?f[], grad_avg*+?f[])
KERNEL(rmsprop_step)
{
    struct numbers *c = malloc(((size_t)a->params_count + 1) * sizeof *c);
    if (!c) return sq_no_memory;
    for (int64_t k = 0; k < a->params_count; k++)
        c[k] = (struct numbers){.lr = (real)a->lr,
                                .scale = (real)a->scale,
                                .decay = (real)a->weight_decay,
                                .beta2 = (real)a->alpha,
                                .rest2 = (real)(1 - a->alpha),
                                .eps = (real)a->eps,
                                .momentum = (real)a->momentum};
    const struct step s = {{a->params, LIST(a->grads), a->square_avg, a->momentum_buffer, a->grad_avg},
                           a->params_size,
                           a->params_count,
                           c};
    sweep_all(rmsprop, &s);
    free(c);
    return NULL;
}

// --- Adam

// g = scale * grad + weight_decay * p, or, decoupled, p *= 1 - lr * weight_decay;
// m = beta1 * m + (1 - beta1) * g;  v = beta2 * v + (1 - beta2) * g^2;  amsgrad: v = max of all v so far;
// p -= lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps)
ALWAYS_INLINE void adam(real *const *x, const struct numbers *c)
{
    const vf p = vf_load(x[PARAM]);
    const vf g = c->scale * vf_load(x[GRAD]) + c->decay * p;
    vf m = vf_load(x[FIRST]);
    m = m + c->rest1 * (g - m);
    vf v = c->beta2 * vf_load(x[SECOND]) + c->rest2 * (g * g);
    vf_store(x[FIRST], m);
    vf_store(x[SECOND], v);
    if (x[THIRD]) {
        v = vf_max(vf_load(x[THIRD]), v);
        vf_store(x[THIRD], v);
    }
    vf_store(x[PARAM], c->keep * p - c->lr * (m / (c->root * vf_sqrt(v) + c->eps)));
}

static struct numbers adam_numbers(double lr, double beta1, double beta2, double eps, double weight_decay,
                                   bool decoupled, double scale, int64_t step)
{
    return (struct numbers){.lr = (real)(lr / (1 - pow(beta1, (double)step))),
                            .scale = (real)scale,
                            .decay = decoupled ? 0 : (real)weight_decay,
                            .keep = decoupled ? (real)(1 - lr * weight_decay) : 1,
                            .rest1 = (real)(1 - beta1),
                            .beta2 = (real)beta2,
                            .rest2 = (real)(1 - beta2),
                            .root = (real)(1 / sqrt(1 - pow(beta2, (double)step))),
                            .eps = (real)eps};
}

//: adam_step(params*+f[], grads*f[], exp_avg*+f[], exp_avg_sq*+f[], step:l[K], lr:d, beta1:d=0.9, beta2:d=0.999,
//:     eps:d=1e-8, weight_decay:d=0, decoupled:p=0, scale:d=1, max_exp_avg_sq*+?f[])
KERNEL(adam_step)
{
    if (a->K != a->params_count) return wrong_count;
    struct numbers *c = malloc(((size_t)a->K + 1) * sizeof *c);
    if (!c) return sq_no_memory;
    for (int64_t k = 0; k < a->K; k++)
        c[k] = adam_numbers(a->lr, a->beta1, a->beta2, a->eps, a->weight_decay, a->decoupled, a->scale, a->step[k]);
    const struct step s = {
        {a->params, LIST(a->grads), a->exp_avg, a->exp_avg_sq, a->max_exp_avg_sq}, a->params_size, a->params_count, c};
    sweep_all(adam, &s);
    free(c);
    return NULL;
}

// On some rows only: the moments of the others do not decay (not the same as Adam).
//: adam_rows(param+f[V,D], grad:f[N,D], exp_avg+f[V,D], exp_avg_sq+f[V,D], ids:l[N]<V, step:n>=1, lr:d, beta1:d=0.9,
//:     beta2:d=0.999, eps:d=1e-8, weight_decay:d=0, decoupled:p=0, scale:d=1, max_exp_avg_sq+?f[V,D])
KERNEL(adam_rows)
{
    if (!increasing(a->ids, a->N)) return wrong_order;
    const struct numbers c =
        adam_numbers(a->lr, a->beta1, a->beta2, a->eps, a->weight_decay, a->decoupled, a->scale, a->step);
    real *const table[ARRAYS] = {a->param, (real *)a->grad, a->exp_avg, a->exp_avg_sq, a->max_exp_avg_sq};
    sweep_rows(adam, table, a->D, a->ids, a->N, &c);
    return NULL;
}

// --- moving average of the weights

// average += (1 - decay) * (param - average)
ALWAYS_INLINE void move_average(real *const *x, const struct numbers *c)
{
    const vf old = vf_load(x[PARAM]);
    vf_store(x[PARAM], old + c->rest1 * (vf_load(x[GRAD]) - old));
}

//: ema_update(averages*+f[], params*f[], decay:d)
KERNEL(ema_update)
{
    struct numbers *c = malloc(((size_t)a->params_count + 1) * sizeof *c);
    if (!c) return sq_no_memory;
    for (int64_t k = 0; k < a->params_count; k++) c[k] = (struct numbers){.rest1 = (real)(1 - a->decay)};
    const struct step s = {{a->averages, LIST(a->params)}, a->params_size, a->params_count, c};
    sweep_all(move_average, &s);
    free(c);
    return NULL;
}
