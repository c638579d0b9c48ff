// Training on a corpus: blocks drawn from a common counter by threads without locks, or, in the deterministic mode, one
// after the other.
#include "words/trainer.h"

#include "base/team.h"
#include "words/trainer_worker.h"

// Places the window of centre c, looks up the negatives of a later one, and asks for those of a still later one.
static void prepare_window(struct worker *w, struct block *b, int64_t c)
{
    const uint64_t *alias = w->shared->alias;
    if (!b->resolved) {
        if (c + TABLE < b->centres) prefetch_alias(w->a, alias, b, c + TABLE);
        if (c + RESOLVE < b->centres) resolve_negatives(w->a, alias, b, c + RESOLVE);
    }
    if (c < b->centres) place_window(w, &w->window[c % RING], b, c);
}

// Looks up all negatives of a block.
static void resolve_block(const struct shared *shared, struct block *b)
{
    for (int64_t c = -TABLE; !b->resolved && c < b->centres; c++) {
        if (c + TABLE < b->centres) prefetch_alias(shared->a, shared->alias, b, c + TABLE);
        if (c >= 0) resolve_negatives(shared->a, shared->alias, b, c);
    }
    b->resolved = true;
}

// fastText: the tokens [left, entered) of a block are in their slots, the rows of those before `known` are looked up.
struct stay {
    int64_t left, entered, known;
};

// Empties the slots of the tokens before `stop`.
static void leave_slots(struct stay *s, const struct training *a, const struct block *b, int64_t stop)
{
    for (; s->left < stop && s->left < s->entered; s->left++) slots_leave(&b->slots, a, s->left);
}

// Brings the tokens of the window of centre c into their slots, after those that no window reaches any more have left.
// With factors all tokens leave, so that none has more than its share of a change when the next window sees it.
static void move_slots(struct stay *s, struct worker *w, struct block *b, int64_t c)
{
    const struct training *a = w->a;
    const int64_t first = b->first_centre + c - a->window;
    leave_slots(s, a, b, a->factors ? s->entered : first);
    if (a->factors) s->left = s->entered = most(first, 0);
    for (; s->entered < b->end[c]; s->entered++) {
        for (; s->known <= s->entered + TOKENS_AHEAD && s->known < b->kept; s->known++)
            if (!slots_look_up(&b->slots, a, s->known, b->ids[s->known]))
                w->problem = "row_offsets, rows: expected parts of `rows`, each a row of input";
        slots_enter(&b->slots, a, s->entered);
    }
}

// Trains on the windows of a block.
static void train_block(struct worker *w, struct block *b)
{
    if (b->problem) {
        w->problem = b->problem;
        return;
    }
    for (int64_t c = 0; !b->resolved && c < RESOLVE && c < b->centres; c++)
        resolve_negatives(w->a, w->shared->alias, b, c);
    for (int64_t c = 0; c < AHEAD; c++) prepare_window(w, b, c);
    const int64_t first = most(b->first_centre - w->a->window, 0);
    struct stay stay = {first, first, first};
    const bool moves = w->a->rows;
    for (int64_t c = 0; c < b->centres; c++) {
        prepare_window(w, b, c + AHEAD);
        if (moves) move_slots(&stay, w, b, c);
        w->train(w, &w->window[c % RING], &w->window[(c + AHEAD) % RING], (real)b->alpha);
    }
    if (moves) leave_slots(&stay, w->a, b, stay.entered);
    w->loss += tally_take(&w->tally, &w->bad);
    w->examples += b->examples;
}

// The default mode, one thread's part: the blocks that it draws from the common counter. Rows are updated without
// locks.
static bool train_worker(const struct shared *shared, int64_t *next, const char **problem)
{
    struct worker w;
    const bool ready = worker_allocate(&w, shared);
    while (ready && !w.problem) {
        const int64_t turn = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED);
        if (turn >= shared->a->K) break;
        block_sample(shared->a, &w.block, turn);
        train_block(&w, &w.block);
    }
    if (ready && shared->hot) hot_finish(&w.hot, shared->a);
    worker_report(&w, problem);
    worker_free(&w);
    return ready;
}

// The deterministic mode: one thread trains on the blocks in order, another draws the examples of the next block
// meanwhile.
struct in_order {
    struct worker worker[2]; // the first one trains; the block of turn t is in worker[t % 2]
    int64_t turn;
};

static void in_order_work(void *context, int unit)
{
    struct in_order *o = context;
    const struct shared *shared = o->worker[0].shared;
    struct block *const now = &o->worker[o->turn % 2].block, *const then = &o->worker[(o->turn + 1) % 2].block;
    if (unit == 0) {
        train_block(&o->worker[0], now);
    } else if (o->turn + 1 < shared->a->K) {
        block_sample(shared->a, then, o->turn + 1);
        resolve_block(shared, then);
    }
}

static bool in_order_next(void *context)
{
    struct in_order *o = context;
    return ++o->turn < o->worker[0].a->K && !o->worker[0].problem;
}

static bool train_in_order(const struct shared *shared, int team, const char **problem)
{
    struct in_order o = {.turn = 0};
    struct team_line claimed[2] = {0};
    struct team phases = {.phase.value = 1, .claimed = claimed, .units = 2};
    phases.work = in_order_work, phases.next = in_order_next, phases.context = &o;
    const bool first = worker_allocate(&o.worker[0], shared);
    const bool second = worker_allocate(&o.worker[1], shared);
    if (first && second) {
        block_sample(shared->a, &o.worker[0].block, 0);
#pragma omp parallel num_threads(team < 2 ? 1 : 2)
        {
            team_run(&phases, omp_get_thread_num());
        }
    }
    worker_report(&o.worker[0], problem);
    worker_free(&o.worker[0]);
    worker_free(&o.worker[1]);
    return first && second;
}

const char *SQ_SHARED(train_words)(const struct training *a)
{
    a->loss[0] = 0;
    a->examples[0] = 0;
    if (a->K == 0 || a->N == 0) return NULL;
    const char *problem = NULL;
    const int team = sq_team(a->K * BLOCK * most(a->P, a->Q) * 32);
    struct hot_nodes hot = {0};
    struct shared shared = {
        .a = a, .longest_path = find_longest_path(a), .most_rows = find_most_rows(a), .most_tags = find_most_tags(a)};
    if (a->nodes && !a->deterministic && team > 1) shared.hot = &hot;
    if (a->output) shared.alias = join_alias(a, &problem);
    bool ready = (shared.alias || !a->output) && (!shared.hot || hot_find(&hot, a));
    int64_t next = 0;
    if (ready && !problem && a->deterministic) {
        ready = train_in_order(&shared, team, &problem);
    } else if (ready && !problem) {
#pragma omp parallel num_threads(team) reduction(&& : ready)
        {
            ready = train_worker(&shared, &next, &problem);
        }
    }
    free(hot.slot);
    free(shared.alias);
    return ready ? problem : sq_no_memory;
}

// One thread's part of the inference: sentences that it draws from the common counter. Each is trained as if it were
// alone, so that its row depends on nothing else.
static bool infer_worker(const struct shared *all, int64_t epochs, int64_t longest, int64_t *next, const char **problem)
{
    static const int64_t tag_offsets[] = {0, 1};
    static const int32_t tags[] = {0};
    const struct training *every = all->a;
    int64_t offsets[] = {0, 0};
    double loss = 0;
    int64_t examples = 0;
    struct training one = *every;
    one.offsets = offsets, one.S = 1, one.tag_offsets = tag_offsets, one.tags = tags, one.U = one.G = 1;
    one.loss = &loss, one.examples = &examples;
    struct shared shared = *all;
    shared.a = &one;
    struct worker w;
    int32_t *const order = malloc((size_t)(longest + 1) * sizeof *order);
    const bool ready = worker_allocate(&w, &shared) && order;
    for (int64_t k = 0; ready && k < longest; k++) order[k] = (int32_t)k;
    one.order = order;
    for (int64_t s; ready && !w.problem && (s = __atomic_fetch_add(next, 1, __ATOMIC_RELAXED)) < every->S;) {
        one.ids = every->ids + every->offsets[s];
        one.N = offsets[1] = every->offsets[s + 1] - every->offsets[s];
        one.documents = every->documents + s * every->P;
        for (int64_t e = 0; e < epochs * (one.N > 0); e++) {
            one.epoch = e;
            one.alpha = every->alpha + every->slope * (double)e, one.slope = 0;
            for (int64_t turn = 0; turn < blocks(one.N, BLOCK); turn++) {
                block_sample(&one, &w.block, turn);
                train_block(&w, &w.block);
            }
        }
    }
    worker_report(&w, problem);
    worker_free(&w);
    free(order);
    return ready;
}

const char *SQ_SHARED(infer_documents)(const struct training *a, int64_t epochs)
{
    int64_t next = 0, longest = 0;
    for (int64_t s = 0; s < a->S; s++) longest = most(longest, blocks(a->offsets[s + 1] - a->offsets[s], BLOCK));
    const char *problem = NULL;
    struct shared shared = {.a = a, .longest_path = find_longest_path(a), .most_tags = 1};
    if (a->output) shared.alias = join_alias(a, &problem);
    bool ready = shared.alias || !a->output;
    const int team = (int)most(1, least(sq_team(times(a->N * epochs, most(a->P, a->Q) * 32)), a->S));
    if (ready && !problem) {
#pragma omp parallel num_threads(team) reduction(&& : ready)
        {
            ready = infer_worker(&shared, epochs, longest, &next, &problem);
        }
    }
    free(shared.alias);
    return ready ? problem : sq_no_memory;
}
