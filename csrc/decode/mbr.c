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

static int compare_numbers(const void *x, const void *y)
{
    const int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return a < b ? -1 : a > b;
}

// All sequences, one after the other, and the n-grams of the present order by number: those of sequence s, sorted, are
// sorted[offsets[s] .. offsets[s] + count[s]).
typedef struct {
    const int64_t *tokens, *offsets;
    int64_t sequences;
    int64_t *number, *sorted, *count; // by place, by sequence, and how many a sequence has
    gram *grams;
} grams;

// Goes from the numbers of (n-1)-grams by place to those of n-grams; equal n-grams get equal numbers.
static void number_grams(grams *g, int64_t n)
{
    int64_t found = 0;
    for (int64_t s = 0; s < g->sequences; s++) {
        g->count[s] = most(0, g->offsets[s + 1] - g->offsets[s] - n + 1);
        for (int64_t at = g->offsets[s]; at < g->offsets[s] + g->count[s]; at++)
            g->grams[found++] = (gram){n > 1 ? g->number[at] : 0, g->tokens[at + n - 1], at};
    }
    qsort(g->grams, (size_t)found, sizeof *g->grams, compare_grams);
    int64_t number = -1;
    for (int64_t i = 0; i < found; i++) {
        const gram *now = g->grams + i;
        number += !i || now->before != now[-1].before || now->token != now[-1].token;
        g->number[now->place] = number;
    }
    for (int64_t s = 0; s < g->sequences; s++) {
        int64_t *sorted = g->sorted + g->offsets[s];
        memcpy(sorted, g->number + g->offsets[s], (size_t)g->count[s] * sizeof *sorted);
        qsort(sorted, (size_t)g->count[s], sizeof *sorted, compare_numbers);
    }
}

// How many n-grams two sequences share, each as often as both have it.
static int64_t shared(const grams *g, int64_t a, int64_t b)
{
    const int64_t *x = g->sorted + g->offsets[a], *y = g->sorted + g->offsets[b];
    const int64_t *x_end = x + g->count[a], *y_end = y + g->count[b];
    int64_t common = 0;
    while (x < x_end && y < y_end) {
        const int64_t left = *x, right = *y;
        common += left == right;
        x += left <= right, y += right <= left;
    }
    return common;
}

// Adds an order's F of hypothesis h and each reference to the utilities.
static void score_row(const struct mbr_overlap *a, const grams *g, int64_t h, double beta, double share)
{
    const int64_t references = a->S - a->hypotheses;
    for (int64_t r = 0; r < references; r++) {
        const int64_t reference = a->hypotheses + r;
        const double written = (double)g->count[h], due = (double)g->count[reference];
        double f = written == 0 && due == 0;
        if (written > 0 && due > 0)
            f = (1 + beta * beta) * (double)shared(g, h, reference) / (beta * beta * due + written);
        a->utility[h * references + r] += share * f;
    }
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
    grams g = {a->tokens,
               a->offsets,
               a->S,
               malloc(T * sizeof *g.number),
               malloc(T * sizeof *g.sorted),
               malloc((size_t)(a->S + 1) * sizeof *g.count),
               malloc(T * sizeof *g.grams)};
    const bool ok = g.number && g.sorted && g.count && g.grams;
    const double empty = a->orders > a->T ? (double)(a->orders - a->T) / (double)a->orders : 0;
    for (int64_t i = 0; i < a->utility_size; i++)
        a->utility[i] = empty; // no sequence has n-grams longer than all tokens
    for (int64_t n = 1; ok && n <= least(a->orders, a->T); n++) {
        number_grams(&g, n);
#pragma omp parallel for num_threads(sq_team(a->utility_size * 64)) schedule(dynamic)
        for (int64_t h = 0; h < a->hypotheses; h++) score_row(a, &g, h, a->beta, 1 / (double)a->orders);
    }
    free(g.number), free(g.sorted), free(g.count), free(g.grams);
    return ok ? NULL : sq_no_memory;
}
