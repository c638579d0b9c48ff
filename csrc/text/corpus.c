// Text to word ids: a vectorised whitespace scan and an open-addressing hash table, one scanner a thread.
//
// A scanner's state lives in arrays that the caller holds. A word's local id is the order in which this scanner met it.
// table[slot] = {first eight bytes, zero-padded; tag << 32 | local id + 1}, linear probing, all zero = free.
// pool holds the words' bytes, each followed by '\n': word w = pool[word_offsets[w] .. word_offsets[w + 1] - 1).
// Words hold no NUL byte (corpus_count finds them beforehand), so that eight zero-padded bytes tell short words apart.
#include "corpus_args.h"
#include "seqnn.h"
#include "text/whitespace.h"

enum { GROUP = 256, GROUP_TOKENS = GROUP / 2 + 1 };

// Words, newlines, bytes of whitespace, and the position of the first NUL byte (-1: none) of a piece of text that
// starts between words.
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

// A word on its way into the table: its first eight bytes, hash, place in the text.
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

static inline uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 32;
}

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
    t.hash = mix(t.hash, UINT64_C(0xD6E8FEB86659FD93));
    return t;
}

// 32 bits of the hash that do not choose the slot; the last bit marks words that eight bytes do not hold.
static inline uint64_t tag_of(const token *t) { return (t->hash >> 33 << 1) | (uint64_t)(t->size > 8); }

typedef struct {
    uint64_t *table, mask;
    uint8_t *pool;
    int64_t *word_offsets, *first, *counts, words;
} dictionary;

// The slot that holds the word, or the free one where it belongs.
static inline uint64_t *find_slot(const dictionary *d, const token *t, const uint8_t *bytes)
{
    uint64_t tag = tag_of(t);
    for (uint64_t slot = t->hash & d->mask;; slot = (slot + 1) & d->mask) {
        uint64_t *entry = d->table + 2 * slot;
        if (entry[1] == 0) return entry;
        if (entry[0] != t->head || entry[1] >> 32 != tag) continue;
        if (t->size <= 8) return entry;
        int64_t w = (int64_t)(entry[1] & UINT32_MAX) - 1, from = d->word_offsets[w];
        if (d->word_offsets[w + 1] - 1 - from == t->size && !memcmp(d->pool + from, bytes, (size_t)t->size))
            return entry;
    }
}

static inline void fill_slot(uint64_t *entry, const token *t, int64_t word)
{
    entry[0] = t->head;
    entry[1] = tag_of(t) << 32 | (uint64_t)(word + 1);
}

// The local id of a word; a new one is entered with count 0 and first met at `position`.
static inline int64_t find_or_add(dictionary *d, const token *t, const uint8_t *bytes, int64_t position)
{
    uint64_t *entry = find_slot(d, t, bytes);
    if (entry[1]) return (int64_t)(entry[1] & UINT32_MAX) - 1;
    int64_t w = d->words++, from = d->word_offsets[w];
    fill_slot(entry, t, w);
    memcpy(d->pool + from, bytes, (size_t)t->size);
    d->pool[from + t->size] = '\n';
    d->word_offsets[w + 1] = from + t->size + 1;
    d->first[w] = position;
    d->counts[w] = 0;
    return w;
}

enum { BYTE, START, TOKENS, LAST_END, LINES, WORDS, STATE };

// Scans one piece of text that starts between words and lies at byte `position` of the corpus. Writes the words' local
// ids and, for each newline after at least one word (and the piece's first; `every`: each newline), the number of the
// piece's words before it.
// state = {next byte, start of an unfinished word or -1, words, last line end or -1, line ends, distinct words}.
// Comes back early, with state[0] < N, when the scanner must grow: need = {distinct words, bytes of pool}.
//: corpus_scan(text:u[N], position:n, state+l[6], ids+i[T], line_ends+l[L], table+u64[C,2], counts+l[W], first+l[W],
//:     word_offsets+l[W+1], pool+u[P], every:p=0) -> need:l[2]
KERNEL(corpus_scan)
{
    int64_t *s = a->state, room = a->W < a->C / 2 ? a->W : a->C / 2;
    dictionary d = {a->table, (uint64_t)a->C - 1, a->pool, a->word_offsets, a->first, a->counts, s[WORDS]};
    token batch[GROUP_TOKENS];
    a->need[0] = a->need[1] = 0;
    while (s[BYTE] < a->N) {
        int64_t oldest = s[START] >= 0 ? s[START] : s[BYTE];
        a->need[0] = d.words + GROUP_TOKENS;
        a->need[1] = d.word_offsets[d.words] + s[BYTE] + GROUP - oldest + GROUP_TOKENS;
        if (a->need[0] > room || a->need[1] > a->P) break;

        int64_t tokens = s[TOKENS], n = 0;
        for (int64_t at = s[BYTE]; at < s[BYTE] + GROUP; at += 64) {
            sq_masks m = sq_classify(a->text, a->N, at);
            uint64_t shifted = m.space << 1 | (uint64_t)(s[START] < 0), starts = ~m.space & shifted;
            for (uint64_t lines = m.newline; lines; lines &= lines - 1) {
                int64_t end = tokens + __builtin_popcountll(starts & ((lines & -lines) - 1));
                if (end > s[LAST_END] || a->every) a->line_ends[s[LINES]++] = s[LAST_END] = end;
            }
            tokens += __builtin_popcountll(starts);
            // The edges are starts and ends in turn.
            for (uint64_t edges = m.space ^ shifted; edges; edges &= edges - 1) {
                int64_t edge = at + __builtin_ctzll(edges);
                if (s[START] < 0) {
                    s[START] = edge;
                } else {
                    batch[n] = make_token(a->text + s[START], s[START], edge - s[START], a->N - s[START]);
                    __builtin_prefetch(d.table + 2 * (batch[n++].hash & d.mask));
                    s[START] = -1;
                }
            }
        }
        int64_t done = tokens - n - (s[START] >= 0);
        for (int64_t i = 0; i < n; i++) {
            int64_t w = find_or_add(&d, batch + i, a->text + batch[i].start, a->position + batch[i].start);
            d.counts[w]++;
            a->ids[done + i] = (int32_t)w;
        }
        s[TOKENS] = tokens;
        s[BYTE] += GROUP;
    }
    // Spaces beyond the text closed its last word, unless the text fills its last group.
    if (s[BYTE] >= a->N && s[START] >= 0) {
        const uint8_t *bytes = a->text + s[START];
        token t = make_token(bytes, s[START], a->N - s[START], a->N - s[START]);
        int64_t w = find_or_add(&d, &t, bytes, a->position + s[START]);
        d.counts[w]++;
        a->ids[s[TOKENS] - 1] = (int32_t)w;
        s[START] = -1;
    }
    s[WORDS] = d.words;
    return NULL;
}

// Enters the W words of the pool into a new table, all zero; C is a power of two.
//: corpus_rehash(table+u64[C,2], word_offsets:l[W+1], pool:u[P])
KERNEL(corpus_rehash)
{
    if (a->W > a->C / 2) return "the table is too small for the words";
    dictionary d = {.table = a->table, .mask = (uint64_t)a->C - 1};
    for (int64_t w = 0; w < a->W; w++) {
        int64_t from = a->word_offsets[w], size = a->word_offsets[w + 1] - 1 - from;
        token t = make_token(a->pool + from, 0, size, a->P - from);
        uint64_t slot = t.hash & d.mask;
        while (d.table[2 * slot + 1]) slot = (slot + 1) & d.mask;
        fill_slot(d.table + 2 * slot, &t, w);
    }
    return NULL;
}

// Adds another scanner's V words to the `words` of this one, which has room for all of them: counts are added,
// `first` is the earlier one; map = the other's local ids in this scanner, total = its words now.
//: corpus_merge(table+u64[C,2], counts+l[W], first+l[W], word_offsets+l[W+1], pool+u[P], words:n,
//:     other_counts:l[V], other_first:l[V], other_offsets:l[V+1], other_pool:u[Q]) -> map:i[V], total:l[1]
KERNEL(corpus_merge)
{
    if (a->words + a->V > a->W || a->words + a->V > a->C / 2 || a->word_offsets[a->words] + a->Q > a->P)
        return "no room for the other scanner's words";
    dictionary d = {a->table, (uint64_t)a->C - 1, a->pool, a->word_offsets, a->first, a->counts, a->words};
    for (int64_t block = 0; block < a->V; block += GROUP_TOKENS) {
        int64_t n = a->V - block < GROUP_TOKENS ? a->V - block : GROUP_TOKENS;
        token batch[GROUP_TOKENS];
        for (int64_t i = 0; i < n; i++) {
            int64_t from = a->other_offsets[block + i], size = a->other_offsets[block + i + 1] - 1 - from;
            batch[i] = make_token(a->other_pool + from, from, size, a->Q - from);
            __builtin_prefetch(d.table + 2 * (batch[i].hash & d.mask));
        }
        for (int64_t i = 0; i < n; i++) {
            int64_t position = a->other_first[block + i];
            int64_t w = find_or_add(&d, batch + i, a->other_pool + batch[i].start, position);
            d.counts[w] += a->other_counts[block + i];
            if (position < d.first[w]) d.first[w] = position;
            a->map[block + i] = (int32_t)w;
        }
    }
    a->total[0] = d.words;
    return NULL;
}

// ids = map[ids] in place, those that map to -1 dropped: ids[0 .. kept). ends = sorted positions in [0, N] become the
// number of kept ids before them.
//: corpus_encode(ids+i[N]<W, map:i[W], ends+l[S]) -> kept:l[1]
KERNEL(corpus_encode)
{
    int64_t kept = 0, i = 0;
    for (int64_t s = 0; s <= a->S; s++) {
        int64_t end = s < a->S && a->ends[s] < a->N ? a->ends[s] : a->N;
        for (; i < end; i++) {
            int32_t id = a->map[a->ids[i]];
            a->ids[kept] = id;
            kept += id >= 0;
        }
        if (s < a->S) a->ends[s] = kept;
    }
    a->kept[0] = kept;
    return NULL;
}
