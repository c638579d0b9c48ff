// Translation edit rate (Snover et al., "A study of translation edit rate with targeted human annotation", 2006), with
// the search for shifts of Tercom as sacrebleu does it: its limits, its order of candidates, its ties.
#include "base/arith.h"
#include "metrics/edit_band.h"
#include "metrics/edit_bits.h"
#include "ter_args.h"

enum { MAX_SHIFT_SIZE = 10, MAX_SHIFT_DISTANCE = 50, MAX_CANDIDATES = 1000 };

typedef struct {
    edit_band band;
    edit_bits bits;
    int32_t *words, *shifted, *align, *other_rows; // [n] [n] [m] [n + 1, pitch]
    int32_t *errs_before;                          // [n + 1] words in error before each
    uint8_t *word_errs, *reference_errs;
    uint64_t *scratch;
    char *memory;
    int64_t candidates;
} ter_room;

typedef struct {
    int64_t gain, length, start, target;
} shift;

// The larger gain first, then the longer run, the earlier start, the earlier target.
static inline bool is_better(const shift *a, const shift *b)
{
    if (a->gain != b->gain) return a->gain > b->gain;
    if (a->length != b->length) return a->length > b->length;
    if (a->start != b->start) return a->start < b->start;
    return a->target < b->target;
}

// out = the words with those from `start` on moved: before `target`, or, within the run, after as many others. Returns
// how many words at the beginning stay.
static int64_t move_words(const int32_t *words, int64_t n, const shift *s, int32_t *out)
{
    const int64_t start = s->start, after = start + s->length;
    int64_t from = start, to = after; // the words between move to the other side of the run
    if (s->target < start) {
        from = s->target;
        to = start;
    } else {
        from = after;
        to = s->target > after ? s->target : s->target + s->length;
        if (to > n) to = n;
    }
    const int64_t low = from < start ? from : start, other = to - from;
    const size_t word = sizeof *words;
    memcpy(out, words, (size_t)n * word);
    if (from < start) {
        memcpy(out + low, words + start, (size_t)s->length * word);
        memcpy(out + low + s->length, words + from, (size_t)other * word);
    } else {
        memcpy(out + low, words + from, (size_t)other * word);
        memcpy(out + low + other, words + start, (size_t)s->length * word);
    }
    return low;
}

// The banded distance of the shifted words. It is the exact one if a best path cannot leave the band: its distance from
// the diagonal is at most (edits + difference of lengths) / 2.
static int32_t shifted_distance(const ter_room *r, const int32_t *reference, int64_t same)
{
    const edit_band *e = &r->band;
    const int32_t exact = bits_distance(&r->bits, r->shifted, same, e->n, r->scratch);
    const int64_t longer = e->m > e->n ? e->m - e->n : e->n - e->m;
    if (e->m < e->beam || exact + longer < 2 * (e->beam - 1)) return exact;
    if (same > 0)
        memcpy(r->other_rows + same * e->pitch, e->rows + same * e->pitch, (size_t)e->pitch * sizeof(int32_t));
    return band_run(e, r->other_rows, NULL, same + 1, r->shifted, reference);
}

// Tries to move `length` words from `start` to the places around the reference's word `place`.
static void try_targets(ter_room *r, const int32_t *reference, int64_t distance, shift tried, int64_t place,
                        shift *best)
{
    int64_t before = -1;
    for (int64_t offset = -1; offset < tried.length; offset++) {
        if (place + offset >= r->band.m) break;
        tried.target = place + offset == -1 ? 0 : r->align[place + offset] + 1;
        if (tried.target == before) continue;
        before = tried.target;
        const int64_t same = move_words(r->words, r->band.n, &tried, r->shifted);
        tried.gain = distance - shifted_distance(r, reference, same);
        r->candidates++;
        if (best->length == 0 || is_better(&tried, best)) *best = tried;
    }
}

// The best shift of a run of words that also stands in the reference, elsewhere and wrongly aligned; length 0 if none.
static shift find_shift(ter_room *r, const int32_t *reference, int64_t distance)
{
    const int64_t n = r->band.n, m = r->band.m;
    shift best = {0, 0, 0, 0};
    r->errs_before[0] = 0;
    for (int64_t i = 0; i < n; i++) r->errs_before[i + 1] = r->errs_before[i] + r->word_errs[i];
    for (int64_t start = 0; start < n; start++) {
        int64_t place = start > MAX_SHIFT_DISTANCE ? start - MAX_SHIFT_DISTANCE : 0;
        for (; place < m && place <= start + MAX_SHIFT_DISTANCE; place++) {
            bool reference_err = false;
            for (int64_t k = 0; k < MAX_SHIFT_SIZE && start + k < n && place + k < m; k++) {
                if (r->words[start + k] != reference[place + k]) break;
                const int64_t length = k + 1;
                reference_err |= r->reference_errs[place + k];
                if (!reference_err || r->errs_before[start + length] == r->errs_before[start]) continue;
                if (r->align[place] >= start && r->align[place] < start + length) continue;
                try_targets(r, reference, distance, (shift){0, length, start, 0}, place, &best);
                if (r->candidates >= MAX_CANDIDATES) return best;
            }
        }
    }
    return best;
}

static int64_t count_edits(ter_room *r, const int32_t *words, int64_t n, const int32_t *reference, int64_t m)
{
    if (m == 0) return n;
    int64_t shifts = 0, distance;
    if (n > 0) memcpy(r->words, words, (size_t)n * sizeof *words);
    band_begin(&r->band, n, m);
    bits_begin(&r->bits, reference, m);
    r->candidates = 0;
    for (;; shifts++) {
        distance = band_run(&r->band, r->band.rows, r->band.operations, 1, r->words, reference);
        if (distance == 0 || n == 0) break;
        band_align(&r->band, r->align, r->word_errs, r->reference_errs);
        bits_run(&r->bits, r->words, n);
        const shift best = find_shift(r, reference, distance);
        if (r->candidates >= MAX_CANDIDATES || best.length == 0 || best.gain <= 0) break;
        move_words(r->words, n, &best, r->shifted);
        memcpy(r->words, r->shifted, (size_t)n * sizeof *r->words);
    }
    bits_end(&r->bits, reference);
    return shifts + distance;
}

// Room for `n` words, references of `m` tokens below `limit`, and `cells` = (n + 1) pitch of the band.
static bool ter_open(ter_room *r, int64_t n, int64_t m, int64_t cells, int64_t limit)
{
    const size_t size = (size_t)(n + 2), place = (size_t)(m + 2), room = (size_t)cells,
                 state = 2 * (size_t)blocks(m, 64);
    const size_t numbers = 4 * (4 * size + 2 * place + 2 * room), states = 8 * state * (size + 2);
    *r = (ter_room){.memory = malloc(states + numbers + room + size + place)};
    r->bits.masks = calloc((size_t)limit + 1, 8 * (state / 2 + 1));
    if (!r->memory || !r->bits.masks) return false;
    r->bits.states = (uint64_t *)r->memory;
    r->scratch = r->bits.states + state * size;
    int32_t *next = (int32_t *)(r->memory + states);
    r->bits.distances = next;
    r->words = next += size;
    r->shifted = next += size;
    r->errs_before = next += size;
    r->align = next += size;
    r->band.first = next += place;
    r->band.rows = next += place;
    r->other_rows = next += room;
    r->band.operations = (uint8_t *)(next + room);
    r->word_errs = r->band.operations + room;
    r->reference_errs = r->word_errs + size;
    return true;
}

static void ter_close(ter_room *r)
{
    free(r->memory);
    free(r->bits.masks);
}

// edits[p] = shifts, insertions, deletions and substitutions that turn sequence left[p] into right[p], the reference;
// sequence s is ids[offsets[s] .. offsets[s + 1]).
//: ter_edits(ids:i[N], offsets:l[S+1], left:i[P]<S, right:i[P]<S, limit:n>=0) -> edits:i[P]
//:     where offsets covers N; 0 <= ids < limit
KERNEL(ter_edits)
{
    int64_t n = 0, m = 0, cells = 0;
    double work = 0;
    for (int64_t p = 0; p < a->P; p++) {
        const int64_t size = a->offsets[a->left[p] + 1] - a->offsets[a->left[p]];
        const int64_t other = a->offsets[a->right[p] + 1] - a->offsets[a->right[p]];
        n = most(n, size);
        m = most(m, other);
        const int64_t need = (size + 1) * band_pitch(size, other);
        cells = most(cells, need);
        work += 200 + 20 * (double)need;
    }
    bool failed = false;
#pragma omp parallel num_threads(sq_team((int64_t)(work < 1e15 ? work : 1e15)))
    {
        ter_room room;
        const bool ready = ter_open(&room, n, m, cells, a->limit);
        if (!ready) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for schedule(dynamic, 4)
        for (int64_t p = 0; p < a->P; p++) {
            const int64_t *left = a->offsets + a->left[p], *right = a->offsets + a->right[p];
            if (ready)
                a->edits[p] = (int32_t)count_edits(&room, a->ids + left[0], left[1] - left[0], a->ids + right[0],
                                                   right[1] - right[0]);
        }
        ter_close(&room);
    }
    return failed ? sq_no_memory : NULL;
}
