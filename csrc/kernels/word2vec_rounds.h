// The deterministic mode: the same bits for any number of threads. Windows are trained in rounds, in the order of the
// text, and the columns of all rows are cut into shards, however many threads there are. A phase of one shard applies
// the errors of the last round to its columns, in order, and computes its part of the dot products of the next round.
// The parts are added up in the order of the shards by everyone who needs the sum. So a row's columns are only ever
// written by one thread in a phase (and mostly stay in its cache), and nothing depends on who does what.
#ifndef SEQNN_WORD2VEC_ROUNDS_H
#define SEQNN_WORD2VEC_ROUNDS_H

#include "../team.h"
#include "word2vec_worker.h"

enum { ROUND_BYTES = 1 << 22, SHARD_LINES = 4, SHARDS_MOST = 16 };

// Consecutive windows of one block; count 0: none.
struct round {
    const struct block *block;
    int64_t start, count;
};

struct rounds {
    const arguments *a;
    struct worker *worker; // one a shard; their blocks are filled together
    int shards;
    int64_t window_size, most; // reals of one window's dot products; windows in a round at most
    real *dots[2];             // of even and odd rounds: [shards][most][window_size]
    bool odd;                  // where the dot products of `next` go
    bool sampling;             // the phase fills the blocks
    int64_t first, at;         // number of the first of the filled blocks; of the block in work, counted from it
    struct round last, next;
};

static real *round_dots(const struct rounds *r, bool odd, int64_t shard, int64_t i)
{
    return r->dots[odd] + (shard * r->most + i) * r->window_size;
}

// Window i of an even or odd round, as placed for a shard.
static struct window *round_window(const struct rounds *r, bool odd, int64_t shard, int64_t i)
{
    return r->worker[shard].window + (odd ? r->most : 0) + i;
}

static void round_place(struct rounds *r, int64_t shard, int64_t i)
{
    place_window(&r->worker[shard], round_window(r, r->odd, shard, i), r->next.block, r->next.start + i);
}

// Dot products of the next round over vectors [from, to) of the rows. round_apply has placed its first windows.
static void round_measure(struct rounds *r, int64_t shard, int64_t from, int64_t to)
{
    for (int64_t i = r->last.count; i < r->next.count; i++) round_place(r, shard, i);
    for (int64_t i = 0; i < r->next.count; i++) {
        struct window v = *round_window(r, r->odd, shard, i);
        v.error = round_dots(r, r->odd, shard, i);
        window_dots(&r->worker[shard], &v, from, to);
    }
}

// Adds up the shards' parts of the dot products of window i of the last round.
static void round_sum(const struct rounds *r, const struct window *v, int64_t i)
{
    const int64_t size = v->groups * error_rows(r->a->cbow ? 1 : v->contexts) * STRIDE;
    const real *const part = round_dots(r, !r->odd, 0, i);
    const int64_t apart = r->most * r->window_size;
    for (int64_t k = 0; k < size; k += LANES) {
        vf sum = vf_load(part + k);
        for (int64_t s = 1; s < r->shards; s++) sum += vf_load(part + s * apart + k);
        vf_store(v->error + k, sum);
    }
}

// Applies the errors of the last round to vectors [from, to) of the rows, and prefetches those of the next one
// meanwhile; the first shard counts the loss.
static void round_apply(struct rounds *r, int64_t shard, int64_t from, int64_t to)
{
    struct worker *w = &r->worker[shard];
    for (int64_t i = 0; i < r->last.count; i++) {
        const struct window *const v = round_window(r, !r->odd, shard, i), *ahead = v;
        if (i < r->next.count) {
            round_place(r, shard, i);
            ahead = round_window(r, r->odd, shard, i);
        }
        round_sum(r, v, i);
        window_errors(w, v, (real)r->last.block->alpha);
        if (shard == 0) tally_close(&w->tally);
        window_update(w, v, ahead, from, to);
    }
    if (shard == 0)
        w->loss += tally_take(&w->tally, &w->bad);
    else
        w->tally = tally_start();
}

// One shard's part of a phase; when sampling, one block. Whoever does it works on what belongs to the shard.
static void round_work(void *context, int shard)
{
    struct rounds *r = context;
    struct worker *w = &r->worker[shard];
    if (r->sampling) {
        struct block *filled = &w->block;
        if (r->first + shard >= r->a->K) return;
        block_sample(r->a, filled, r->first + shard);
        for (int64_t c = 0; r->a->output && c < filled->centres; c++) {
            if (c + TABLE < filled->centres) prefetch_alias(r->a, w->alias, filled, c + TABLE);
            resolve_negatives(r->a, w->alias, filled, c);
        }
        w->examples += filled->examples;
        return;
    }
    const int64_t lines = r->a->P * (int64_t)sizeof(real) / 64, vectors = 64 / (int64_t)sizeof(real) / LANES;
    const int64_t from = lines * shard / r->shards * vectors, to = lines * (shard + 1) / r->shards * vectors;
    round_apply(r, shard, from, to);
    round_measure(r, shard, from, to);
}

// Moves on by one round; false when the corpus is at its end. Blocks are filled anew when no round needs them any more.
static bool round_next(void *context)
{
    struct rounds *r = context;
    if (r->sampling) {
        r->sampling = false;
        r->at = 0;
        r->next = (struct round){.block = &r->worker[0].block};
    }
    const int64_t begun = r->next.start + r->next.count;
    r->odd = !r->odd;
    r->last = r->next;
    r->next = (struct round){.block = r->last.block, .start = begun};
    while (r->at < r->shards && r->next.start >= r->next.block->centres) {
        r->at++;
        if (r->at == r->shards || r->first + r->at >= r->a->K) r->at = r->shards;
        if (r->at < r->shards) r->next = (struct round){.block = &r->worker[r->at].block};
    }
    if (r->at < r->shards) {
        const struct block *b = r->next.block;
        const int64_t size = b->round < r->most ? b->round : r->most, left = b->centres - r->next.start;
        r->next.count = left < size ? left : size;
        return true;
    }
    if (r->last.count) return true;
    r->first += r->shards;
    r->sampling = true;
    return r->first < r->a->K;
}

static bool train_rounds(const arguments *a, const uint64_t *alias, int team)
{
    const int64_t lines = a->P * (int64_t)sizeof(real) / 64, wanted = lines / SHARD_LINES;
    struct rounds r = {.a = a, .most = ROUND_MOST, .sampling = true};
    r.shards = (int)(lines < 2 ? 1 : wanted < 2 ? 2 : wanted < SHARDS_MOST ? wanted : SHARDS_MOST);
    r.window_size = error_size(a);
    while (r.most > 1 && r.most * r.window_size * (int64_t)sizeof(real) > ROUND_BYTES) r.most /= 2;
    struct team phases = {.phase.value = 1, .units = r.shards, .work = round_work, .next = round_next, .context = &r};
    const int64_t workers = r.shards * (int64_t)sizeof *r.worker, claims = r.shards * (int64_t)sizeof *phases.claimed;
    const int64_t dots = r.shards * r.most * r.window_size * (int64_t)sizeof(real);
    void *const memory = calloc(1, (size_t)(CARVED(workers) + CARVED(claims) + 2 * CARVED(dots)));
    if (!memory) return false;
    char *at = memory;
    r.worker = carve(&at, workers);
    phases.claimed = carve(&at, claims);
    r.dots[0] = carve(&at, dots);
    r.dots[1] = carve(&at, dots);
    bool ready = true;
    for (int i = 0; ready && i < r.shards; i++) ready = worker_allocate(&r.worker[i], a, alias, NULL, 2 * r.most);
    if (ready) {
#pragma omp parallel num_threads(team < r.shards ? team : r.shards)
        {
            team_run(&phases, omp_get_thread_num());
        }
    }
    struct worker all = {.a = a};
    for (int i = 0; i < r.shards; i++) {
        all.loss += r.worker[i].loss;
        all.examples += r.worker[i].examples;
        all.bad |= r.worker[i].bad;
        worker_free(&r.worker[i]);
    }
    worker_report(&all);
    free(memory);
    return ready;
}

#endif
