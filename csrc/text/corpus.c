// Text to word ids: a vectorised scan for whitespace and a hash table of words; each thread has a scanner of its own.
//
// A scanner's words live in arrays that the caller holds, numbered in the order in which the scanner met them:
//     table[slot] = {first eight bytes of a word, zero-padded; tag << 32 | number + 1}, searched as base/table.h says;
//     pool[word_offsets[w] .. word_offsets[w + 1]) = the bytes of word w and a '\n'.
// Words hold no NUL byte (corpus_count finds it before), so eight zero-padded bytes tell short words apart.
//
// These arrays are too large to be checked in every call. A value that says where something lies is checked where it is
// read, so arrays that do not belong together end in an error.
#include "base/arith.h"
#include "base/once.h"
#include "base/table.h"
#include "corpus_args.h"
#include "seqnn.h"
#include "text/whitespace.h"

//= state byte start tokens last_end lines words

// Bytes that are scanned at a time, and how many words may end in them.
enum { GROUP = 256, GROUP_TOKENS = GROUP / 2 + 1 };

#define ABSENT INT64_MAX // a number that no word has

static const char odd_table[] = "table: the number of slots must be a power of two";
static const char disagreement[] =
    "the scanner's arrays do not agree: expected those of one scanner, as its last call left them";

// Counts a piece of text that begins between words: words, newlines, bytes of whitespace; and the place of its first
// NUL byte, -1 where there is none.
//: corpus_count(text:u[N]) -> counts:l[4]
KERNEL(corpus_count)
{
    int64_t words = 0, lines = 0, spaces = 0, nul = -1;
    uint64_t before = 1;
    for (int64_t at = 0; at < a->N; at += 64) {
        sq_masks m = sq_classify(a->text, a->N, at);
        words += __builtin_popcountll(~m.space & (m.space << 1 | before));
        lines += __builtin_popcountll(m.newline);
        spaces += __builtin_popcountll(at + 64 <= a->N ? m.space : m.space & ((UINT64_C(1) << (a->N - at)) - 1));
        before = m.space >> 63;
        if (m.nul && nul < 0) nul = at + __builtin_ctzll(m.nul);
    }
    a->counts[0] = words;
    a->counts[1] = lines;
    a->counts[2] = spaces;
    a->counts[3] = nul;
    return NULL;
}

// A word on its way into the table: its first eight bytes, its hash, its place in the text.
typedef struct {
    uint64_t head, hash;
    int64_t start, size;
} token;

static inline uint64_t load(const uint8_t *p, int64_t size)
{
    uint64_t x = 0;
    memcpy(&x, p, (size_t)size);
    return x;
}

static inline uint64_t mix(uint64_t h, uint64_t x) { return table_mix(h ^ x, TABLE_GOLDEN); }

// `readable` bytes may be read from p on: with eight or more a masked load does what a loop over bytes would.
static inline token make_token(const uint8_t *p, int64_t start, int64_t size, int64_t readable)
{
    token t = {.start = start, .size = size};
    if (size <= 8) {
        t.head = readable >= 8 ? load(p, 8) & (~UINT64_C(0) >> (64 - 8 * size)) : load(p, size);
        t.hash = mix(0, t.head);
    } else {
        t.head = load(p, 8);
        t.hash = mix(0, t.head);
        for (int64_t i = 8; i + 8 < size; i += 8) t.hash = mix(t.hash, load(p + i, 8));
        t.hash = mix(t.hash, load(p + size - 8, 8) + (uint64_t)size);
    }
    t.hash = mix(t.hash, TABLE_SILVER);
    return t;
}

// 32 bits of the hash that do not choose the slot; the last bit marks words that eight bytes do not hold.
static inline uint64_t tag_of(const token *t) { return (t->hash >> 33 << 1) | (uint64_t)(t->size > 8); }

static inline int64_t word_of(uint64_t value) { return (int64_t)(value & UINT32_MAX) - 1; }

typedef struct {
    uint64_t *slots;
    int64_t capacity;
    uint8_t *pool;
    int64_t *word_offsets, *first, *counts;
    int64_t words, room;   // how many words there are, and how many the arrays hold
    int64_t used, reserve; // bytes of the pool
    int64_t unknown;       // the number of words that are not there; -1: they are added, and all are counted
} dictionary;

// A word that is searched for.
typedef struct {
    const dictionary *d;
    const token *t;
    const uint8_t *bytes;
} wanted;

static inline bool is_wanted(const void *key, int64_t slot)
{
    const wanted *k = key;
    const uint64_t value = k->d->slots[2 * slot + 1];
    if (value >> 32 != tag_of(k->t)) return false;
    if (k->t->size <= 8) return true;
    const int64_t w = word_of(value);
    if ((uint64_t)w >= (uint64_t)k->d->words) return false;
    const int64_t from = READ_ONCE(k->d->word_offsets[w]), to = READ_ONCE(k->d->word_offsets[w + 1]);
    return from >= 0 && to <= k->d->used && to - 1 - from == k->t->size &&
           !memcmp(k->d->pool + from, k->bytes, (size_t)k->t->size);
}

static inline bool is_never_wanted(const void *key, int64_t slot)
{
    (void)key, (void)slot;
    return false;
}

static inline void fill_slot(uint64_t *slot, const token *t, int64_t word)
{
    slot[0] = t->head;
    slot[1] = tag_of(t) << 32 | (uint64_t)(word + 1);
}

// Adds a word with count 0 that was first met at `position`. Returns its number, -1 where there is no room.
static inline int64_t add_word(dictionary *d, const token *t, const uint8_t *bytes, int64_t position)
{
    const int64_t w = d->words, from = d->used;
    if (w >= d->room || t->size >= d->reserve - from) return -1;
    memcpy(d->pool + from, bytes, (size_t)t->size);
    d->pool[from + t->size] = '\n';
    d->word_offsets[w + 1] = d->used = from + t->size + 1;
    d->first[w] = position;
    d->counts[w] = 0;
    return d->words++;
}

// Returns the number of a word, which is added where it is new, or unknown; -1 where the arrays do not agree.
static inline int64_t find_or_add(dictionary *d, const token *t, const uint8_t *bytes, int64_t position)
{
    const wanted key = {d, t, bytes};
    const table words = {d->slots, 1, d->capacity};
    const int64_t found = table_find(&words, 2, t->hash, t->head, is_wanted, &key);
    if (found < 0) return -1;
    uint64_t *slot = d->slots + 2 * found;
    const uint64_t value = READ_ONCE(slot[1]);
    if (value) return (uint64_t)word_of(value) < (uint64_t)d->words ? word_of(value) : -1;
    if (d->unknown >= 0) return d->unknown;
    const int64_t w = add_word(d, t, bytes, position);
    if (w >= 0) fill_slot(slot, t, w);
    return w;
}

// Does so with a word of the text, and counts it.
static inline int64_t find_and_count(dictionary *d, const token *t, const uint8_t *bytes, int64_t position)
{
    const int64_t w = find_or_add(d, t, bytes, position);
    if (w >= 0 && d->unknown < 0) d->counts[w]++;
    return w;
}

// What is wrong with a dictionary of `words` words whose arrays have these sizes, or NULL.
static const char *check_dictionary(const dictionary *d, int64_t room)
{
    if (d->capacity < 2 || !is_power_of_two(d->capacity)) return odd_table;
    if (d->words < 0 || d->words > room || d->used < 0 || d->used > d->reserve) return disagreement;
    return NULL;
}

// How far the scan of a piece of text has come: what `state` says, where nobody else can change it.
typedef struct {
    int64_t byte, start, tokens, last_end, lines;
} progress;

static const char *check_progress(const progress *p, const struct corpus_scan *a)
{
    const bool inside = p->start >= 0; // a word has begun
    const bool good = p->byte >= 0 && p->byte <= a->N + GROUP && p->start >= -1 && p->start < a->N &&
                      (!inside || p->start < p->byte) && p->tokens >= inside && p->tokens <= a->T && p->lines >= 0 &&
                      p->lines <= a->L;
    return good ? NULL : "state: expected what the last call left, or {0, -1, 0, -1, 0, words}";
}

// Is there room for what one more group may bring? The caller learns what is needed.
static bool has_room(const dictionary *d, const progress *p, const struct corpus_scan *a)
{
    if (d->unknown >= 0) return true;
    const int64_t oldest = p->start >= 0 ? p->start : p->byte;
    a->need[0] = d->words + GROUP_TOKENS;
    a->need[1] = d->used + p->byte + GROUP - oldest + GROUP_TOKENS;
    return a->need[0] <= d->room && a->need[1] <= d->reserve;
}

// Scans the next group of bytes: finds the words that end in it, then looks them up, when their slots have arrived.
static const char *scan_group(dictionary *d, progress *p, const struct corpus_scan *a)
{
    token batch[GROUP_TOKENS];
    int64_t tokens = p->tokens, start = p->start, n = 0;
    for (int64_t at = p->byte; at < p->byte + GROUP; at += 64) {
        const sq_masks m = sq_classify(a->text, a->N, at);
        const uint64_t shifted = m.space << 1 | (uint64_t)(start < 0), starts = ~m.space & shifted;
        for (uint64_t lines = m.newline; lines; lines &= lines - 1) {
            const int64_t end = tokens + __builtin_popcountll(starts & ((lines & -lines) - 1));
            if (end <= p->last_end && !a->every) continue;
            if (p->lines >= a->L) return "line_ends: too few places for the lines of this text";
            a->line_ends[p->lines++] = p->last_end = end;
        }
        tokens += __builtin_popcountll(starts);
        // The edges are starts and ends in turn.
        for (uint64_t edges = m.space ^ shifted; edges; edges &= edges - 1) {
            const int64_t edge = at + __builtin_ctzll(edges);
            if (start < 0) {
                start = edge;
            } else {
                batch[n] = make_token(a->text + start, start, edge - start, a->N - start);
                __builtin_prefetch(d->slots + 2 * (batch[n++].hash & (uint64_t)(d->capacity - 1)));
                start = -1;
            }
        }
    }
    if (tokens > a->T) return "ids: too few places for the words of this text";
    int32_t *const ids = a->ids + (tokens - n - (start >= 0));
    for (int64_t i = 0; i < n; i++) {
        const int64_t w = find_and_count(d, batch + i, a->text + batch[i].start, a->position + batch[i].start);
        if (w < 0) return disagreement;
        ids[i] = (int32_t)w;
    }
    p->tokens = tokens, p->start = start, p->byte += GROUP;
    return NULL;
}

// Looks up the word that ends with the text.
static const char *scan_last(dictionary *d, progress *p, const struct corpus_scan *a)
{
    const token t = make_token(a->text + p->start, p->start, a->N - p->start, a->N - p->start);
    const int64_t w = find_and_count(d, &t, a->text + p->start, a->position + p->start);
    if (w < 0) return disagreement;
    a->ids[p->tokens - 1] = (int32_t)w;
    p->start = -1;
    return NULL;
}

// Scans a piece of text that begins between words and lies at byte `position` of the corpus. Writes the numbers of its
// words and, for each newline after at least one word (and the piece's first; with `every`, for each newline), how many
// words the piece has before it.
// state = {next byte, start of an unfinished word or -1, words, last line end or -1, line ends, distinct words}.
// Comes back early, with state[byte] < N, when the scanner must grow: need = {distinct words, bytes of pool}. With a
// number for `unknown` words the scanner stays as it is, so that many threads may share it.
//: corpus_scan(text:u[N], position:n, state+l[6], ids+i[T], line_ends+l[L], table+u64[C,2], counts+l[W], first+l[W],
//:     word_offsets+l[W+1], pool+u[P], every:p=0, unknown:n=-1) -> need:l[2]
//:     where -1 <= unknown < 2147483648
KERNEL(corpus_scan)
{
    int64_t *state = a->state;
    progress p = {state[CORPUS_BYTE], state[CORPUS_START], state[CORPUS_TOKENS], state[CORPUS_LAST_END],
                  state[CORPUS_LINES]};
    dictionary d = {a->table,
                    a->C,
                    a->pool,
                    a->word_offsets,
                    a->first,
                    a->counts,
                    .words = state[CORPUS_WORDS],
                    .room = least(a->W, a->C / 2),
                    .reserve = a->P,
                    .unknown = a->unknown};
    const bool known = d.words >= 0 && d.words <= d.room;
    d.used = known ? a->word_offsets[d.words] : -1;
    const char *problem = check_dictionary(&d, d.room);
    if (!problem) problem = check_progress(&p, a);
    a->need[0] = a->need[1] = 0;
    while (!problem && p.byte < a->N && has_room(&d, &p, a)) problem = scan_group(&d, &p, a);
    // Spaces beyond the text closed its last word, unless the text fills its last group.
    if (!problem && p.byte >= a->N && p.start >= 0) problem = scan_last(&d, &p, a);
    if (problem) return problem;
    state[CORPUS_BYTE] = p.byte, state[CORPUS_START] = p.start, state[CORPUS_TOKENS] = p.tokens;
    state[CORPUS_LAST_END] = p.last_end, state[CORPUS_LINES] = p.lines, state[CORPUS_WORDS] = d.words;
    return NULL;
}

// Enters the W words of the pool into a new table, all zero.
//: corpus_rehash(table+u64[C,2], word_offsets:l[W+1], pool:u[P])
KERNEL(corpus_rehash)
{
    if (a->W > a->C / 2) return "the table is too small for the words";
    const table words = {a->table, 1, a->C};
    if (a->W && !is_power_of_two(a->C)) return odd_table;
    for (int64_t w = 0; w < a->W; w++) {
        const int64_t from = READ_ONCE(a->word_offsets[w]), size = READ_ONCE(a->word_offsets[w + 1]) - 1 - from;
        if (from < 0 || size < 1 || size >= a->P - from) return disagreement;
        const token t = make_token(a->pool + from, 0, size, a->P - from);
        const int64_t slot = table_find(&words, 2, t.hash, t.head, is_never_wanted, NULL);
        if (slot < 0) return TABLE_IS_FULL;
        fill_slot(a->table + 2 * slot, &t, w);
    }
    return NULL;
}

// Adds another scanner's V words to the `words` of this one, which has room for all of them: counts are added,
// `first` is the earlier one. map = the numbers here of the other's words, total = the words here now.
//: corpus_merge(table+u64[C,2], counts+l[W], first+l[W], word_offsets+l[W+1], pool+u[P], words:n>=0,
//:     other_counts:l[V], other_first:l[V], other_offsets:l[V+1], other_pool:u[Q]) -> map:i[V], total:l[1]
//:     where words <= W; other_offsets covers Q
KERNEL(corpus_merge)
{
    dictionary d = {a->table,          a->C,         a->pool,
                    a->word_offsets,   a->first,     a->counts,
                    .words = a->words, .room = a->W, .used = a->word_offsets[a->words],
                    .reserve = a->P,   .unknown = -1};
    const char *problem = check_dictionary(&d, a->W);
    if (problem) return problem;
    if (a->V > a->W - a->words || a->words + a->V > a->C / 2 || a->Q > a->P - d.used)
        return "no room for the other scanner's words";
    for (int64_t block = 0; block < a->V; block += GROUP_TOKENS) {
        const int64_t n = least(a->V - block, GROUP_TOKENS);
        token batch[GROUP_TOKENS];
        for (int64_t i = 0; i < n; i++) {
            const int64_t from = a->other_offsets[block + i], size = a->other_offsets[block + i + 1] - 1 - from;
            if (size < 1) return "other_offsets: expected words of a byte or more, and a line end after each";
            batch[i] = make_token(a->other_pool + from, from, size, a->Q - from);
            __builtin_prefetch(d.slots + 2 * (batch[i].hash & (uint64_t)(d.capacity - 1)));
        }
        for (int64_t i = 0; i < n; i++) {
            const int64_t position = a->other_first[block + i];
            const int64_t w = find_or_add(&d, batch + i, a->other_pool + batch[i].start, position);
            if (w < 0) return disagreement;
            d.counts[w] += a->other_counts[block + i];
            if (position < d.first[w]) d.first[w] = position;
            a->map[block + i] = (int32_t)w;
        }
    }
    a->total[0] = d.words;
    return NULL;
}

// Looks up V other words; map = their numbers here, -1 for those that are not there.
//: corpus_find(table:u64[C,2], word_offsets:l[W+1], pool:u[P], other_offsets:l[V+1], other_pool:u[Q]) -> map:i[V]
//:     where other_offsets covers Q
KERNEL(corpus_find)
{
    dictionary d = {(uint64_t *)a->table,
                    a->C,
                    (uint8_t *)a->pool,
                    (int64_t *)a->word_offsets,
                    .words = a->W,
                    .room = a->W,
                    .used = a->word_offsets[a->W],
                    .reserve = a->P,
                    .unknown = ABSENT};
    const char *problem = check_dictionary(&d, a->W);
    if (problem) return problem;
    bool good = true;
#pragma omp parallel for num_threads(sq_team(times(64, a->V))) reduction(&& : good)
    for (int64_t block = 0; block < blocks(a->V, GROUP_TOKENS); block++) {
        const int64_t begin = block * GROUP_TOKENS, end = least(a->V, begin + GROUP_TOKENS);
        token batch[GROUP_TOKENS];
        for (int64_t i = begin; i < end; i++) good = good && a->other_offsets[i + 1] - a->other_offsets[i] > 1;
        if (!good) continue;
        for (int64_t i = begin; i < end; i++) {
            const int64_t from = a->other_offsets[i], size = a->other_offsets[i + 1] - 1 - from;
            batch[i - begin] = make_token(a->other_pool + from, from, size, a->Q - from);
            __builtin_prefetch(d.slots + 2 * (batch[i - begin].hash & (uint64_t)(d.capacity - 1)));
        }
        for (int64_t i = begin; i < end; i++) {
            const int64_t w = find_or_add(&d, batch + (i - begin), a->other_pool + batch[i - begin].start, 0);
            good = good && w >= 0;
            a->map[i] = w == ABSENT ? -1 : (int32_t)w;
        }
    }
    return good ? NULL : disagreement;
}

// Replaces ids by map[ids] in place and drops those that map to -1: ids[0 .. kept) are left. `ends`, ascending
// positions in [0, N], become the number of kept ids before each.
//: corpus_encode(ids+i[N], map:i[W], ends+l[S]) -> kept:l[1]
KERNEL(corpus_encode)
{
    int64_t kept = 0, i = 0;
    for (int64_t s = 0; s <= a->S; s++) {
        const int64_t end = s < a->S ? least(READ_ONCE(a->ends[s]), a->N) : a->N;
        for (; i < end; i++) {
            const uint32_t old = (uint32_t)READ_ONCE(a->ids[i]);
            if (old >= a->W) return "ids: a value lies outside of map";
            const int32_t id = a->map[old];
            a->ids[kept] = id;
            kept += id >= 0;
        }
        if (s < a->S) a->ends[s] = kept;
    }
    a->kept[0] = kept;
    return NULL;
}
