// Training and use of a linear-chain conditional random field over features (Lafferty, McCallum, Pereira, ICML 2001).
//
// The gradient by the weights of an attribute is a sum over the items that have it, of the marginals there. It is made
// attribute by attribute from an index of these items, so that it is the same for any number of threads. The marginals
// are kept for some sequences at a time, a segment.
#include "base/scratch.h"
#include "crf_tagger_args.h"
#include "structured/crf_best.h"
#include "structured/tagger.h"

enum {
    PARTS = 32,                // in which pairs of labels are counted
    SEGMENTS = 16,             // at most, but for long sequences
    SEGMENT_NUMBERS = 1 << 20, // marginals that are kept at least
    BLOCKS = 512,              // of attributes
};

static int64_t longest_sequence(const int64_t *sequences, int64_t S)
{
    int64_t longest = 1;
    for (int64_t s = 0; s < S; s++) longest = most(longest, sequences[s + 1] - sequences[s]);
    return longest;
}

// Lists the items that have each attribute, in their order, with its values there: the items of attribute a are
// places[begins[a] .. begins[a + 1]).
//: crf_tagger_index(items:l[T+1], ids:i[N]<A, begins+l[A+1], values?f[N]) -> places:i[N], sorted?f[N]
//:     where items covers N; T <= 2147483647; sorted needs values
KERNEL(crf_tagger_index)
{
    int64_t *begins = a->begins, sum = 0;
    memset(begins, 0, (size_t)(a->A + 1) * sizeof *begins);
    for (int64_t o = 0; o < a->N; o++) begins[a->ids[o]]++;
    for (int64_t k = 0; k <= a->A; k++) {
        const int64_t own = begins[k];
        begins[k] = sum;
        sum += own;
    }
    for (int64_t t = 0; t < a->T; t++)
        for (int64_t o = a->items[t]; o < a->items[t + 1]; o++) {
            const int64_t to = begins[a->ids[o]]++;
            if (to < 0 || to >= a->N) return "begins changed meanwhile";
            a->places[to] = (int32_t)t;
            if (a->sorted) a->sorted[to] = a->values[o];
        }
    memmove(begins + 1, begins, (size_t)a->A * sizeof *begins);
    begins[0] = 0;
    return NULL;
}

// How often each label occurs with attribute `id`, each time its value there; -1 where it does not.
static void count_labels(const struct crf_tagger_count *a, int64_t id, double *sums, bool *seen)
{
    for (int64_t l = 0; l < a->kinds; l++) sums[l] = 0, seen[l] = a->all_labels;
    for (int64_t o = a->begins[id]; o < a->begins[id + 1]; o++) {
        const int32_t label = a->tags[a->places[o]];
        sums[label] += a->values ? (double)a->values[o] : 1;
        seen[label] = true;
    }
}

// Counts the labels that each attribute gets weights for: those that occur with it, or all, with a count of at least
// `least_count`. With offsets, where those of each attribute begin, says which they are, and how often each occurs.
//: crf_tagger_count(begins:l[A+1], places:i[N]<T, tags:i[T], kinds:n>=1, least_count:d, all_labels:p, values?f[N],
//:     offsets?l[A+1], size:n>=0=0)
//:     -> counts:l[A], labels:u16[size], frequency:f64[size]
//:     where begins covers N; 0 <= tags < kinds; kinds <= 65535; offsets ascends to size
KERNEL(crf_tagger_count)
{
    const int team = sq_team(times(4, a->N) + a->A);
    char *room = sq_scratch_take((size_t)times(team, round_up(9 * a->kinds, 64)));
    if (!room) return sq_no_memory;
    bool good = true;
#pragma omp parallel for num_threads(team) schedule(dynamic, 64) reduction(&& : good)
    for (int64_t id = 0; id < a->A; id++) {
        double *sums = (double *)(room + omp_get_thread_num() * round_up(9 * a->kinds, 64));
        bool *seen = (bool *)(sums + a->kinds);
        count_labels(a, id, sums, seen);
        int64_t count = 0;
        for (int64_t l = 0; l < a->kinds; l++) {
            if (!seen[l] || !(sums[l] >= a->least_count)) continue;
            if (a->offsets) {
                const int64_t to = a->offsets[id] + count;
                good = good && to < a->offsets[id + 1];
                if (!good) break;
                a->labels[to] = (uint16_t)l;
                a->frequency[to] = sums[l];
            }
            count++;
        }
        a->counts[id] = count;
    }
    sq_scratch_give(room);
    return good ? NULL : "offsets: expected the sums of the counts";
}

// What the threads share while they compute a gradient.
typedef struct {
    const struct crf_tagger_gradient *a;
    tagger model;
    tagger_chain chain;
    int64_t parts_size; // numbers of the counts of a part: two matrices [L, width]
    real *counts;       // [PARTS][2][L, width]
    real *marginals;    // of a segment
    int64_t *cursor;    // [A]: how far the items of each attribute are done
} gradient;

// Sequences [first, last), whose marginals come from item `origin` on.
static void sum_sequences(const gradient *g, int64_t first, int64_t last, int64_t origin, const tagger_room *room,
                          crf_counts *counts)
{
    const struct crf_tagger_gradient *a = g->a;
    for (int64_t s = first; s < last; s++) {
        const int64_t begin = a->sequences[s];
        double score = 0;
        const double logz = tagger_sums(&g->model, &g->chain, begin, a->sequences[s + 1] - begin, a->tags + begin, room,
                                        g->marginals + (begin - origin) * a->L, counts, &score);
        a->losses[s] = logz - score;
    }
}

// Adds up the marginals of the items of an attribute, from its cursor on and before item `end`, in `registers`
// registers from label j on. Returns where it stops.
ALWAYS_INLINE int64_t sum_items(const gradient *g, int64_t from, int64_t to, int64_t origin, int64_t end, int64_t j,
                                real *sums, const int registers, const bool weighted)
{
    const struct crf_tagger_gradient *a = g->a;
    vf sum[4] = {vf_set(0), vf_set(0), vf_set(0), vf_set(0)};
    int64_t o = from;
    for (; o < to; o++) {
        const int64_t item = READ_ONCE(a->places[o]);
        if (item >= end || item < origin) break;
        const real *row = g->marginals + (item - origin) * a->L + j;
#pragma GCC unroll 4
        for (int r = 0; r < registers; r++) {
            vf one = vf_load(row + r * LANES);
            if (weighted) one *= a->sorted[o];
            sum[r] += one;
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < registers; r++) vf_store(sums + j + r * LANES, sum[r]);
    return o;
}

static int64_t sum_all_labels(const gradient *g, int64_t from, int64_t to, int64_t origin, int64_t end, real *sums)
{
    int64_t left = blocks(g->a->L, LANES), j = 0, o = from;
    const bool weighted = g->a->sorted;
    for (; left > 0; left -= 4, j += 4 * LANES) switch (weighted * 4 + least(left, 4) - 1) {
        case 0: o = sum_items(g, from, to, origin, end, j, sums, 1, false); break;
        case 1: o = sum_items(g, from, to, origin, end, j, sums, 2, false); break;
        case 2: o = sum_items(g, from, to, origin, end, j, sums, 3, false); break;
        case 3: o = sum_items(g, from, to, origin, end, j, sums, 4, false); break;
        case 4: o = sum_items(g, from, to, origin, end, j, sums, 1, true); break;
        case 5: o = sum_items(g, from, to, origin, end, j, sums, 2, true); break;
        case 6: o = sum_items(g, from, to, origin, end, j, sums, 3, true); break;
        default: o = sum_items(g, from, to, origin, end, j, sums, 4, true);
        }
    return o;
}

// Adds the marginals of a segment, of the items [origin, end), to the gradient by the weights of attributes.
static void sum_attributes(const gradient *g, int64_t first, int64_t last, int64_t origin, int64_t end, real *sums)
{
    const struct crf_tagger_gradient *a = g->a;
    for (int64_t id = first; id < last; id++) {
        int64_t own;
        const int64_t from = g->cursor[id], to = least(READ_ONCE(a->begins[id + 1]), a->N);
        if (from < 0 || from >= to || READ_ONCE(a->places[from]) >= end) continue;
        const int64_t weights = read_part(a->first, id, a->K, &own);
        g->cursor[id] = sum_all_labels(g, from, to, origin, end, sums);
        for (int64_t k = own; k < own + weights; k++) {
            const uint16_t label = READ_ONCE(a->labels[k]);
            if (label < a->L) a->grad[k] += sums[label];
        }
    }
}

// The first attribute whose items begin at `place` or after it.
static int64_t attribute_at(const struct crf_tagger_gradient *a, int64_t place)
{
    int64_t low = 0, high = a->A;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (READ_ONCE(a->begins[middle]) < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_transitions(const gradient *g)
{
    const struct crf_tagger_gradient *a = g->a;
    const crf_table *t = &g->chain.table;
    for (int64_t i = 0; i < a->L; i++)
        for (int64_t j = 0; j < a->L; j++) {
            const int64_t at = i * t->width + j;
            real outer = 0, direct = 0;
            for (int64_t p = 0; p < PARTS; p++) {
                const real *own = g->counts + p * g->parts_size;
                outer += own[at], direct += own[a->L * t->width + at];
            }
            a->grad_transitions[i * a->L + j] = outer * t->along[at] + direct;
        }
}

// Computes -log p(tags) of each sequence, and the expected counts: grad[k] the sum over all items of the probability of
// label labels[k] times the value of its attribute there; grad_transitions[i, j] how often label j comes after i.
// begins, places and sorted are the index of the attributes, edges the blocks of them that are worked on together.
//: crf_tagger_gradient(sequences:l[S+1], items:l[T+1], ids:i[N], tags:i[T]<L, first:l[A+1], labels:u16[K],
//: weights:f[K],
//:     transitions:f[L,L], begins:l[A+1], places:i[N], values?f[N], sorted?f[N])
//:     -> losses:f64[S], grad:f[K], grad_transitions:f[L,L]
//:     where sequences covers T; L <= 65535; L >= 1; values needs sorted; sorted needs values
KERNEL(crf_tagger_gradient)
{
    const int64_t L = a->L, width = crf_width(L), longest = longest_sequence(a->sequences, a->S);
    const int64_t most_items = most(most(SEGMENT_NUMBERS / L, a->T / SEGMENTS), 1);
    const int64_t own = tagger_room_size(longest, width), size = times(L, width);
    const int64_t kept = least(a->T, most_items + longest);
    const int team = sq_team(times(a->N + 4 * a->T, L));
    gradient g = {.a = a, .model = TAGGER(a), .parts_size = 2 * size};
    const int64_t dense = tagger_dense_size(&g.model, width), marginals = times(kept, L) + 4 * LANES;
    const int64_t numbers = tagger_chain_size(L) + times(2 * PARTS, size) + marginals + team * own + dense;
    real *room = sq_scratch_take((size_t)(times(numbers, sizeof(real)) + times(a->A, sizeof(int64_t)) + 64));
    if (!room) return sq_no_memory;
    tagger_chain_fill(&g.chain, a->transitions, L, room);
    g.counts = room + tagger_chain_size(L);
    real *rooms = g.counts + 2 * PARTS * size;
    g.marginals = rooms + team * own;
    tagger_dense_fill(&g.model, width, dense, g.marginals + marginals);
    g.cursor = (int64_t *)(room + round_up(numbers, 8));
    memset(g.counts, 0, (size_t)(2 * PARTS * size) * sizeof(real));
    memset(g.marginals, 0, (size_t)(kept * L + 4 * LANES) * sizeof(real));
    memset(a->grad, 0, (size_t)a->K * sizeof(real));
    for (int64_t id = 0; id < a->A; id++) g.cursor[id] = READ_ONCE(a->begins[id]);
    for (int64_t from = 0, to; from < a->S; from = to) {
        const int64_t origin = a->sequences[from];
        for (to = from + 1; to < a->S && a->sequences[to] - origin < most_items;) to++;
        const int64_t end = a->sequences[to];
#pragma omp parallel num_threads(team)
        {
            real *memory = rooms + omp_get_thread_num() * own;
            const tagger_room mine = tagger_room_at(memory, longest, width);
#pragma omp for schedule(dynamic)
            for (int64_t p = 0; p < PARTS; p++) {
                crf_counts counts = {g.counts + p * g.parts_size, g.counts + p * g.parts_size + size};
                sum_sequences(&g, from + cut(to - from, PARTS, p), from + cut(to - from, PARTS, p + 1), origin, &mine,
                              &counts);
            }
#pragma omp for schedule(dynamic)
            for (int64_t b = 0; b < BLOCKS; b++)
                sum_attributes(&g, attribute_at(a, cut(a->N, BLOCKS, b)), attribute_at(a, cut(a->N, BLOCKS, b + 1)),
                               origin, end, memory);
        }
    }
    add_transitions(&g);
    sq_scratch_give(room);
    return NULL;
}

// Computes the probability of each label at each item of each sequence, and log Z.
//: crf_tagger_marginals(sequences:l[S+1], items:l[T+1], ids:i[N], first:l[A+1], labels:u16[K], weights:f[K],
//:     transitions:f[L,L], values?f[N])
//:     -> marginals:f[T,L], logz:f64[S]
//:     where sequences covers T; L <= 65535; L >= 1
KERNEL(crf_tagger_marginals)
{
    const int64_t L = a->L, width = crf_width(L), longest = longest_sequence(a->sequences, a->S);
    const int64_t own = tagger_room_size(longest, width);
    const int team = (int)most(1, least(a->S, sq_team(times(a->N + 4 * a->T, L))));
    tagger model = TAGGER(a);
    const int64_t dense = tagger_dense_size(&model, width);
    real *room = sq_scratch_take((size_t)times(tagger_chain_size(L) + team * own + dense, sizeof(real)));
    if (!room) return sq_no_memory;
    tagger_dense_fill(&model, width, dense, room + tagger_chain_size(L) + team * own);
    tagger_chain chain;
    tagger_chain_fill(&chain, a->transitions, L, room);
#pragma omp parallel for num_threads(team) schedule(dynamic, 8)
    for (int64_t s = 0; s < a->S; s++) {
        const tagger_room mine =
            tagger_room_at(room + tagger_chain_size(L) + omp_get_thread_num() * own, longest, width);
        const int64_t begin = a->sequences[s];
        crf_counts none = {0};
        a->logz[s] = tagger_sums(&model, &chain, begin, a->sequences[s + 1] - begin, NULL, &mine,
                                 a->marginals + begin * L, &none, NULL);
    }
    sq_scratch_give(room);
    return NULL;
}

// What a search for the best tags needs of memory: scores [longest, width], tags, and that of crf_best.h.
typedef struct {
    crf_search search;
    int64_t longest, own; // bytes for a thread
} tagging;

static tagging tagging_of(int64_t longest, int64_t L, const real *transitions)
{
    tagging t = {.search = {.transitions = transitions, .K = L, .T = longest, .best = 1}, .longest = longest};
    crf_search_prepared(&t.search);
    t.search.step = t.search.width;
    const int64_t numbers = times(longest + 2 + 1, t.search.width);
    t.own = round_up(times(numbers, sizeof(real)) + times(longest, sizeof(int64_t)) + crf_search_size(&t.search), 64);
    return t;
}

// Finds the best tags of the sequence that begins at item `begin`. Returns their score; *tags points to them.
static double tag_sequence(const tagger *m, const tagging *t, int64_t begin, int64_t length, char *memory,
                           int64_t **tags)
{
    const int64_t width = t->search.width;
    real *sums = (real *)memory, *zeros = sums + 2 * width, *scores = zeros + width;
    *tags = (int64_t *)(scores + t->longest * width);
    crf_search search = t->search;
    search.start = search.end = zeros;
    for (int64_t j = 0; j < width; j++) zeros[j] = 0;
    for (int64_t i = 0; i < length; i++) tagger_scores(m, begin + i, sums, scores + i * width, width);
    return length ? (double)crf_search_one(&search, scores, length, *tags, *tags + t->longest) : 0;
}

// Finds the best labels of the items of each sequence, and their score. Ties go to the lowest label.
//: crf_tagger_tag(sequences:l[S+1], items:l[T+1], ids:i[N], first:l[A+1], labels:u16[K], weights:f[K],
//:     transitions:f[L,L], values?f[N])
//:     -> tags:i[T], scores:f64[S]
//:     where sequences covers T; L <= 65535; L >= 1
KERNEL(crf_tagger_tag)
{
    tagging t = tagging_of(longest_sequence(a->sequences, a->S), a->L, a->transitions);
    const int64_t matrix = crf_search_prepared(&t.search);
    const int team = (int)most(1, least(a->S, sq_team(times(a->N + 4 * a->T, a->L))));
    tagger model = TAGGER(a);
    const int64_t dense = tagger_dense_size(&model, t.search.width);
    char *room = sq_scratch_take((size_t)(matrix + times(team, t.own) + times(dense, sizeof(real))));
    if (!room) return sq_no_memory;
    tagger_dense_fill(&model, t.search.width, dense, (real *)(room + matrix + team * t.own));
    crf_search_prepare(&t.search, room);
#pragma omp parallel for num_threads(team) schedule(dynamic, 8)
    for (int64_t s = 0; s < a->S; s++) {
        const int64_t begin = a->sequences[s], length = a->sequences[s + 1] - begin;
        int64_t *tags;
        a->scores[s] = tag_sequence(&model, &t, begin, length, room + matrix + omp_get_thread_num() * t.own, &tags);
        for (int64_t i = 0; i < length; i++) a->tags[begin + i] = (int32_t)tags[i];
    }
    sq_scratch_give(room);
    return NULL;
}

// Adds `by` to the weights of the labels that a sequence has, where there are such weights, and by * time to their
// sums.
static void update(const struct crf_tagger_perceptron *a, int64_t item, int64_t before, int64_t label, double by,
                   double time)
{
    int64_t start, from;
    const int64_t count = read_part(a->items, item, a->N, &start);
    for (int64_t o = start; o < start + count; o++) {
        const int64_t id = READ_ONCE(a->ids[o]);
        if ((uint64_t)id >= (uint64_t)a->A) continue;
        const double change = by * (a->values ? (double)a->values[o] : 1);
        const int64_t weights = read_part(a->first, id, a->K, &from);
        for (int64_t k = from; k < from + weights; k++) {
            if (READ_ONCE(a->labels[k]) != label) continue;
            a->weights[k] += (real)change;
            a->sums[k] += (real)(change * time);
        }
    }
    const int64_t at = before * a->L + label;
    if (before < 0 || !a->allowed[at]) return;
    a->transitions[at] += (real)by;
    a->transition_sums[at] += (real)(by * time);
}

// Goes through the sequences in an order, and after each that is tagged wrongly adds 1 to the weights on the path of
// its tags and takes 1 off those on the path that was found. sums: of the weights' changes, each times the number of
// sequences before it, `time` before the first. loss = the sum of the share of wrong tags in each.
//: crf_tagger_perceptron(sequences:l[S+1], items:l[T+1], ids:i[N], tags:i[T]<L, order:i[S]<S, first:l[A+1],
//: labels:u16[K],
//:     weights+f[K], sums+f[K], transitions+f[L,L], transition_sums+f[L,L], allowed:b[L,L], time:d, values?f[N])
//:     -> loss:f64[1]
//:     where sequences covers T; L <= 65535; L >= 1
KERNEL(crf_tagger_perceptron)
{
    tagging t = tagging_of(longest_sequence(a->sequences, a->S), a->L, a->transitions);
    const int64_t matrix = crf_search_prepared(&t.search);
    char *room = sq_scratch_take((size_t)(matrix + t.own));
    if (!room) return sq_no_memory;
    const tagger model = TAGGER(a);
    crf_search_prepare(&t.search, room);
    double loss = 0, time = a->time;
    for (int64_t n = 0; n < a->S; n++, time++) {
        const int64_t s = a->order[n], begin = a->sequences[s], length = a->sequences[s + 1] - begin;
        int64_t *found, wrong = 0;
        tag_sequence(&model, &t, begin, length, room + matrix, &found);
        for (int64_t i = 0; i < length; i++) wrong += found[i] != a->tags[begin + i];
        if (wrong == 0) continue;
        for (int64_t i = 0; i < length; i++) {
            update(a, begin + i, i ? a->tags[begin + i - 1] : -1, a->tags[begin + i], 1, time);
            update(a, begin + i, i ? found[i - 1] : -1, found[i], -1, time);
        }
        crf_search_prepare(&t.search, room);
        loss += (double)wrong / (double)length;
    }
    a->loss[0] = loss;
    sq_scratch_give(room);
    return NULL;
}
