// Lines of ARPA files: log10 probability, the words of an n-gram, and for shorter n-grams the log10 weight of backing
// off, with tabs or other blanks between them.
#include "arpa_args.h"
#include "base/decimal.h"

//= problem none numeral words positive
//= NUMBER 32

static inline bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

typedef struct {
    const uint8_t *begin, *end;
} field;

static inline bool next_field(const uint8_t **p, const uint8_t *end, field *f)
{
    while (*p < end && is_space(**p)) (*p)++;
    f->begin = *p;
    while (*p < end && !is_space(**p)) (*p)++;
    f->end = *p;
    return f->end > f->begin;
}

static bool read_value(const field *f, float *value)
{
    double x;
    if (!parse_number(f->begin, f->end, &x)) return false;
    *value = (float)x;
    return x == x && x < INFINITY;
}

// Reads one line; returns what is wrong with it. The words come out with a blank after each, the last one with a line
// end.
static enum arpa_problem read_line(const uint8_t *p, const uint8_t *end, int64_t order, float *log_prob,
                                   float *log_backoff, uint8_t **words)
{
    field f;
    next_field(&p, end, &f);
    if (!read_value(&f, log_prob)) return ARPA_NUMERAL;
    if (*log_prob > 0) return ARPA_POSITIVE;
    for (int64_t n = 0; n < order; n++) {
        if (!next_field(&p, end, &f)) return ARPA_WORDS;
        memcpy(*words, f.begin, (size_t)(f.end - f.begin));
        *words += f.end - f.begin;
        *(*words)++ = n + 1 < order ? ' ' : '\n';
    }
    *log_backoff = 0;
    if (!next_field(&p, end, &f)) return ARPA_NONE;
    if (!read_value(&f, log_backoff)) return ARPA_WORDS;
    return next_field(&p, end, &f) ? ARPA_WORDS : ARPA_NONE;
}

// Reads lines with n-grams of `order` words; lines without text are left out. The words follow each other as text, a
// line for each n-gram. found = {n-grams, bytes of words, the place of a line that cannot be read or -1, its problem}.
//: arpa_parse(text:u[N], order:n>=1, log_probs+f32[L], log_backoffs+f32[L], words+u[N+1]) -> found:l[4]
KERNEL(arpa_parse)
{
    const uint8_t *p = a->text, *end = p + a->N;
    uint8_t *words = a->words;
    int64_t lines = 0;
    a->found[2] = -1;
    a->found[3] = ARPA_NONE;
    while (p < end) {
        const uint8_t *stop = memchr(p, '\n', (size_t)(end - p)), *first = p;
        if (!stop) stop = end;
        while (first < stop && is_space(*first)) first++;
        if (first < stop) {
            if (lines == a->L) return "log_probs: too few places for the lines of this text";
            const enum arpa_problem problem =
                read_line(first, stop, a->order, a->log_probs + lines, a->log_backoffs + lines, &words);
            if (problem) {
                a->found[2] = p - a->text;
                a->found[3] = problem;
                break;
            }
            lines++;
        }
        p = stop + 1;
    }
    a->found[0] = lines;
    a->found[1] = words - a->words;
    return NULL;
}

// Prints a number as ARPA files have it: -99 stands for the logarithm of 0.
static char *print_log(char *out, float x) { return print_float(out, x < -99 ? -99 : x); }

// Prints lines for n-grams, each a row of words, which lie in `pool` from offsets[word] on. A weight of 0 is left out.
// `text` is the space: 2 * NUMBER bytes a row, and the words with a byte behind each, are enough; `used` of them are
// written.
//: arpa_format(rows:i[R,N], log_probs:f32[R], log_backoffs?f32[R], pool:u[P], offsets:l[V+1], text+u[C]) -> used:l[1]
//:     where offsets ascends to P; 0 <= rows < V
KERNEL(arpa_format)
{
    int64_t *starts = malloc(sizeof *starts * (size_t)(a->R + 1)), used = 0;
    if (!starts) return sq_no_memory;
    starts[0] = 0;
    for (int64_t r = 0; r < a->R; r++) {
        starts[r + 1] = starts[r] + 2 * ARPA_NUMBER + a->N;
        for (int64_t n = 0; n < a->N; n++) {
            const int32_t word = a->rows[r * a->N + n];
            starts[r + 1] += a->offsets[word + 1] - a->offsets[word];
        }
    }
    const bool fits = starts[a->R] <= a->C;
    char *text = (char *)a->text;
    int64_t *lengths = malloc(sizeof *lengths * (size_t)(a->R + 1));
    if (fits && lengths) {
#pragma omp parallel for num_threads(sq_team(256 * a->R)) schedule(static)
        for (int64_t r = 0; r < a->R; r++) {
            char *p = print_log(text + starts[r], a->log_probs[r]);
            for (int64_t n = 0; n < a->N; n++) {
                const int64_t word = a->rows[r * a->N + n], size = a->offsets[word + 1] - a->offsets[word];
                *p++ = n ? ' ' : '\t';
                memcpy(p, a->pool + a->offsets[word], (size_t)size);
                p += size;
            }
            if (a->log_backoffs && a->log_backoffs[r] != 0) {
                *p++ = '\t';
                p = print_log(p, a->log_backoffs[r]);
            }
            *p++ = '\n';
            lengths[r] = p - (text + starts[r]);
        }
        for (int64_t r = 0; r < a->R; r++) {
            memmove(text + used, text + starts[r], (size_t)lengths[r]);
            used += lengths[r];
        }
    }
    const char *message = !fits ? "text: too small for these lines" : !lengths ? sq_no_memory : NULL;
    free(starts);
    free(lengths);
    a->used[0] = used;
    return message;
}
