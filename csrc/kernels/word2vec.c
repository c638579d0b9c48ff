// Word2vec (Mikolov et al., "Efficient estimation of word representations in vector space", 2013; "Distributed
// representations of words and phrases", 2013): skip-gram and CBOW with negative sampling and hierarchical softmax.
// Every context (input row) of a centre word is trained against the same outputs: the centre and its negatives, drawn
// once for the whole window (Ji et al., "Parallelizing word2vec in shared and distributed memory", 2016), and its
// Huffman path.
#include "word2vec_rounds.h"
#include "word2vec_worker.h"

// Places the window of centre c, looks up the negatives of a later one, and asks for those of a still later one.
static void prepare_window(struct worker *w, int64_t c)
{
    const arguments *a = w->a;
    struct block *b = &w->block;
    if (a->output) {
        if (c + TABLE < b->centres) prefetch_alias(a, w->alias, b, c + TABLE);
        if (c + RESOLVE < b->centres) resolve_negatives(a, w->alias, b, c + RESOLVE);
    }
    if (c < b->centres) place_window(w, &w->window[c % RING], b, c);
}

// Trains on the windows of the block in w.
static void train_block(struct worker *w)
{
    const arguments *a = w->a;
    struct block *b = &w->block;
    if (a->output)
        for (int64_t c = 0; c < RESOLVE && c < b->centres; c++) resolve_negatives(a, w->alias, b, c);
    for (int64_t c = 0; c < AHEAD; c++) prepare_window(w, c);
    for (int64_t c = 0; c < b->centres; c++) {
        prepare_window(w, c + AHEAD);
        struct window *v = &w->window[c % RING];
        const struct window *ahead = &w->window[(c + AHEAD) % RING];
        w->train(w, v, ahead, (real)b->alpha);
    }
}

// One thread's part: the blocks that it draws from the common counter.
static bool train_worker(const arguments *a, const uint64_t *alias, struct hot_nodes *hot, int64_t *next)
{
    struct worker w;
    const bool ready = worker_allocate(&w, a, alias, hot, RING);
    while (ready) {
        const int64_t index = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
        if (index >= a->K) break;
        block_sample(a, &w.block, index);
        train_block(&w);
        w.loss += tally_take(&w.tally, &w.bad);
        w.examples += w.block.examples;
    }
    if (ready && hot) hot_finish(&w.hot, a);
    worker_report(&w);
    worker_free(&w);
    return ready;
}

//: word2vec_train(ids:i[N], offsets:l[S], order:i[K], input+f[V,P], output+?f[V,P], nodes+?f[M,P],
//:     keep?u32[V], alias_threshold?u32[V], alias_other?i[V]<V, path_offsets?l[V+1], path_nodes?i[L]<M,
//:     path_codes?u[L], window:n, negative:n, cbow:p, mean:p, shrink:p, alpha:d, slope:d, seed:n, epoch:n,
//:     deterministic:p)
//:     -> loss:f64[1], examples:l[1]
// Trains on the blocks of the corpus in the given order; alpha + slope * k is the learning rate of the k-th of them.
KERNEL(word2vec_train)
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
        ready = train_rounds(a, alias, team);
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
