// A tokenizer that a table drives: each character has a kind, and a few rules say what stands alone.
//
// With kinds for mteval-v13a or -v14 this does in one pass what their chains of substitutions do: a symbol stands
// alone; a mark (full stop, comma) stands alone unless numbers are at both sides, where a mark that has just been split
// off cannot split the next one off; a dash stands alone after a number; an apostrophe begins a token before "s" and a
// space.
#ifndef SEQNN_METRICS_READER_H
#define SEQNN_METRICS_READER_H

#include "metrics/interner.h"
#include "metrics/porter.h"
#include "tokens_args.h"

typedef struct {
    const uint8_t *kinds; // [K] a kind for each code point, the last one for all others; | DROPPED: left out of tokens
    int64_t K;
    uint8_t ascii[128];                // the kinds of the first 128 code points
    bool padded, trimmed, edges, stem; // see tokens.c
    uint8_t *word;                     // room for the longest text, and 8 bytes
    const uint8_t *word_stop, *stop;   // what may be read ends here: of `word`, of the present text
    uint8_t *spaced;                   // where words go, a space after each, instead of becoming ids; NULL: nowhere
    sq_interner *interner;
    int32_t *ids;
    int64_t count;
    bool failed;
} reader;

static inline bool is_continuation(uint8_t c) { return (c & 0xC0) == 0x80; }

// The kind of the character at p < end that is not ASCII, and its width. Bytes that are not UTF-8 stand for themselves.
static int wide_kind_at(const reader *r, const uint8_t *p, const uint8_t *end, int64_t *width)
{
    const int64_t more = *p < 0xC2 || *p >= 0xF5 ? 0 : *p < 0xE0 ? 1 : *p < 0xF0 ? 2 : 3;
    int64_t code = *p & (0x3F >> more);
    *width = 1;
    if (more == 0 || more >= end - p) return r->kinds[r->K - 1];
    for (int64_t k = 1; k <= more; k++) {
        if (!is_continuation(p[k])) return r->kinds[r->K - 1];
        code = code << 6 | (p[k] & 0x3F);
    }
    *width = more + 1;
    return r->kinds[code < r->K ? code : r->K - 1];
}

static inline int kind_at(const reader *r, const uint8_t *p, const uint8_t *end, int64_t *width)
{
    *width = 1;
    return *p < 0x80 ? r->ascii[*p] : wide_kind_at(r, p, end, width);
}

static inline bool is_punctuation(uint8_t c)
{
    return (c > ' ' && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') || (c > 'z' && c < 0x7F);
}

// Memory may be read up to `stop`.
static inline void add_word(reader *r, const uint8_t *p, int64_t size, const uint8_t *stop)
{
    if (r->stem && size > 3) { // rouge-score leaves shorter words alone
        memmove(r->word, p, (size_t)size);
        size = porter_stem(r->word, size);
        p = r->word;
        stop = r->word_stop;
    }
    if (r->spaced) {
        memcpy(r->spaced, p, (size_t)size);
        r->spaced[size] = ' ';
        r->spaced += size + 1;
        return;
    }
    const int64_t id = sq_intern(r->interner, p, size, stop - p);
    if (id < 0)
        r->failed = true;
    else
        r->ids[r->count++] = (int32_t)id;
}

// With `edges` the last or the first character of a longer token, one of them, stands alone where it is punctuation.
static void add_edges(reader *r, const uint8_t *p, int64_t size, const uint8_t *stop)
{
    const int64_t first = is_punctuation(p[size - 1]) ? size - 1 : is_punctuation(*p) ? 1 : size;
    add_word(r, p, first, stop);
    if (first < size) add_word(r, p + first, size - first, stop);
}

// Adds a token; `dropped`: without its dropped characters, if others are left.
static inline void add_token(reader *r, const uint8_t *p, int64_t size, bool dropped)
{
    const uint8_t *stop = r->stop;
    if (dropped) {
        int64_t kept = 0, width;
        for (const uint8_t *c = p, *end = p + size; c < end; c += width)
            if (!(kind_at(r, c, end, &width) & TOKENS_DROPPED))
                for (int64_t k = 0; k < width; k++) r->word[kept++] = c[k];
        if (kept == 0) return;
        p = r->word;
        size = kept;
        stop = r->word_stop;
    }
    if (r->edges && size > 1)
        add_edges(r, p, size, stop);
    else
        add_word(r, p, size, stop);
}

// What stands before a character: nothing, a number, another character, a mark that has been split off.
enum { NOTHING, DIGIT, OPEN, USED };

static inline bool is_number_at(const reader *r, const uint8_t *p, const uint8_t *end)
{
    int64_t width;
    return p < end && (kind_at(r, p, end, &width) & ~TOKENS_DROPPED) == TOKENS_NUMBER;
}

// Does "'s" stand at p, with the end of the text, a space or a symbol after it?
static inline bool is_possessive(const reader *r, const uint8_t *p, const uint8_t *end)
{
    if (p + 1 >= end || p[1] != 's') return false;
    int64_t width;
    return p + 2 == end || p[2] == ' ' || (kind_at(r, p + 2, end, &width) & ~TOKENS_DROPPED) == TOKENS_SYMBOL;
}

static void read_line(reader *r, const uint8_t *text, const uint8_t *end)
{
    const uint8_t *start = NULL;
    bool dropped = false;
    int before = r->padded ? OPEN : NOTHING;
    int64_t width;
    for (const uint8_t *p = text; p < end; p += width) {
        const int found = kind_at(r, p, end, &width), kind = found & ~TOKENS_DROPPED;
        bool alone = false, splits = false;
        switch (kind) {
        case TOKENS_OTHER: // most characters: goes on to the last one of a run
            while (width < end - p && p[width] < 0x80 && r->ascii[p[width]] == found) width++;
            break;
        case TOKENS_SPACE: splits = true; break;
        case TOKENS_SYMBOL:
        case TOKENS_CHARACTER: alone = true; break;
        case TOKENS_DASH: alone = before == DIGIT; break;
        case TOKENS_APOSTROPHE: splits = is_possessive(r, p, end); break;
        case TOKENS_MARK:
            alone = before == OPEN || !(is_number_at(r, p + width, end) || (p + width == end && !r->padded));
            break;
        }
        if ((alone || splits) && start) {
            add_token(r, start, p - start, dropped);
            start = NULL;
        }
        if (alone) {
            add_token(r, p, width, found & TOKENS_DROPPED);
        } else if (kind != TOKENS_SPACE) {
            dropped = (start && dropped) || found & TOKENS_DROPPED;
            if (!start) start = p;
        }
        before = kind == TOKENS_NUMBER ? DIGIT : kind == TOKENS_MARK && alone && before == OPEN ? USED : OPEN;
    }
    if (start) add_token(r, start, end - start, dropped);
}

// The text without the spaces at its end, with `trimmed` also without those at its beginning.
static inline void trim(const reader *r, const uint8_t **text, const uint8_t **end)
{
    int64_t width;
    while (*end > *text) {
        const uint8_t *last = *end - 1;
        while (last > *text && *end - last < 4 && is_continuation(*last)) last--;
        if (kind_at(r, last, *end, &width) != TOKENS_SPACE || last + width != *end) break;
        *end = last;
    }
    while (r->trimmed && *text < *end && kind_at(r, *text, *end, &width) == TOKENS_SPACE) *text += width;
}

#endif
