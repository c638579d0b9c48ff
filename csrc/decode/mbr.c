// How much sequences have in common: the F scores of their n-grams for all pairs, for minimum Bayes risk decoding.
#include "base/arith.h"
#include "mbr_args.h"
#include "seqnn.h"

// An n-gram: the number of the (n-1)-gram that it begins with, its last token, and where it stands.
typedef struct {
    int64_t before, token, place;
} gram;

static int compare_grams(const void *x, const void *y)
{
    const gram *a = x, *b = y;
    if (a->before != b->before) return a->before < b->before ? -1 : 1;
    if (a->token != b->token) return a->token < b->token ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

// That a sequence has an n-gram, and how often.
typedef struct {
    int64_t sequence, times;
} holder;

// All sequences, one after the other, and who has which n-gram of the present order: the holders of n-gram k, by
// sequence, are holders[first[k] .. first[k + 1]).
typedef struct {
    const int64_t *tokens, *offsets;
    int64_t sequences, hypotheses;
    int64_t *number, *sequence_of; // by place
    int64_t *count;                // how many n-grams a sequence has
    gram *grams;
    holder *holders;
    int64_t *first, grams_count;
} grams;

// Goes from the numbers of (n-1)-grams by place to those of n-grams, where equal n-grams get equal numbers, and lists
// who has them.
static void number_grams(grams *g, int64_t n)
{
    int64_t found = 0;
    for (int64_t s = 0; s < g->sequences; s++) {
        g->count[s] = most(0, g->offsets[s + 1] - g->offsets[s] - n + 1);
        for (int64_t at = g->offsets[s]; at < g->offsets[s] + g->count[s]; at++)
            g->grams[found++] = (gram){n > 1 ? g->number[at] : 0, g->tokens[at + n - 1], at};
    }
    qsort(g->grams, (size_t)found, sizeof *g->grams, compare_grams);
    int64_t number = -1, held = 0;
    for (int64_t i = 0; i < found; i++) {
        const gram *now = g->grams + i;
        const bool another = !i || now->before != now[-1].before || now->token != now[-1].token;
        const int64_t sequence = g->sequence_of[now->place];
        if (another) g->first[++number] = held;
        if (another || g->holders[held - 1].sequence != sequence) g->holders[held++] = (holder){sequence, 0};
        g->holders[held - 1].times++;
        g->number[now->place] = number;
    }
    g->grams_count = number + 1;
    g->first[g->grams_count] = held;
}

// Adds to common[h, r] how many n-grams hypothesis h, from <= h < to, and reference r share, each as often as both have
// it. N-grams that few sequences have, which most do, cost next to nothing.
static void count_common(const grams *g, int64_t from, int64_t to, int64_t *common)
{
    const int64_t references = g->sequences - g->hypotheses;
    for (int64_t k = 0; k < g->grams_count; k++) {
        const holder *h = g->holders + g->first[k], *end = g->holders + g->first[k + 1], *reference = h;
        while (reference < end && reference->sequence < g->hypotheses) reference++;
        for (; h < reference && h->sequence < to; h++) {
            if (h->sequence < from) continue;
            int64_t *row = common + h->sequence * references - g->hypotheses;
            for (const holder *r = reference; r < end; r++) row[r->sequence] += least(h->times, r->times);
        }
    }
}

// Adds an order's F of the hypotheses from <= h < to and each reference to the utilities. `common` is 0, and is again.
static void score_rows(const struct mbr_overlap *a, const grams *g, int64_t from, int64_t to, int64_t *common)
{
    const int64_t references = g->sequences - g->hypotheses;
    const double beta = a->beta, share = 1 / (double)a->orders;
    count_common(g, from, to, common);
    for (int64_t h = from; h < to; h++)
        for (int64_t r = 0; r < references; r++) {
            const double written = (double)g->count[h], due = (double)g->count[g->hypotheses + r];
            double f = written == 0 && due == 0;
            if (written > 0 && due > 0)
                f = (1 + beta * beta) * (double)common[h * references + r] / (beta * beta * due + written);
            a->utility[h * references + r] += share * f;
        }
    memset(common + from * references, 0, (size_t)((to - from) * references) * sizeof *common);
}

// The first `hypotheses` sequences are the hypotheses, the others the references. utility[h, r] is the mean over
// n = 1 .. orders of F_beta of their n-grams, counted as often as they occur:
// F_beta = (1 + beta^2) common / (beta^2 |reference| + |hypothesis|), 1 where neither has any n-gram.
//: mbr_overlap(tokens:l[T], offsets:l[S+1], hypotheses:n>=0, orders:n>=1, beta:d=1)
//:     -> utility:f64[hypotheses,S-hypotheses]
//:     where offsets covers T; hypotheses <= S
KERNEL(mbr_overlap)
{
    const size_t T = (size_t)a->T + 1;
    grams g = {.tokens = a->tokens,
               .offsets = a->offsets,
               .sequences = a->S,
               .hypotheses = a->hypotheses,
               .number = malloc(T * sizeof *g.number),
               .sequence_of = malloc(T * sizeof *g.sequence_of),
               .count = malloc((size_t)(a->S + 1) * sizeof *g.count),
               .grams = malloc(T * sizeof *g.grams),
               .holders = malloc(T * sizeof *g.holders),
               .first = malloc(T * sizeof *g.first)};
    int64_t *common = calloc((size_t)a->utility_size + 1, sizeof *common);
    const bool ok = g.number && g.sequence_of && g.count && g.grams && g.holders && g.first && common;
    const double empty = a->orders > a->T ? (double)(a->orders - a->T) / (double)a->orders : 0;
    for (int64_t i = 0; i < a->utility_size; i++)
        a->utility[i] = empty; // no sequence has n-grams longer than all tokens
    for (int64_t s = 0; ok && s < a->S; s++)
        for (int64_t at = a->offsets[s]; at < a->offsets[s + 1]; at++) g.sequence_of[at] = s;
    const int team = (int)most(1, least(sq_team(a->utility_size * 4), a->hypotheses));
    for (int64_t n = 1; ok && n <= least(a->orders, a->T); n++) {
        number_grams(&g, n);
#pragma omp parallel for num_threads(team) schedule(static)
        for (int t = 0; t < team; t++)
            score_rows(a, &g, cut(a->hypotheses, team, t), cut(a->hypotheses, team, t + 1), common);
    }
    free(g.number), free(g.sequence_of), free(g.count), free(g.grams), free(g.holders), free(g.first), free(common);
    return ok ? NULL : sq_no_memory;
}
