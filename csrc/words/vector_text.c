// Files of word vectors: lines "word number number ...", parsed and printed in bulk, and the records of word2vec's
// binary files. A text is cut at line ends, its lines are shared out to threads.
#include "base/once.h"
#include "vector_text_args.h"
#include "words/vector_text_parse.h"
#include "words/vector_text_print.h"

// What a line of text turned out to be.
//= status good blank too_few too_many not_a_number not_finite

// Most bytes of a number and its blank, with room for snprintf.
//= WIDTH 32

// Counts the line ends.
//: vector_text_count(data:u[N]) -> ends:l[1]
KERNEL(vector_text_count)
{
    const uint8_t *p = a->data, *end = p + a->N;
    int64_t ends = 0;
    for (; (p = memchr(p, '\n', end - p)); p++) ends++;
    a->ends[0] = ends;
    return NULL;
}

// Finds where the lines start: line i is data[starts[i]:starts[i + 1] - 1]. `ends` comes from vector_text_count; what
// follows the last line end is left out.
//: vector_text_lines(data:u[N], ends:n>=0) -> starts:l[ends+1]
KERNEL(vector_text_lines)
{
    const uint8_t *p = a->data, *end = p + a->N;
    a->starts[0] = 0;
    for (int64_t i = 1; i <= a->ends; i++) {
        p = memchr(p, '\n', end - p);
        if (!p) return "the data have fewer line ends than ends";
        a->starts[i] = ++p - a->data;
    }
    return NULL;
}

// Parses the lines that vector_text_lines found; the last byte of each is its line end. word_ends[i] is where line i's
// word ends, status[i] one of the enumeration.
//: vector_text_parse(data:u[N], starts:l[L+1], vectors+f[L,D]) -> word_ends:l[L], status:u[L]
KERNEL(vector_text_parse)
{
    bool good = true;
#pragma omp parallel for num_threads(sq_team(a->N)) schedule(dynamic, 64) reduction(&& : good)
    for (int64_t i = 0; i < a->L; i++) {
        int64_t start, length = 0;
        const int64_t size = read_part(a->starts, i, a->N, &start);
        if (size < 0) {
            good = false;
            continue;
        }
        const uint8_t *line = a->data + start, *end = line + (size > 0 ? size - 1 : 0);
        a->status[i] = (uint8_t)parse_line(line, end, a->data + a->N, a->D, a->vectors + i * a->D, &length);
        a->word_ends[i] = start + length;
    }
    return good ? NULL : "starts must ascend within the data";
}

// Prints lines "word number number ...\n", each number in digits that give it back exactly. `text` is the space for
// them: B + V * (WIDTH * D + 1) bytes are enough for all; `used` of them are written.
//: vector_text_format(words:u[B], offsets:l[V+1], vectors~f[V,D], text+u[C]) -> used:l[1]
KERNEL(vector_text_format)
{
    const int64_t width = VECTOR_TEXT_WIDTH * a->D + 1;
    if (a->V > 0 && (a->C < a->B || width > (a->C - a->B) / a->V)) return "text is too small";
    char *text = (char *)a->text;
    int64_t *start = malloc((size_t)(2 * a->V + 1) * sizeof *start), *const length = start + a->V;
    if (!start) return sq_no_memory;
    bool good = true;
#pragma omp parallel for num_threads(sq_team(a->V * a->D * 8)) schedule(dynamic, 64) reduction(&& : good)
    for (int64_t i = 0; i < a->V; i++) {
        int64_t word;
        const int64_t size = read_part(a->offsets, i, a->B, &word);
        if (size < 0) {
            good = false;
            continue;
        }
        start[i] = word + i * width;
        length[i] = print_line(text + start[i], a->words + word, size, a->vectors + i * a->vectors_stride[0], a->D);
    }
    int64_t used = 0;
    for (int64_t i = 0; good && i < a->V; i++) {
        good = start[i] >= used;
        if (good) memmove(text + used, text + start[i], (size_t)length[i]);
        used += length[i];
    }
    free(start);
    a->used[0] = used;
    return good ? NULL : "offsets must ascend within the words";
}

// Copies the words data[starts[i]:ends[i]], a separator after each; `words` has exactly the space.
//: vector_text_words(data:u[N], starts:l[L], ends:l[L], separator:n, words+u[C])
KERNEL(vector_text_words)
{
    int64_t at = 0;
    for (int64_t i = 0; i < a->L; i++) {
        const int64_t start = READ_ONCE(a->starts[i]), end = READ_ONCE(a->ends[i]), n = end - start;
        if (start < 0 || end < start || end > a->N || n >= a->C - at) return "starts, ends and words do not agree";
        memcpy(a->words + at, a->data + start, (size_t)n);
        a->words[at + n] = (uint8_t)a->separator;
        at += n + 1;
    }
    return at == a->C ? NULL : "starts, ends and words do not agree";
}

// Copies D floats. Are all of them finite (exponents below the highest)?
static bool copy_finite(float *restrict to, const uint8_t *from, int64_t D)
{
    uint32_t bad = 0;
    memcpy(to, from, (size_t)D * sizeof(float));
    for (int64_t d = 0; d < D; d++) {
        uint32_t bits;
        memcpy(&bits, from + 4 * d, 4);
        bad |= (bits & 0x7f800000) == 0x7f800000;
    }
    return !bad;
}

// Finds the records of a word2vec binary file: line ends (word2vec.c puts one after each vector), word, blank, D
// floats. Word i is data[starts[i]:ends[i]]. used = {whole records found, at most R; bytes that they take}; what is
// found of the others is 0.
//: vector_text_records(data:u[N], vectors+f32[R,D]) -> starts:l[R], ends:l[R], finite:b[R], used:l[2]
KERNEL(vector_text_records)
{
    const int64_t size = a->D * 4;
    int64_t at = 0, n = 0;
    for (; n < a->R; n++) {
        int64_t start = at;
        while (start < a->N && a->data[start] == '\n') start++;
        const uint8_t *blank = memchr(a->data + start, ' ', (size_t)(a->N - start));
        if (!blank || a->N - (blank + 1 - a->data) < size) break;
        a->starts[n] = start;
        a->ends[n] = blank - a->data;
        at = a->ends[n] + 1 + size;
        __builtin_prefetch(a->data + at + 4 * (at - start)); // records are of nearly one length
    }
#pragma omp parallel for num_threads(sq_team(n * a->D))
    for (int64_t i = 0; i < n; i++) a->finite[i] = copy_finite(a->vectors + i * a->D, a->data + a->ends[i] + 1, a->D);
    memset(a->starts + n, 0, (size_t)(a->R - n) * sizeof *a->starts);
    memset(a->ends + n, 0, (size_t)(a->R - n) * sizeof *a->ends);
    memset(a->finite + n, 0, (size_t)(a->R - n) * sizeof *a->finite);
    a->used[0] = n;
    a->used[1] = at;
    return NULL;
}
