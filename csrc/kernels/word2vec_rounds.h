// The deterministic mode: the same bits for any number of threads. Centres are trained in rounds, in the order of the text.
// First the threads share the windows of a round and compute their errors from the weights as they stand; then they share
// the columns of the rows, and each applies all errors of the round, in order, to its columns. Given the errors, columns do
// not depend on each other.
#ifndef SEQNN_WORD2VEC_ROUNDS_H
#define SEQNN_WORD2VEC_ROUNDS_H

#include "../team.h"
#include "word2vec_worker.h"

enum { ERRORS_AHEAD = 2, ROUND_BYTES = 1 << 22 };

struct rounds {
    const arguments *a;
    struct worker *worker; // one a thread, whose blocks are filled together
    int team;
    int64_t window_size; // reals of one window's errors
    int64_t most;        // windows in a round at most
    real *error;         // [most][window_size]
    enum { SAMPLE, ERRORS, UPDATE } stage;
    int64_t first, block;  // number of the first of the filled blocks; the one in work, counted from it
    int64_t start, count;  // windows of the round in work
};

// Errors of the windows [from, to) of the round that begins at `start`.
static void round_errors(struct rounds *r, struct worker *w, const struct block *b, int64_t start, int64_t from, int64_t to)
{
    struct window v = w->window[0];
    for (int64_t c = from; c < to; c++) {
        v.error = r->error + (c - start) * r->window_size;
        
        place_window(w, &v, b, c);
        w->errors(w, &v, &v, (real)b->alpha);
        tally_close(&w->tally);
    }
    w->loss += tally_take(&w->tally, &w->bad);
}

// Applies the errors of windows [start, stop) to vectors [from, to) of every row.
static void round_update(struct rounds *r, struct worker *w, const struct block *b, int64_t start, int64_t stop, int64_t from,
                         int64_t to)
{
    struct window v = w->window[0];
    for (int64_t c = start; c < stop; c++) {
        v.error = r->error + (c - start) * r->window_size;
        place_window(w, &v, b, c);
        w->update(w, &v, &v, from, to);
    }
}

// One thread's share of a phase.
static void round_work(void *context, int thread, int unit)
{
    struct rounds *r = context;
    struct worker *w = &r->worker[thread];
    if (r->stage == SAMPLE) {
        struct block *filled = &r->worker[unit].block;
        if ((r->first + unit) * BLOCK >= r->a->last) return;
        block_sample(r->a, filled, r->first + unit);
        for (int64_t c = 0; r->a->output && c < filled->centres; c++) resolve_negatives(r->a, filled, c);
        w->examples += filled->examples;
        return;
    }
    const struct block *b = &r->worker[r->block].block;
    const int64_t start = r->start, count = r->count;
    if (r->stage == ERRORS) {
        round_errors(r, w, b, start, start + count * unit / r->team, start + count * (unit + 1) / r->team);
    } else {
        const int64_t lines = r->a->P * (int64_t)sizeof(real) / 64, vectors = 64 / (int64_t)sizeof(real) / LANES;
        round_update(r, w, b, start, start + count, lines * unit / r->team * vectors,
                     lines * (unit + 1) / r->team * vectors);
    }
}

// Which phase follows: errors and updates of one round after the other, of one block after the other.
static bool round_next(void *context)
{
    struct rounds *r = context;
    if (r->stage == ERRORS) {
        r->stage = UPDATE;
        return true;
    }
    if (r->stage == SAMPLE) {
        r->block = -1;
        r->start = r->count = 0;
    }
    const struct block *b = r->block < 0 ? NULL : &r->worker[r->block].block;
    r->start += r->count;
    while (!b || r->start >= b->centres) {
        r->block++;
        r->start = 0;
        if (r->block == r->team || (r->first + r->block) * BLOCK >= r->a->last) {
            r->first += r->team;
            r->stage = SAMPLE;
            return r->first * BLOCK < r->a->last;
        }
        b = &r->worker[r->block].block;
    }
    const int64_t size = b->round < r->most ? b->round : r->most, left = b->centres - r->start;
    r->count = left < size ? left : size;
    r->stage = ERRORS;
    return true;
}

static const char *train_rounds(const arguments *a, int team)
{
    struct rounds r = {.a = a, .team = team, .most = ROUND_MOST, .first = a->first / BLOCK};
    r.window_size = most_groups(a) * (a->cbow ? 1 : most_contexts(a)) * STRIDE + 2 * STRIDE;
    while (r.most > 1 && r.most * r.window_size * (int64_t)sizeof(real) > ROUND_BYTES) r.most /= 2;
    struct team phases = {.phase.value = 1, .units = team, .work = round_work, .next = round_next, .context = &r};
    const int64_t workers = team * (int64_t)sizeof *r.worker, errors = r.most * r.window_size * (int64_t)sizeof(real);
    const int64_t claims = team * (int64_t)sizeof *phases.claimed;
    void *const memory = calloc(1, (size_t)(CARVED(workers) + CARVED(errors) + CARVED(claims)));
    if (!memory) return sq_no_memory;
    char *at = memory;
    r.worker = carve(&at, workers);
    r.error = carve(&at, errors);
    phases.claimed = carve(&at, claims);
    bool ready = true;
    for (int i = 0; ready && i < team; i++) ready = worker_allocate(&r.worker[i], a);
    if (ready) {
#pragma omp parallel num_threads(team)
        {
            team_run(&phases, omp_get_thread_num());
        }
    }
    struct worker all = {.a = a};
    for (int i = 0; i < team; i++) {
        all.loss += r.worker[i].loss;
        all.examples += r.worker[i].examples;
        all.bad |= r.worker[i].bad;
        worker_free(&r.worker[i]);
    }
    worker_report(&all);
    free(memory);
    return ready ? NULL : sq_no_memory;
}

#endif
