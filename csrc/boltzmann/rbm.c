// Restricted Boltzmann machines: Gibbs steps and contrastive divergence. States of the hidden units lie [unit][chain],
// so that both directions read the weights as they lie. Random numbers are a function of (seed, stream, half step,
// element).
#include "boltzmann/sparse.h"
#include "random/rng.h"
#include "rbm_args.h"
#include "vec/math.h"
#include "vec/transpose.h"

typedef struct {
    int64_t visible, hidden;
    const real *weight, *hidden_bias, *visible_bias; // weight [visible, hidden]
    bool gaussian;                                   // the visible units
    uint64_t seed, stream;
} machine;

enum {
    DRAWN = 4 * SQ_PHILOX_LANES,
    CHUNK = 16 * DRAWN
}; // elements of a block of draws; those a thread takes at a time

static inline real uniform(uint32_t bits) { return (real)(bits >> 8) * (real)0x1p-24; }

// Turns n sums of inputs into probabilities, and draws 1 with these.
static void settle_binary(const machine *m, real *x, real *sample, int64_t n, uint64_t position)
{
    uint32_t bits[DRAWN];
    real u[DRAWN];
    const vf one = vf_set(1), zero = {0};
    for (int64_t i = 0; i < n; i += DRAWN, position += SQ_PHILOX_LANES) {
        const int64_t end = least(n, i + DRAWN);
        if (sample) {
            sq_philox_words(bits, m->seed, m->stream, position);
            for (int64_t j = 0; j < DRAWN; j++) u[j] = uniform(bits[j]);
        }
        for (int64_t j = i; j < end; j += LANES) {
            const int64_t part = least(LANES, end - j);
            const vf p = vf_sigmoid(vf_load_part(x + j, part));
            vf_store_part(x + j, part, p);
            if (sample) vf_store_part(sample + j, part, vf_select(vf_load(u + j - i) < p, one, zero));
        }
    }
}

// Draws from normal distributions with n means and variance 1, by Box and Muller.
static void settle_gaussian(const machine *m, const real *mean, real *sample, int64_t n, uint64_t position)
{
    uint32_t bits[DRAWN];
    double normal[DRAWN];
    for (int64_t i = 0; i < n; i += DRAWN, position += SQ_PHILOX_LANES) {
        sq_philox_words(bits, m->seed, m->stream, position);
        for (int64_t j = 0; j < DRAWN; j += 2) {
            const double far = sqrt(-2 * log(((double)bits[j] + 1) * 0x1p-32));
            const double turn = 6.283185307179586 * 0x1p-32 * (double)bits[j + 1];
            normal[j] = far * cos(turn), normal[j + 1] = far * sin(turn);
        }
        for (int64_t j = i; j < least(n, i + DRAWN); j++) sample[j] = mean[j] + (real)normal[j - i];
    }
}

// Turns inputs x into what the units expect, in place, and draws their states into `sample`, unless that is NULL.
static void settle(const machine *m, real *x, real *sample, int64_t n, bool gaussian, int64_t half_step)
{
    if (gaussian && !sample) return; // the inputs are the means
#pragma omp parallel for num_threads(sq_team((gaussian ? 64 : 16) * n)) schedule(static)
    for (int64_t i = 0; i < n; i += CHUNK) {
        const uint64_t position = ((uint64_t)half_step << 32) + (uint64_t)i / 4;
        const int64_t size = least(CHUNK, n - i);
        if (gaussian)
            settle_gaussian(m, x + i, sample + i, size, position);
        else
            settle_binary(m, x + i, sample ? sample + i : NULL, size, position);
    }
}

// h [chains, hidden] = v W + bias, v [chains, visible]
static bool feed_hidden(const machine *m, const real *v, int64_t chains, real *h)
{
    const gemm g = {.m = chains,
                    .n = m->hidden,
                    .k = m->visible,
                    .a = v,
                    .a_row = m->visible,
                    .a_col = 1,
                    .b = m->weight,
                    .b_row = m->hidden,
                    .b_col = 1,
                    .c = h,
                    .c_row = m->hidden,
                    .alpha = 1,
                    .bias = m->hidden_bias};
    return multiply(&g);
}

// v [visible, chains] = W h^T + bias, h [chains, hidden]
static bool feed_visible(const machine *m, const real *h, int64_t chains, real *v)
{
    for (int64_t i = 0; i < m->visible; i++)
        for (int64_t j = 0; j < chains; j++) v[i * chains + j] = m->visible_bias[i];
    const gemm g = {.m = m->visible,
                    .n = chains,
                    .k = m->hidden,
                    .a = m->weight,
                    .a_row = m->hidden,
                    .a_col = 1,
                    .b = h,
                    .b_row = 1,
                    .b_col = m->hidden,
                    .c = v,
                    .c_row = chains,
                    .alpha = 1,
                    .beta = 1};
    return gemm_run(&g, gemm_team(&g));
}

// Chains of a machine, and what their units expect.
typedef struct {
    int64_t count;
    real *h, *p;         // [count, hidden]: states; probabilities
    real *turned, *mean; // [visible, count]: states of the visible units; what they were drawn from
    real *v;             // [count, visible]: the same states
} chains;

static int64_t chains_size(const machine *m, int64_t count) { return count * (2 * m->hidden + 3 * m->visible); }

static chains make_chains(const machine *m, int64_t count, real *memory)
{
    const int64_t hidden = count * m->hidden, visible = count * m->visible;
    real *turned = memory + 2 * hidden;
    return (chains){count, memory, memory + hidden, turned, turned + visible, turned + 2 * visible};
}

// Goes Gibbs step `number`, from h to v and to the probabilities of new states; draws these into h when `on`.
static bool step(const machine *m, chains *c, bool on, int64_t number)
{
    if (!feed_visible(m, c->h, c->count, c->mean)) return false;
    settle(m, c->mean, c->turned, c->count * m->visible, m->gaussian, 2 * number);
    transpose(c->v, m->visible, c->turned, c->count, m->visible, c->count);
    if (!feed_hidden(m, c->v, c->count, c->p)) return false;
    settle(m, c->p, on ? c->h : NULL, c->count * m->hidden, false, 2 * number + 1);
    return true;
}

#define MACHINE(a)                                                                                                     \
    {.visible = (a)->V,                                                                                                \
     .hidden = (a)->H,                                                                                                 \
     .weight = (a)->weight,                                                                                            \
     .hidden_bias = (a)->hidden_bias,                                                                                  \
     .visible_bias = (a)->visible_bias,                                                                                \
     .gaussian = (a)->gaussian,                                                                                        \
     .seed = (uint64_t)(a)->seed,                                                                                      \
     .stream = (uint64_t)(a)->stream}

// States of the visible units after `steps` Gibbs steps from x, and the means they were drawn from.
//: rbm_gibbs(x:f[N,V], weight:f[V,H], hidden_bias:f[H], visible_bias:f[V], steps:n>=1=1, gaussian:p=0, seed:n,
//:   stream:n=0) -> sample:f[N,V], mean?f[N,V] where steps <= 1073741823
KERNEL(rbm_gibbs)
{
    const machine m = MACHINE(a);
    if (a->N == 0 || a->V == 0) return NULL;
    real *memory = sq_scratch_take((size_t)chains_size(&m, a->N) * sizeof(real));
    if (!memory) return sq_no_memory;
    chains c = make_chains(&m, a->N, memory);
    bool ok = feed_hidden(&m, a->x, a->N, c.p);
    if (ok) settle(&m, c.p, c.h, a->N * a->H, false, 0);
    for (int64_t i = 1; ok && i <= a->steps; i++) ok = step(&m, &c, i < a->steps, i);
    if (ok) memcpy(a->sample, c.v, (size_t)(a->N * a->V) * sizeof(real));
    if (ok && a->mean) transpose(a->mean, a->V, c.mean, a->N, a->V, a->N);
    sq_scratch_give(memory);
    return ok ? NULL : sq_no_memory;
}

// What an update moves the parameters by: the difference of data and chains, each a mean over its rows.
typedef struct {
    int64_t both;      // rows of x, then the chains
    real *states;      // [visible, both]: x, then where the chains arrived
    real *sign;        // [both, hidden]: expected hidden states over their number, those of the chains negative
    const real *first; // [N, hidden]: expected hidden states of x
    real of_x, of_chains;
} statistics;

static void gather_statistics(const struct rbm_update *a, const chains *c, statistics *s)
{
    s->of_x = 1 / (real)a->N, s->of_chains = -1 / (real)c->count;
    for (int64_t i = 0; i < a->N * a->H; i++) s->sign[i] = s->of_x * s->first[i];
    for (int64_t i = 0; i < c->count * a->H; i++) s->sign[a->N * a->H + i] = s->of_chains * c->p[i];
    transpose(s->states, s->both, a->x, a->V, a->N, a->V);
    for (int64_t i = 0; i < a->V; i++)
        memcpy(s->states + i * s->both + a->N, c->turned + i * c->count, (size_t)c->count * sizeof(real));
}

static bool move_weight(const struct rbm_update *a, const statistics *s)
{
    const real keep = (real)(1 - a->rate * a->decay), fade = (real)(a->rate * a->decay);
    const real momentum = (real)a->momentum;
    const int team = sq_team(a->H * a->V / 4);
    real *velocity = a->velocity;
    const int64_t size = a->H * a->V;
    if (velocity) // by registers: elsewhere the compiler may fuse either product with the difference
#pragma omp parallel for num_threads(team) schedule(static)
        for (int64_t i = 0; i < size; i += LANES) {
            const int64_t n = least(LANES, size - i);
            const vf fading = vf_set(fade) * vf_load_part(a->weight + i, n);
            vf_store_part(velocity + i, n, vf_set(momentum) * vf_load_part(velocity + i, n) - fading);
        }
    const gemm g = {.m = a->V,
                    .n = a->H,
                    .k = s->both,
                    .a = s->states,
                    .a_row = s->both,
                    .a_col = 1,
                    .b = s->sign,
                    .b_row = a->H,
                    .b_col = 1,
                    .c = velocity ? velocity : a->weight,
                    .c_row = a->H,
                    .alpha = (real)a->rate,
                    .beta = velocity ? 1 : keep};
    if (!multiply(&g)) return false;
    if (velocity)
#pragma omp parallel for num_threads(team) schedule(static)
        for (int64_t i = 0; i < size; i++) a->weight[i] += velocity[i];
    return true;
}

static real sum_row(const real *x, int64_t n)
{
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

// Moves a bias: velocity = momentum * velocity + change, or without a velocity by the change itself.
static void move(real *bias, real *velocity, real momentum, const real *change, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const real by = velocity ? momentum * velocity[i] + change[i] : change[i];
        if (velocity) velocity[i] = by;
        bias[i] += by;
    }
}

static void move_biases(const struct rbm_update *a, const statistics *s, real *change)
{
    const real rate = (real)a->rate, dense = rate * (real)a->sparsity;
    for (int64_t i = 0; i < a->H; i++) change[i] = dense * (real)a->target;
    for (int64_t n = 0; n < s->both; n++)
        for (int64_t i = 0; i < a->H; i++) change[i] += (n < a->N ? rate - dense : rate) * s->sign[n * a->H + i];
    move(a->hidden_bias, a->velocity_hidden, (real)a->momentum, change, a->H);
    for (int64_t i = 0; i < a->V; i++) {
        const real *row = s->states + i * s->both;
        change[i] = rate * (s->of_x * sum_row(row, a->N) + s->of_chains * sum_row(row + a->N, s->both - a->N));
    }
    move(a->visible_bias, a->velocity_visible, (real)a->momentum, change, a->V);
}

// One step of contrastive divergence: the chains go `steps` Gibbs steps, from x or, where `chains` holds states of
// hidden units, from these, which then are where they have arrived.
//: rbm_update(x:f[N,V], weight+f[V,H], hidden_bias+f[H], visible_bias+f[V], chains+?f[M,H], velocity+?f[V,H],
//:   velocity_hidden+?f[H], velocity_visible+?f[V], rate:d, steps:n>=1=1, momentum:d=0, decay:d=0, sparsity:d=0,
//:   target:d=0, gaussian:p=0, seed:n, stream:n=0)
//:   where N > 0; M > 0 or not chains; steps <= 1073741823; velocity needs velocity_hidden;
//:   velocity_hidden needs velocity_visible; velocity_visible needs velocity
KERNEL(rbm_update)
{
    const machine m = MACHINE(a);
    const int64_t count = a->chains ? a->M : a->N, both = a->N + count;
    const int64_t own = chains_size(&m, count), first = a->N * a->H, states = a->V * both;
    const int64_t size = own + first + states + both * a->H + most(a->H, a->V);
    real *memory = sq_scratch_take((size_t)size * sizeof(real));
    if (!memory) return sq_no_memory;
    chains c = make_chains(&m, count, memory);
    real *p = memory + own;
    statistics s = {.both = both, .states = p + first, .sign = p + first + states, .first = p};
    bool ok = feed_hidden(&m, a->x, a->N, p);
    if (ok) settle(&m, p, a->chains ? NULL : c.h, first, false, 0);
    if (a->chains) c.h = a->chains;
    for (int64_t i = 1; ok && i <= a->steps; i++) ok = step(&m, &c, a->chains || i < a->steps, i);
    if (ok) {
        gather_statistics(a, &c, &s);
        ok = move_weight(a, &s);
        if (ok) move_biases(a, &s, s.sign + both * a->H);
    }
    sq_scratch_give(memory);
    return ok ? NULL : sq_no_memory;
}
