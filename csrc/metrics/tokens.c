// Texts to token ids. The texts of a group share their ids, which count its different tokens in the order of their
// first occurrence: groups are worked on side by side, and what is compared later lies within one.
#include "base/arith.h"
#include "metrics/entities.h"
#include "metrics/reader.h"
#include "text/whitespace.h"
#include "tokens_args.h"

// mark: a full stop or comma; symbol: stands alone and is a space for its neighbours; character: stands alone.
//= kind other space number mark symbol dash apostrophe character
//= DROPPED 128
//= markup none mteval tercom

// Offsets of lines that all end in a newline: line i is text[offsets[i] .. offsets[i + 1] - 1).
//: tokens_lines(text:u[N], lines:n>=0) -> offsets:l[lines+1]
KERNEL(tokens_lines)
{
    int64_t count = 0;
    a->offsets[0] = 0;
    for (int64_t at = 0; at < a->N; at += 64)
        for (uint64_t found = sq_classify(a->text, a->N, at).newline; found; found &= found - 1) {
            if (++count > a->lines) return "the text has more lines";
            a->offsets[count] = at + __builtin_ctzll(found) + 1;
        }
    if (count < a->lines || a->offsets[count] < a->N) return "the text has fewer lines";
    return NULL;
}

// The groups [begin, end): ids of their tokens without gaps from ids[offsets[their first text]] on, and the number of
// tokens of each text. `limit` becomes the largest number of different tokens in one.
static bool split_groups(const struct tokens_split *a, int64_t begin, int64_t end, int64_t longest, int64_t *limit)
{
    sq_interner interner = {0};
    const int64_t room = longest + 8; // for a text; one with a space after each token takes up to twice as much
    uint8_t *memory = malloc(4 * (size_t)room), *line = memory + room, *spaced = line + room;
    reader r = {
        .kinds = a->kinds,
        .K = a->K,
        .padded = a->padded,
        .trimmed = a->trimmed,
        .edges = a->edges,
        .stem = a->stem,
        .word = memory,
        .word_stop = line,
        .interner = &interner,
        .ids = a->ids + a->offsets[a->groups[begin]],
        .failed = !memory,
    };
    for (int64_t code = 0; code < 128; code++) r.ascii[code] = a->kinds[least(code, a->K - 1)];
    if (a->twice) r.ascii[' '] = TOKENS_SPACE;
    for (int64_t g = begin; g < end && !r.failed; g++) {
        const int64_t first = a->groups[g], last = a->groups[g + 1];
        r.failed = !sq_interner_clear(&interner, a->offsets[last] - a->offsets[first]);
        for (int64_t s = first; s < last && !r.failed; s++) {
            const uint8_t *text = a->text + a->offsets[s], *stop = a->text + a->offsets[s + 1];
            const int64_t before = r.count;
            if (a->separated && stop > text) stop--;
            trim(&r, &text, &stop);
            r.stop = a->text + a->N;
            if (has_markup(a->markup, text, stop)) {
                stop = remove_markup(a->markup, text, stop, line);
                text = line;
                r.stop = line + room;
            }
            if (a->twice && a->twice[s]) {
                r.spaced = spaced;
                read_line(&r, text, stop);
                text = spaced;
                stop = r.spaced;
                r.stop = memory + 4 * room;
                r.spaced = NULL;
            }
            read_line(&r, text, stop);
            a->ends[s + 1] = r.count - before;
        }
        *limit = most(*limit, interner.words);
    }
    sq_interner_close(&interner);
    free(memory);
    return !r.failed;
}

// ids = tokens of the S texts, text s from ends[s] to ends[s + 1]; limit[0]: all are below it. kinds: one of `kind`,
// and | DROPPED for what is left out of tokens, for each code point below K - 1, and one for all others. `twice`: the
// texts that are split again after their tokens have been joined by spaces; with it the space is a space, whatever
// `kinds` says, or there would be more tokens than bytes. `separated`: the last byte of a text does not belong to it.
// `padded`: spaces surround each text. `trimmed`: spaces at its beginning go, as those at its end always do. `edges`:
// chrF's split of punctuation. `stem`: Porter's stems of words of more than three letters.
//: tokens_split(text:u[N], offsets:l[S+1], groups:l[G+1], kinds:u[K], twice?b[S], markup:n=0, separated:p=0,
//:     padded:p=0, trimmed:p=0, edges:p=0, stem:p=0) -> ids:i[N], ends:l[S+1], limit:l[1]
//:     where offsets covers N; groups covers S; K > 0; markup in markup
KERNEL(tokens_split)
{
    enum { PARTS = 64 };
    int64_t longest = 0, limits[PARTS] = {0};
    bool done[PARTS];
    for (int64_t s = 0; s < a->S; s++) longest = most(longest, a->offsets[s + 1] - a->offsets[s]);
    const int64_t parts = least(a->G, PARTS);
#pragma omp parallel for num_threads(sq_team(8 * a->N)) schedule(dynamic)
    for (int64_t b = 0; b < parts; b++)
        done[b] = split_groups(a, cut(a->G, parts, b), cut(a->G, parts, b + 1), longest, &limits[b]);

    int64_t count = 0, limit = 0;
    a->ends[0] = 0;
    for (int64_t b = 0; b < parts; b++) {
        if (!done[b]) return sq_no_memory;
        limit = most(limit, limits[b]);
        const int64_t first = a->groups[cut(a->G, parts, b)], last = a->groups[cut(a->G, parts, b + 1)], start = count;
        for (int64_t s = first; s < last; s++) a->ends[s + 1] = count += a->ends[s + 1];
        if (start < count)
            memmove(a->ids + start, a->ids + a->offsets[first], (size_t)(count - start) * sizeof *a->ids);
    }
    a->limit[0] = limit;
    return NULL;
}

// Stems of S words, each in lower case: ends[s] .. ends[s + 1) of out.
//: tokens_stem(text:u[N], offsets:l[S+1]) -> out:u[N], ends:l[S+1] where offsets covers N
KERNEL(tokens_stem)
{
    int64_t count = 0;
    a->ends[0] = 0;
    for (int64_t s = 0; s < a->S; s++) {
        const int64_t size = a->offsets[s + 1] - a->offsets[s];
        if (size > 0) memcpy(a->out + count, a->text + a->offsets[s], (size_t)size);
        count += size > 2 ? porter_stem(a->out + count, size) : size;
        a->ends[s + 1] = count;
    }
    return NULL;
}
