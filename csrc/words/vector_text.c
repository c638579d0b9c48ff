// Files of word vectors: lines "word number number ...", parsed and printed in bulk, and the records of word2vec's
// binary files. A text is cut at line ends, its lines are shared out to threads.
#include "vector_text_args.h"
#include "words/vector_text_print.h"

// Number of line ends.
//: vector_text_count(data:u[N]) -> ends:l[1]
KERNEL(vector_text_count)
{
    const uint8_t *p = a->data, *end = p + a->N;
    int64_t ends = 0;
    for (; (p = memchr(p, '\n', end - p)); p++) ends++;
    a->ends[0] = ends;
    return NULL;
}

// Where the lines start: line i is data[starts[i]:starts[i + 1] - 1]. `ends` comes from vector_text_count; what follows
// the last line end is left out.
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

static bool ascending(const int64_t *x, int64_t n, int64_t most)
{
    bool good = x[0] >= 0 && x[n] <= most;
    for (int64_t i = 0; i < n; i++) good &= x[i] <= x[i + 1];
    return good;
}

// Parse the lines that vector_text_lines found. word_ends[i] is where line i's word ends, status[i] one of the enum.
//: vector_text_parse(data:u[N], starts:l[L+1], vectors+f[L,D]) -> word_ends:l[L], status:u[L]
KERNEL(vector_text_parse)
{
    if (!ascending(a->starts, a->L, a->N)) return "starts must ascend within the data";
#pragma omp parallel for num_threads(sq_team(a->N)) schedule(dynamic, 64)
    for (int64_t i = 0; i < a->L; i++) {
        const int64_t begin = a->starts[i], end = a->starts[i + 1];
        int64_t length = 0;
        a->status[i] = (uint8_t)parse_line(a->data + begin, a->data + (end > begin ? end - 1 : end), a->data + a->N,
                                           a->D, a->vectors + i * a->D, &length);
        a->word_ends[i] = begin + length;
    }
    return NULL;
}

enum { WIDTH = 32 }; // most bytes of a number and its blank, with room for snprintf

// Lines "word number number ...\n", each number in digits that give it back exactly. `text` is the space for them:
// B + V * (32 * D + 1) bytes are enough for all; `used` of them are written.
//: vector_text_format(words:u[B], offsets:l[V+1], vectors~f[V,D], text+u[C]) -> used:l[1]
KERNEL(vector_text_format)
{
    if (!ascending(a->offsets, a->V, a->B)) return "offsets must ascend within the words";
    const int64_t width = WIDTH * a->D + 1;
    if (a->C < a->B + a->V * width) return "text is too small";
    char *text = (char *)a->text;
    int64_t *length = malloc((a->V + 1) * sizeof(int64_t));
    if (!length) return sq_no_memory;
#pragma omp parallel for num_threads(sq_team(a->V * a->D * 8)) schedule(dynamic, 64)
    for (int64_t i = 0; i < a->V; i++) {
        const int64_t word = a->offsets[i];
        length[i] = print_line(text + word + i * width, a->words + word, a->offsets[i + 1] - word,
                               a->vectors + i * a->vectors_stride[0], a->D);
    }
    int64_t used = 0;
    for (int64_t i = 0; i < a->V; i++) {
        memmove(text + used, text + a->offsets[i] + i * width, length[i]);
        used += length[i];
    }
    free(length);
    a->used[0] = used;
    return NULL;
}

// The words data[starts[i]:ends[i]], a separator after each; `words` has exactly the space.
//: vector_text_words(data:u[N], starts:l[L], ends:l[L], separator:n, words+u[C])
KERNEL(vector_text_words)
{
    int64_t at = 0;
    for (int64_t i = 0; i < a->L; i++) {
        const int64_t start = a->starts[i], n = a->ends[i] - start;
        if (start < 0 || n < 0 || n > a->N - start || n >= a->C - at) return "starts, ends and words do not agree";
        memcpy(a->words + at, a->data + start, n);
        a->words[at + n] = (uint8_t)a->separator;
        at += n + 1;
    }
    return at == a->C ? NULL : "starts, ends and words do not agree";
}

// Copies D floats; are all finite (exponents below the highest)?
static bool copy_finite(float *restrict to, const uint8_t *from, int64_t D)
{
    uint32_t bad = 0;
    memcpy(to, from, D * sizeof(float));
    for (int64_t d = 0; d < D; d++) {
        uint32_t bits;
        memcpy(&bits, from + 4 * d, 4);
        bad |= (bits & 0x7f800000) == 0x7f800000;
    }
    return !bad;
}

// Records of a word2vec binary file: line ends (word2vec.c puts one after each vector), word, blank, D floats.
// word i is data[starts[i]:ends[i]]; used = whole records found (at most R), bytes that they take.
//: vector_text_records(data:u[N], vectors+f32[R,D]) -> starts:l[R], ends:l[R], finite:b[R], used:l[2]
KERNEL(vector_text_records)
{
    const int64_t size = a->D * 4;
    int64_t at = 0, n = 0;
    for (; n < a->R; n++) {
        int64_t start = at;
        while (start < a->N && a->data[start] == '\n') start++;
        const uint8_t *blank = memchr(a->data + start, ' ', a->N - start);
        if (!blank || a->N - (blank + 1 - a->data) < size) break;
        a->starts[n] = start;
        a->ends[n] = blank - a->data;
        at = a->ends[n] + 1 + size;
        __builtin_prefetch(a->data + at + 4 * (at - start)); // records are of nearly one length
    }
#pragma omp parallel for num_threads(sq_team(n * a->D))
    for (int64_t i = 0; i < n; i++) a->finite[i] = copy_finite(a->vectors + i * a->D, a->data + a->ends[i] + 1, a->D);
    a->used[0] = n;
    a->used[1] = at;
    return NULL;
}
