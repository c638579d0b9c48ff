// Training on a corpus: blocks drawn from a common counter by threads without locks, or, in the deterministic mode, one
// after the other. Word2vec and fastText differ in where the input rows lie (word2vec_inputs.h, fasttext_inputs.h).
#ifndef SEQNN_WORDS_WORD2VEC_BLOCKS_H
#define SEQNN_WORDS_WORD2VEC_BLOCKS_H

#include "base/team.h"
#include "words/word2vec_worker.h"

// Places the window of centre c, looks up the negatives of a later one, and asks for those of a still later one.
static void prepare_window(struct worker *w, struct block *b, int64_t c)
{
    if (!b->resolved) {
        if (c + TABLE < b->centres) prefetch_alias(w->a, w->alias, b, c + TABLE);
        if (c + RESOLVE < b->centres) resolve_negatives(w->a, w->alias, b, c + RESOLVE);
    }
    if (c < b->centres) place_window(w, &w->window[c % RING], b, c);
}

// Looks up all negatives of a block.
static void resolve_block(const struct worker *w, struct block *b)
{
    for (int64_t c = -TABLE; !b->resolved && c < b->centres; c++) {
        if (c + TABLE < b->centres) prefetch_alias(w->a, w->alias, b, c + TABLE);
        if (c >= 0) resolve_negatives(w->a, w->alias, b, c);
    }
    b->resolved = true;
}

// Trains on the windows of a block.
static void train_block(struct worker *w, struct block *b)
{
    for (int64_t c = 0; !b->resolved && c < RESOLVE && c < b->centres; c++) resolve_negatives(w->a, w->alias, b, c);
    for (int64_t c = 0; c < AHEAD; c++) prepare_window(w, b, c);
    struct stay stay = inputs_start(w->a, b);
    for (int64_t c = 0; c < b->centres; c++) {
        prepare_window(w, b, c + AHEAD);
        inputs_move(&stay, w->a, b, c);
        w->train(w, &w->window[c % RING], &w->window[(c + AHEAD) % RING], (real)b->alpha);
    }
    inputs_end(&stay, w->a, b);
    w->loss += tally_take(&w->tally, &w->bad);
    w->examples += b->examples;
}

// Default mode, one thread's part: the blocks that it draws from the common counter. Rows are updated without locks.
static bool train_worker(const arguments *a, const uint64_t *alias, struct hot_nodes *hot, int64_t *next)
{
    struct worker w;
    const bool ready = worker_allocate(&w, a, alias, hot);
    while (ready) {
        const int64_t turn = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
        if (turn >= a->K) break;
        block_sample(a, &w.block, turn);
        train_block(&w, &w.block);
    }
    if (ready && hot) hot_finish(&w.hot, a);
    worker_report(&w);
    worker_free(&w);
    return ready;
}

// Deterministic mode: one thread trains on the blocks in order, another draws the examples of the next block meanwhile.
struct in_order {
    struct worker worker[2]; // the first one trains; the block of turn t is in worker[t % 2]
    int64_t turn;
};

static void in_order_work(void *context, int unit)
{
    struct in_order *o = context;
    const struct worker *w = &o->worker[1];
    struct block *const now = &o->worker[o->turn % 2].block, *const then = &o->worker[(o->turn + 1) % 2].block;
    if (unit == 0) {
        train_block(&o->worker[0], now);
    } else if (o->turn + 1 < w->a->K) {
        block_sample(w->a, then, o->turn + 1);
        resolve_block(w, then);
    }
}

static bool in_order_next(void *context)
{
    struct in_order *o = context;
    return ++o->turn < o->worker[0].a->K;
}

static bool train_in_order(const arguments *a, const uint64_t *alias, int team)
{
    struct in_order o = {.turn = 0};
    struct team_line claimed[2] = {0};
    struct team phases = {.phase.value = 1, .claimed = claimed, .units = 2};
    phases.work = in_order_work, phases.next = in_order_next, phases.context = &o;
    const bool first = worker_allocate(&o.worker[0], a, alias, NULL);
    const bool second = worker_allocate(&o.worker[1], a, alias, NULL);
    if (first && second) {
        block_sample(a, &o.worker[0].block, 0);
#pragma omp parallel num_threads(team < 2 ? 1 : 2)
        {
            team_run(&phases, omp_get_thread_num());
        }
    }
    worker_report(&o.worker[0]);
    worker_free(&o.worker[0]);
    worker_free(&o.worker[1]);
    return first && second;
}

// Trains on the blocks a->order.
static const char *train(const arguments *a)
{
    a->loss[0] = 0;
    a->examples[0] = 0;
    if (a->K == 0 || a->N == 0) return NULL;
    const int team = sq_team(a->K * BLOCK * a->P * 32);
    uint64_t *const alias = a->output ? join_alias(a) : NULL;
    if (a->output && !alias) return sq_no_memory;
    int64_t next = 0;
    struct hot_nodes hot = {0};
    const bool copy = a->nodes && !a->deterministic && team > 1;
    bool ready = !copy || hot_find(&hot, a);
    if (ready && a->deterministic) {
        ready = train_in_order(a, alias, team);
    } else if (ready) {
#pragma omp parallel num_threads(team) reduction(&& : ready)
        {
            ready = train_worker(a, alias, copy ? &hot : NULL, &next);
        }
    }
    free(hot.slot);
    free(alias);
    return ready ? NULL : sq_no_memory;
}

#endif
