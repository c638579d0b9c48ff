// Texts as the classifier of the original fastText reads them (Joulin, Grave, Bojanowski, Mikolov, "Bag of tricks for
// efficient text classification", 2017): the rows that a text is made of, its labels, and the mean of its rows.
#include "fasttext_texts_args.h"
#include "words/text_parts.h"

//= MOST_ENTRIES 1073741824

enum { TEXTS_AT_ONCE = 16, TOGETHER = 4, AHEAD = 8 }; // rows that are added at a time, and that are asked for before

static const char odd_table[] = "table: the number of slots must be a power of two";

static bool is_odd(int64_t slots) { return slots & (slots - 1); }

// Fills the hash table of the entries; the first one of equal entries counts.
//: fasttext_texts_table(pool:u[D], entries:l[E+1], slots:n>=1) -> table:i[slots]
//:     where entries covers D; slots > E; E <= MOST_ENTRIES
KERNEL(fasttext_texts_table)
{
    if (is_odd(a->slots)) return "slots: expected a power of two";
    memset(a->table, 255, (size_t)a->slots * sizeof *a->table);
    for (int64_t e = 0; e < a->E; e++) {
        uint32_t hash = SUBWORD_HASH;
        for (int64_t at = a->entries[e]; at < a->entries[e + 1]; at++) hash = hash_byte(hash, a->pool[at]);
        int64_t slot = hash & (a->slots - 1);
        while (a->table[slot] >= 0) slot = (slot + 1) & (a->slots - 1);
        a->table[slot] = (int32_t)e;
    }
    return NULL;
}

// Counts the rows of each text, or its labels, and lists them: ids[starts[i] .. starts[i + 1]) are those of text i.
//: fasttext_texts_parts(text:u[B], offsets:l[N+1], pool:u[D], entries:l[E+1], table:i[C], prefix:u[X],
//:     part_offsets?l[W+1], parts?i[T], bits?u64[Q], ranks?i[Q], words:n>=0, word_ngrams:n>=1, min_n:n>=0, max_n:n>=0,
//:     bucket:n>=0, zeros:p, labels:p=0, starts?l[N+1], count:n=0) -> counts:l[N], ids?i[count]
//:     where offsets ascends to B; words <= E; E <= MOST_ENTRIES; C >= 1; part_offsets needs parts;
//:     parts needs part_offsets; words <= W or not parts; bits needs ranks; bucket <= 64 * Q or not bits;
//:     max_n <= fasttext.ANY_LENGTH; bucket <= fasttext.MOST_BUCKET; starts covers count; ids needs starts; count >= 0
KERNEL(fasttext_texts_parts)
{
    const struct dictionary d = DICTIONARY_OF(a);
    if (is_odd(a->C)) return odd_table;
    bool failed = false, same = true;
    const int team = sq_team(a->B * 10);
#pragma omp parallel num_threads(team) reduction(|| : failed) reduction(&& : same)
    {
        struct list list = {0}, hashes = {0};
#pragma omp for schedule(dynamic, TEXTS_AT_ONCE)
        for (int64_t i = 0; i < a->N; i++) {
            const int64_t start = a->offsets[i];
            list_parts(&d, a->text + start, a->offsets[i + 1] - start, a->labels, &list, &hashes);
            a->counts[i] = list.size;
            if (a->ids) same = list_copy(&list, a->ids + a->starts[i], a->starts[i + 1] - a->starts[i]) && same;
        }
        failed = list.failed;
        free(list.at);
        free(hashes.at);
    }
    if (failed) return sq_no_memory;
    return same ? NULL : "starts: expected room for as many as the text has";
}

// The matrix is given as bytes, a row every `stride` bytes: in a file it may lie anywhere.
struct matrix {
    const uint8_t *data;
    int64_t stride, rows, size;
};

// Asks for a row that is read soon.
static void prefetch_bytes(const struct matrix *m, int32_t row)
{
    const uint8_t *const start = m->data + row * m->stride;
    for (int64_t at = 0; at < m->size * (int64_t)sizeof(real); at += 64) __builtin_prefetch(start + at, 0, 2);
}

// Moves the rows of a text that lie in the matrix to the front, asks for the first of them, and returns how many they
// are. `good` becomes false where another number than that of a row of zeros is left out.
static int64_t keep_rows(const struct matrix *m, struct list *l, bool *good)
{
    int64_t kept = 0;
    for (int64_t k = 0; k < l->size; k++) {
        const int32_t row = l->at[k];
        if ((uint32_t)row >= (uint64_t)m->rows) {
            *good = *good && row == ZERO_ROW;
            continue;
        }
        if (kept < AHEAD) prefetch_bytes(m, row);
        l->at[kept++] = row;
    }
    return kept;
}

// Adds some rows to `sum`, one after the other in each column.
ALWAYS_INLINE void add_rows(real *restrict sum, const struct matrix *m, const int32_t *row, const int count)
{
    const uint8_t *start[TOGETHER];
    for (int r = 0; r < count; r++) start[r] = m->data + row[r] * m->stride;
    for (int64_t d = 0; d < m->size; d++) {
        real total = sum[d];
        for (int r = 0; r < count; r++) {
            real x;
            memcpy(&x, start[r] + d * (int64_t)sizeof x, sizeof x);
            total += x;
        }
        sum[d] = total;
    }
}

// Adds up the rows of a text, in order.
static void sum_rows(real *restrict sum, const struct matrix *m, const int32_t *row, int64_t count)
{
    for (int64_t d = 0; d < m->size; d++) sum[d] = 0;
    int64_t k = 0;
    for (; k + TOGETHER <= count; k += TOGETHER) {
        for (int64_t next = k + AHEAD; next < least(k + AHEAD + TOGETHER, count); next++) prefetch_bytes(m, row[next]);
        add_rows(sum, m, row + k, TOGETHER);
    }
    for (; k < count; k++) add_rows(sum, m, row + k, 1);
}

// Computes the mean of the rows of each text, zeros where it has none, and how many it has.
//: fasttext_texts_means(text:u[B], offsets:l[N+1], pool:u[D], entries:l[E+1], table:i[C], prefix:u[X],
//:     part_offsets?l[W+1], parts?i[T], bits?u64[Q], ranks?i[Q], words:n>=0, word_ngrams:n>=1, min_n:n>=0, max_n:n>=0,
//:     bucket:n>=0, zeros:p, data:u[M], stride:n>=1, size:n>=1) -> means:f32[N,size], counts:l[N]
//:     where offsets ascends to B; words <= E; E <= MOST_ENTRIES; C >= 1; part_offsets needs parts;
//:     parts needs part_offsets; words <= W or not parts; bits needs ranks; bucket <= 64 * Q or not bits;
//:     max_n <= fasttext.ANY_LENGTH; bucket <= fasttext.MOST_BUCKET
KERNEL(fasttext_texts_means)
{
    const struct dictionary d = DICTIONARY_OF(a);
    if (is_odd(a->C)) return odd_table;
    const int64_t row_size = a->size * (int64_t)sizeof(real);
    const struct matrix m = {a->data, a->stride, a->M < row_size ? 0 : (a->M - row_size) / a->stride + 1, a->size};
    bool failed = false, good = true;
    const int team = sq_team(a->B * 20);
#pragma omp parallel num_threads(team) reduction(|| : failed) reduction(&& : good)
    {
        struct list list = {0}, hashes = {0};
#pragma omp for schedule(dynamic, TEXTS_AT_ONCE)
        for (int64_t i = 0; i < a->N; i++) {
            const int64_t start = a->offsets[i];
            real *const mean = a->means + i * a->size;
            list_parts(&d, a->text + start, a->offsets[i + 1] - start, false, &list, &hashes);
            sum_rows(mean, &m, list.at, keep_rows(&m, &list, &good));
            const real share = list.size ? (real)(1 / (double)list.size) : 0;
            for (int64_t k = 0; k < a->size; k++) mean[k] *= share;
            a->counts[i] = list.size;
        }
        failed = list.failed;
        free(list.at);
        free(hashes.at);
    }
    if (failed) return sq_no_memory;
    return good ? NULL : "data: expected a row for each word and n-gram";
}
