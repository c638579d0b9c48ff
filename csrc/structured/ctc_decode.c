// Labels that connectionist temporal classification reads, by a search over their beginnings. For each beginning the
// probability of the paths that give it and end with a blank is kept apart from that of those which end with its last
// label.
//
// Hannun, Maas, Jurafsky, Ng, "First-pass large vocabulary continuous speech recognition using bi-directional recurrent
// DNNs", 2014.
#include "base/scratch.h"
#include "ctc_decode_args.h"
#include "lm/score.h"
#include "vec/vec.h"

// A language model of labels: the label c is its word words[c], and adds alpha log p + beta to a score.
typedef struct {
    model m;
    const int32_t *words;
    double alpha, beta; // for log10 p
} fusion;

enum { MOST_STATE = TRIE_MOST_ORDER - 1 };

typedef struct {
    int64_t length, last;       // of its labels; the last one, or -1
    uint64_t hash, without;     // of its labels, and of those before the last one
    double blank, label, both;  // logarithms of the sums over paths by how they end
    double extra;               // what was added to its score
    uint32_t state[MOST_STATE]; // of the language model
} beginning;

typedef struct {
    double score;
    int64_t from, label; // a beginning, and what it goes on with; or -1 where it stays as it is
    double blank, ends_label, extra;
} candidate;

typedef struct {
    int64_t width, most, classes, blank, size;
    beginning *now, *next;
    int64_t *labels, *next_labels; // [width, most] each
    candidate *heap;               // a heap of the best ones, the worst at its root
    int64_t *child_of;             // of each beginning the one that it goes on from, or -1
    bool *taken;                   // [classes]: labels by which a beginning leads to one that is there already
    int64_t count;                 // in the heap
    const fusion *lm;              // or NULL
    double *bonus, *next_bonus;    // [width, classes]: what each label adds after each beginning; or NULL
} beam;

static int64_t beam_size(int64_t width, int64_t most_labels, int64_t classes)
{
    const int64_t one = 2 * (int64_t)sizeof(beginning) + (int64_t)sizeof(candidate) + 8;
    const int64_t bonus = times(times(16, width), classes);
    return round_up(times(one, width) + times(times(16, width), most_labels) + bonus + classes, 64);
}

static beam beam_at(int64_t width, int64_t most_labels, int64_t classes, int64_t blank, void *room)
{
    beam b = {.width = width, .most = most_labels, .classes = classes, .blank = blank};
    b.now = room, b.next = b.now + width, b.heap = (candidate *)(b.next + width);
    b.labels = (int64_t *)(b.heap + width), b.next_labels = b.labels + width * most_labels;
    b.child_of = b.next_labels + width * most_labels, b.bonus = (double *)(b.child_of + width);
    b.next_bonus = b.bonus + width * classes, b.taken = (bool *)(b.next_bonus + width * classes);
    memset(b.taken, 0, (size_t)classes);
    return b;
}

static double log_add(double x, double y)
{
    const double top = x > y ? x : y, low = x > y ? y : x;
    return low == -INFINITY ? top : top + log1p(exp(low - top));
}

static void append(beginning *b, int64_t label)
{
    b->without = b->hash, b->hash = b->hash * 0x9e3779b97f4a7c15u + (uint64_t)label + 1;
    b->last = label, b->length++;
}

// What a word adds after a state, and the state after it.
static double fuse(const fusion *lm, const uint32_t *state, uint32_t word, uint32_t *next)
{
    uint32_t context[TRIE_MOST_ORDER] = {0};
    const int64_t reach = read_state(&lm->m, state, context);
    const double log_prob = (double)advance(&lm->m, context, most(reach, 0), word, next);
    return lm->alpha == 0 ? 0 : lm->alpha * log_prob; // which may be -inf
}

// Takes the last label of a beginning into its state, and computes what each label adds after it.
static void follow(const beam *b, beginning *p, double *bonus)
{
    uint32_t next[MOST_STATE] = {0};
    const fusion *lm = b->lm;
    fuse(lm, p->state, p->last < 0 ? NGRAM_SCORE_BOS : known(&lm->m, lm->words[p->last]), next);
    memcpy(p->state, next, sizeof next);
    for (int64_t c = 0; c < b->classes; c++)
        bonus[c] = c == b->blank ? 0 : fuse(lm, p->state, known(&lm->m, lm->words[c]), next) + lm->beta;
}

// The better one first: by score, and of equal scores the one that was offered first.
static int by_score(const void *x, const void *y)
{
    const candidate *a = x, *b = y;
    if (a->score != b->score) return a->score < b->score ? 1 : -1;
    if ((a->label < 0) != (b->label < 0)) return a->label < 0 ? -1 : 1;
    if (a->from != b->from) return a->from < b->from ? -1 : 1;
    return (a->label > b->label) - (a->label < b->label);
}

ALWAYS_INLINE bool is_worse(const candidate *x, const candidate *y) { return by_score(x, y) > 0; }

// Whether a candidate that is offered now would be among the best ones.
ALWAYS_INLINE bool is_among_best(const beam *b, double score)
{
    return score > -INFINITY && (b->count < b->width || score > b->heap[0].score);
}

static void keep(beam *b, candidate c)
{
    int64_t at = 0;
    if (b->count < b->width) {
        for (at = b->count++; at > 0 && is_worse(&c, &b->heap[(at - 1) / 2]); at = (at - 1) / 2)
            b->heap[at] = b->heap[(at - 1) / 2];
    } else {
        for (int64_t child; (child = 2 * at + 1) < b->count; at = child) {
            if (child + 1 < b->count && is_worse(&b->heap[child + 1], &b->heap[child])) child++;
            if (is_worse(&c, &b->heap[child])) break;
            b->heap[at] = b->heap[child];
        }
    }
    b->heap[at] = c;
}

// Finds the beginnings that another one goes on to.
static void find_children(beam *b)
{
    for (int64_t v = 0; v < b->size; v++) {
        const beginning *child = &b->now[v];
        b->child_of[v] = -1;
        for (int64_t w = 0; w < b->size && child->length > 0 && b->child_of[v] < 0; w++) {
            const beginning *parent = &b->now[w];
            if (parent->length + 1 == child->length && parent->hash == child->without &&
                !memcmp(b->labels + w * b->most, b->labels + v * b->most, (size_t)parent->length * sizeof(int64_t)))
                b->child_of[v] = w;
        }
    }
}

// The logarithm of the sum over paths that give a beginning and can go on with a label: a repetition needs a blank.
static double before(const beginning *b, int64_t label) { return label == b->last ? b->blank : b->both; }

static void offer_all(beam *b, const real *frame)
{
    find_children(b);
    b->count = 0;
    for (int64_t w = 0; w < b->size; w++) {
        const beginning *p = &b->now[w];
        candidate c = {0, w, -1, p->both + (double)frame[b->blank], -INFINITY, p->extra};
        if (p->length > 0) c.ends_label = p->label + (double)frame[p->last];
        if (b->child_of[w] >= 0)
            c.ends_label = log_add(c.ends_label, before(&b->now[b->child_of[w]], p->last) + (double)frame[p->last]);
        c.score = log_add(c.blank, c.ends_label) + c.extra;
        if (is_among_best(b, c.score)) keep(b, c);
    }
    for (int64_t w = 0; w < b->size; w++) {
        const beginning *p = &b->now[w];
        for (int64_t v = 0; v < b->size; v++)
            if (b->child_of[v] == w) b->taken[b->now[v].last] = true;
        for (int64_t label = 0; label < b->classes && p->length < b->most; label++) {
            if (label == b->blank || b->taken[label]) continue;
            const double sum = before(p, label) + (double)frame[label],
                         extra = p->extra + (b->bonus ? b->bonus[w * b->classes + label] : 0);
            if (is_among_best(b, sum + extra)) keep(b, (candidate){sum + extra, w, label, -INFINITY, sum, extra});
        }
        for (int64_t v = 0; v < b->size; v++)
            if (b->child_of[v] == w) b->taken[b->now[v].last] = false;
    }
}

// Reads a frame: each beginning stays as it is or goes on with a label, and the best ones are kept.
static void beam_step(beam *b, const real *frame)
{
    offer_all(b, frame);
    qsort(b->heap, (size_t)b->count, sizeof *b->heap, by_score);
    for (int64_t k = 0; k < b->count; k++) {
        const candidate *c = &b->heap[k];
        beginning *p = &b->next[k];
        *p = b->now[c->from];
        memcpy(b->next_labels + k * b->most, b->labels + c->from * b->most, (size_t)p->length * sizeof(int64_t));
        if (c->label >= 0) {
            b->next_labels[k * b->most + p->length] = c->label;
            append(p, c->label);
        }
        p->blank = c->blank, p->label = c->ends_label, p->both = log_add(p->blank, p->label), p->extra = c->extra;
        if (!b->lm) continue;
        double *bonus = b->next_bonus + k * b->classes;
        if (c->label >= 0)
            follow(b, p, bonus);
        else
            memcpy(bonus, b->bonus + c->from * b->classes, (size_t)b->classes * sizeof *bonus);
    }
    if (b->lm) {
        double *bonus = b->bonus;
        b->bonus = b->next_bonus, b->next_bonus = bonus;
    }
    beginning *now = b->now;
    int64_t *labels = b->labels;
    b->now = b->next, b->next = now, b->labels = b->next_labels, b->next_labels = labels, b->size = b->count;
}

// Reads the state of a search; what is wrong with it is found out here.
static bool read_beam(const struct ctc_decode *a, int64_t n, beam *b)
{
    for (int64_t w = 0; w < a->W; w++) {
        const int64_t at = n * a->W + w, length = a->length[at];
        beginning p = {.last = -1, .blank = a->ends_blank[at], .label = a->ends_label[at], .extra = a->extra[at]};
        if (length < 0 || length > a->L) return false;
        p.both = log_add(p.blank, p.label);
        if (b->lm) follow(b, &p, b->bonus + w * b->classes);
        for (int64_t k = 0; k < length; k++) {
            const int64_t label = a->labels[at * a->L + k];
            if (label < 0 || label >= a->C) return false;
            b->labels[w * a->L + k] = label;
            append(&p, label);
            if (b->lm) follow(b, &p, b->bonus + w * b->classes);
        }
        b->now[b->size++] = p;
    }
    return true;
}

static void write_beam(const struct ctc_decode *a, int64_t n, const beam *b)
{
    for (int64_t w = 0; w < a->W; w++) {
        const int64_t at = n * a->W + w;
        const beginning none = {.blank = -INFINITY, .label = -INFINITY}, *p = w < b->size ? &b->now[w] : &none;
        a->length[at] = p->length, a->extra[at] = p->extra;
        a->ends_blank[at] = p->blank, a->ends_label[at] = p->label;
        if (b->lm && a->eos && w < b->size) {
            uint32_t next[MOST_STATE];
            a->extra[at] += fuse(b->lm, p->state, NGRAM_SCORE_EOS, next);
        }
        memcpy(a->labels + at * a->L, b->labels + w * a->L, (size_t)p->length * sizeof(int64_t));
    }
}

// Makes a language model of the arguments; NULL where there is none.
static const char *open_fusion(const struct ctc_decode *a, fusion *lm)
{
    lm->m = (model){.t = {(const ngram_node *)a->nodes, (const ngram_leaf *)a->leaves, a->order, a->E, a->F, {0}},
                    .direct = a->kind & NGRAM_SCORE_DIRECT,
                    .closed = a->kind & NGRAM_SCORE_CLOSED,
                    .absent = (float)a->absent};
    lm->words = a->words, lm->alpha = a->alpha * log(10), lm->beta = a->beta;
    if (!trie_open(&lm->m.t)) return trie_damaged;
    lm->m.words = lm->m.t.level[2] - 1;
    return lm->m.words <= NGRAM_SCORE_EOS ? trie_damaged : NULL;
}

// Goes on with a search for the W best beginnings, whose state is labels (of the given lengths), the logarithms of the
// sums over their paths by how they end, and what was added to their scores; at first all sums are -inf but one that
// ends with a blank. bonus: what each label adds after each beginning, at all frames of the call. With an n-gram model,
// whose word words[c] is the label c, it is alpha log p + beta, and at the end alpha log p of EOS on request.
//: ctc_decode(log_probs~f[T,N,C], input_lengths:i[N], labels+l[N,W,L], length+l[N,W], ends_blank+f64[N,W],
//:     ends_label+f64[N,W], extra+f64[N,W], blank:n, bonus?f64[N,W,C], nodes?u32[E+1,4], leaves?u32[F,2], words?i[C],
//:     order:n=1, kind:n=0, absent:d=0, alpha:d=1, beta:d=0, eos:p=1)
//:     where 0 <= input_lengths <= T; 0 <= blank < C; nodes needs leaves; leaves needs words; words needs nodes;
//:     not (bonus and nodes)
KERNEL(ctc_decode)
{
    const int64_t one = beam_size(a->W, a->L, a->C);
    const int team = (int)most(1, least(a->N, sq_team(times(times(a->N, a->T), times(a->W, a->C + a->W)))));
    fusion lm;
    const char *problem = a->nodes ? open_fusion(a, &lm) : NULL;
    if (problem) return problem;
    char *room = sq_scratch_take((size_t)times(team, one));
    if (!room) return sq_no_memory;
    bool good = true;
#pragma omp parallel for num_threads(team) schedule(dynamic) reduction(&& : good)
    for (int64_t n = 0; n < a->N; n++) {
        beam b = beam_at(a->W, a->L, a->C, a->blank, room + omp_get_thread_num() * one);
        b.lm = a->nodes ? &lm : NULL;
        const bool whole = read_beam(a, n, &b);
        if (!a->nodes) b.bonus = a->bonus ? (double *)a->bonus + n * a->W * a->C : NULL;
        for (int64_t t = 0; t < a->input_lengths[n] && whole; t++)
            beam_step(&b, a->log_probs + t * a->log_probs_stride[0] + n * a->log_probs_stride[1]);
        if (whole) write_beam(a, n, &b);
        good = good && whole;
    }
    sq_scratch_give(room);
    return good ? NULL : "labels hold one that is not in [0, C), or length one that is not in [0, L]";
}
