// Restricted Boltzmann machines: Gibbs steps and contrastive divergence. States of the hidden units lie [unit][chain],
// so that both directions read the weights as they lie. Random numbers are a function of (seed, stream, half step,
// element).
#include "base/scratch.h"
#include "gemm/gemm.h"
#include "random/rng.h"
#include "rbm_args.h"
#include "vec/math.h"

typedef struct {
    int64_t visible, hidden;
    const real *weight, *hidden_bias, *visible_bias; // weight [hidden, visible]
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

// hidden [hidden, chains] = W v^T + bias, v [chains, visible]
static bool feed_hidden(const machine *m, const real *v, int64_t chains, real *hidden)
{
    for (int64_t i = 0; i < m->hidden; i++)
        for (int64_t j = 0; j < chains; j++) hidden[i * chains + j] = m->hidden_bias[i];
    const gemm g = {.m = m->hidden,
                    .n = chains,
                    .k = m->visible,
                    .a = m->weight,
                    .a_row = m->visible,
                    .a_col = 1,
                    .b = v,
                    .b_row = 1,
                    .b_col = m->visible,
                    .c = hidden,
                    .c_row = chains,
                    .alpha = 1,
                    .beta = 1};
    return gemm_run(&g, gemm_team(&g));
}

// v [chains, visible] = h^T W + bias, h [hidden, chains]
static bool feed_visible(const machine *m, const real *h, int64_t chains, real *v)
{
    const gemm g = {.m = chains,
                    .n = m->visible,
                    .k = m->hidden,
                    .a = h,
                    .a_row = 1,
                    .a_col = chains,
                    .b = m->weight,
                    .b_row = m->visible,
                    .b_col = 1,
                    .c = v,
                    .c_row = m->visible,
                    .alpha = 1,
                    .bias = m->visible_bias};
    return gemm_run(&g, gemm_team(&g));
}

// Goes one step, from states h to v and to the probabilities p of new states; draws these into h when `on`. v has room
// for the states and, after them, for their means.
static bool step(const machine *m, int64_t chains, real *h, real *v, real *p, bool on, int64_t number)
{
    const int64_t size = chains * m->visible;
    if (!feed_visible(m, h, chains, v + size)) return false;
    settle(m, v + size, v, size, m->gaussian, 2 * number);
    if (!feed_hidden(m, v, chains, p)) return false;
    settle(m, p, on ? h : NULL, m->hidden * chains, false, 2 * number + 1);
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

// States of the visible units after so many Gibbs steps from x, and the means they were drawn from.
//: rbm_gibbs(x:f[N,V], weight:f[H,V], hidden_bias:f[H], visible_bias:f[V], steps:n>=1=1, gaussian:p=0, seed:n,
//:   stream:n=0) -> sample:f[N,V], mean?f[N,V] where steps <= 1073741823
KERNEL(rbm_gibbs)
{
    const machine m = MACHINE(a);
    const int64_t size = a->N * a->V, states = a->N * a->H;
    if (size == 0) return NULL;
    real *memory = sq_scratch_take((size_t)(2 * size + 2 * states) * sizeof(real));
    if (!memory) return sq_no_memory;
    real *v = memory, *h = v + 2 * size, *p = h + states;
    bool ok = feed_hidden(&m, a->x, a->N, p);
    if (ok) settle(&m, p, h, states, false, 0);
    for (int64_t i = 1; ok && i <= a->steps; i++) ok = step(&m, a->N, h, v, p, i < a->steps, i);
    if (ok) memcpy(a->sample, v, (size_t)size * sizeof(real));
    if (ok && a->mean) memcpy(a->mean, v + size, (size_t)size * sizeof(real));
    sq_scratch_give(memory);
    return ok ? NULL : sq_no_memory;
}

// What an update needs beside its arguments.
typedef struct {
    int64_t both;      // rows of x, then the chains
    real *states;      // [both, visible]: x, then where the chains arrived
    real *sign;        // [hidden, both]: expected hidden states over their number, those of the chains negative
    const real *first; // [hidden, N]: expected hidden states of x
} statistics;

static void set_signs(const struct rbm_update *a, const real *first, const real *last, int64_t chains, real *sign)
{
    const int64_t both = a->N + chains;
    const real of_x = 1 / (real)a->N, of_chains = -1 / (real)chains;
    for (int64_t i = 0; i < a->H; i++) {
        for (int64_t j = 0; j < a->N; j++) sign[i * both + j] = of_x * first[i * a->N + j];
        for (int64_t j = 0; j < chains; j++) sign[i * both + a->N + j] = of_chains * last[i * chains + j];
    }
}

// Moves n parameters: velocity = momentum * velocity + change, or without a velocity by the change itself.
static void move(real *parameter, real *velocity, real momentum, const real *change, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const real by = velocity ? momentum * velocity[i] + change[i] : change[i];
        if (velocity) velocity[i] = by;
        parameter[i] += by;
    }
}

static bool move_weight(const struct rbm_update *a, const statistics *s)
{
    const real keep = (real)(1 - a->rate * a->decay), fade = (real)(a->rate * a->decay);
    const real momentum = (real)a->momentum;
    const int team = sq_team(a->H * a->V / 4);
    real *velocity = a->velocity;
    if (velocity)
#pragma omp parallel for num_threads(team) schedule(static)
        for (int64_t i = 0; i < a->H * a->V; i++) velocity[i] = momentum * velocity[i] - fade * a->weight[i];
    const gemm g = {.m = a->H,
                    .n = a->V,
                    .k = s->both,
                    .a = s->sign,
                    .a_row = s->both,
                    .a_col = 1,
                    .b = s->states,
                    .b_row = a->V,
                    .b_col = 1,
                    .c = velocity ? velocity : a->weight,
                    .c_row = a->V,
                    .alpha = (real)a->rate,
                    .beta = velocity ? 1 : keep};
    if (!gemm_run(&g, gemm_team(&g))) return false;
    if (velocity)
#pragma omp parallel for num_threads(team) schedule(static)
        for (int64_t i = 0; i < a->H * a->V; i++) a->weight[i] += velocity[i];
    return true;
}

static real sum_row(const real *x, int64_t n)
{
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

static void move_biases(const struct rbm_update *a, const statistics *s, real *change)
{
    const real rate = (real)a->rate, of_x = rate / (real)a->N, of_chains = rate / (real)(s->both - a->N);
    for (int64_t i = 0; i < a->H; i++) {
        const real active = sum_row(s->first + i * a->N, a->N) / (real)a->N;
        change[i] = rate * (sum_row(s->sign + i * s->both, s->both) + (real)a->sparsity * ((real)a->target - active));
    }
    move(a->hidden_bias, a->velocity_hidden, (real)a->momentum, change, a->H);
    memset(change, 0, (size_t)a->V * sizeof(real));
    for (int64_t n = 0; n < s->both; n++) {
        const real share = n < a->N ? of_x : -of_chains;
        for (int64_t i = 0; i < a->V; i++) change[i] += share * s->states[n * a->V + i];
    }
    move(a->visible_bias, a->velocity_visible, (real)a->momentum, change, a->V);
}

// One step of contrastive divergence: the chains go `steps` Gibbs steps, from x or, where `chains` holds states of
// hidden units, from these, which then are where they have arrived.
//: rbm_update(x:f[N,V], weight+f[H,V], hidden_bias+f[H], visible_bias+f[V], chains+?f[H,M], velocity+?f[H,V],
//:   velocity_hidden+?f[H], velocity_visible+?f[V], rate:d, steps:n>=1=1, momentum:d=0, decay:d=0, sparsity:d=0,
//:   target:d=0, gaussian:p=0, seed:n, stream:n=0)
//:   where N > 0; M > 0 or not chains; steps <= 1073741823; velocity needs velocity_hidden;
//:   velocity_hidden needs velocity_visible; velocity_visible needs velocity
KERNEL(rbm_update)
{
    const machine m = MACHINE(a);
    const int64_t chains = a->chains ? a->M : a->N, both = a->N + chains;
    const int64_t seen = both * a->V, means = chains * a->V, first = a->H * a->N, last = a->H * chains;
    const int64_t size = seen + means + first + 2 * last + a->H * both + most(a->H, a->V);
    real *memory = sq_scratch_take((size_t)size * sizeof(real));
    if (!memory) return sq_no_memory;
    real *v = memory, *p = v + seen + means, *q = p + first, *own = q + last, *sign = own + last;
    real *h = a->chains ? a->chains : own;
    memcpy(v, a->x, (size_t)(a->N * a->V) * sizeof(real));
    bool ok = feed_hidden(&m, a->x, a->N, p);
    if (ok) settle(&m, p, a->chains ? NULL : own, first, false, 0);
    for (int64_t i = 1; ok && i <= a->steps; i++)
        ok = step(&m, chains, h, v + a->N * a->V, q, a->chains || i < a->steps, i);
    if (ok) {
        set_signs(a, p, q, chains, sign);
        const statistics s = {.both = both, .states = v, .sign = sign, .first = p};
        ok = move_weight(a, &s);
        if (ok) move_biases(a, &s, sign + a->H * both);
    }
    sq_scratch_give(memory);
    return ok ? NULL : sq_no_memory;
}
