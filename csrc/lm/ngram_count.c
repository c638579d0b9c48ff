// Counting n-grams by sorting: a text of word ids becomes sorted rows, and these the n-grams of each length with their
// counts. A row is what stands at a position, at most `order` words, ending after EOS.
#include "lm/sort.h"

enum { MOST_ORDER = 16, MOST_RUNS = 64 };

//= UNK 0
//= BOS 1
//= EOS 2

// Makes the text to count: each sentence's words, numbered by `map` (-1: left out), between BOS and EOS.
//: ngram_count_stream(ids:i[T], offsets:l[S+1], map:i[W]) -> stream:i[T+2*S], size:l[1]
//:     where offsets covers T
KERNEL(ngram_count_stream)
{
    const int64_t parts = sq_team(2 * a->T);
    int64_t *kept = malloc(sizeof *kept * (size_t)(parts + 1));
    if (!kept) return sq_no_memory;
    bool known = true;
#pragma omp parallel for num_threads((int)parts) schedule(static, 1) reduction(&& : known)
    for (int64_t part = 0; part < parts; part++) {
        const int64_t first = cut(a->S, parts, part), last = cut(a->S, parts, part + 1);
        kept[part] = 2 * (last - first);
        for (int64_t i = a->offsets[first]; i < a->offsets[last]; i++) {
            const int32_t id = READ_ONCE(a->ids[i]);
            if (id < 0 || id >= a->W)
                known = false;
            else
                kept[part] += READ_ONCE(a->map[id]) >= 0;
        }
    }
    if (!known) {
        free(kept);
        return "ids: expected numbers below map's size";
    }
    int64_t total = 0;
    for (int64_t part = 0; part < parts; part++) {
        const int64_t size = kept[part];
        kept[part] = total;
        total += size;
    }
    kept[parts] = total;
#pragma omp parallel for num_threads((int)parts) schedule(static, 1)
    for (int64_t part = 0; part < parts; part++) {
        const int64_t first = cut(a->S, parts, part), last = cut(a->S, parts, part + 1), end = kept[part + 1];
        int64_t at = kept[part];
        for (int64_t s = first; s < last && at + 2 <= end; s++) {
            a->stream[at++] = NGRAM_COUNT_BOS;
            for (int64_t i = a->offsets[s]; i < a->offsets[s + 1] && at < end - 1; i++) {
                const int32_t id = READ_ONCE(a->ids[i]), word = id < 0 || id >= a->W ? -1 : READ_ONCE(a->map[id]);
                a->stream[at] = word;
                at += word >= 0;
            }
            a->stream[at++] = NGRAM_COUNT_EOS;
        }
        while (at < end) a->stream[at++] = NGRAM_COUNT_EOS; // ids or map have been changed during the call
    }
    memset(a->stream + total, 0, sizeof *a->stream * (size_t)(a->T + 2 * a->S - total));
    a->size[0] = total;
    free(kept);
    return NULL;
}

// Sorts the rows of a text, by the positions where they begin; shared[i] = the words that row i begins with
// as the row before it does, `order` where they are equal.
//: ngram_count_sort(stream:i[T], words:n, order:n) -> positions:u32[T], shared:u8[T]
//:     where 1 <= words < 2147483648; 1 <= order <= 16; T < 2147483648
KERNEL(ngram_count_sort)
{
    buckets b;
    const char *message = open_buckets(&b, a);
    bool failed = false;
    if (!message) {
#pragma omp parallel num_threads(sq_team(16 * a->T))
        {
            fill_buckets(&b, a, omp_get_thread_num(), omp_get_num_threads());
            sorter s = {a->stream, a->T, (int)a->order, 1, NULL, NULL};
            while ((a->words - 1) >> s.bits) s.bits++;
            s.keys = malloc(((size_t)b.longest + 1) * sizeof *s.keys);
            s.spare = malloc(((size_t)b.longest + 1) * sizeof *s.spare);
            if (!s.keys || !s.spare) {
#pragma omp atomic write
                failed = true;
            }
#pragma omp barrier
#pragma omp for schedule(dynamic, 16)
            for (int64_t k = 0; k < b.count; k++)
                if (!failed) sort_bucket(&b, a, &s, k);
            free(s.keys);
            free(s.spare);
        }
    }
    free(b.starts);
    free(b.next);
    return failed ? sq_no_memory : message;
}

// A row of a text, or (without positions) the row-th piece of `order` words.
#define ROW(row) (a->positions ? (int64_t)a->positions[row] : (row) * a->order)

// Fetches a row that is read soon.
#define FETCH_ROW(row)                                                                                                 \
    if (a->positions && (row) < a->R) __builtin_prefetch(a->stream + a->positions[row])

// Counts the n-grams of 1 .. order words that begin in each part of sorted rows. Part c is the rows [bounds[c],
// bounds[c + 1]), and its first row begins with another word than the row before it.
//: ngram_count_sizes(stream:i[T], positions?u32[R], shared:u8[R], bounds:l[C+1], order:n) -> sizes:l[C,order]
//:     where 1 <= order <= 16; bounds ascends to R
KERNEL(ngram_count_sizes)
{
#pragma omp parallel for num_threads(sq_team(4 * a->R)) schedule(dynamic, 1)
    for (int64_t c = 0; c < a->C; c++) {
        int64_t *sizes = a->sizes + c * a->order;
        memset(sizes, 0, sizeof *sizes * (size_t)a->order);
        for (int64_t row = a->bounds[c]; row < a->bounds[c + 1]; row++) {
            FETCH_ROW(row + PREFETCH);
            for (int64_t n = row > a->bounds[c] ? a->shared[row] : 0; n < a->order; n++) {
                sizes[n]++;
                if (word_at(a->stream, a->T, ROW(row) + n) == NGRAM_COUNT_EOS) break;
            }
        }
    }
    return NULL;
}

// Lists the n-grams of sorted rows, first those of one word, then of two ...: last word, count, and the place of the
// n-gram without that word among those of its length. counts[r] = how often row r stands for (default 1). `sizes` is
// what ngram_count_sizes found.
//: ngram_count_levels(stream:i[T], positions?u32[R], counts?u32[R], shared:u8[R], bounds:l[C+1], order:n,
//:     sizes:l[C,order], words+u32[I], totals+u32[I], parents+u32[I])
//:     where 1 <= order <= 16; bounds ascends to R; 0 <= sizes <= R
KERNEL(ngram_count_levels)
{
    const int64_t order = a->order;
    int64_t *starts = malloc(sizeof *starts * (size_t)(a->C * order + 1)), total = 0, level[MOST_ORDER];
    if (!starts) return sq_no_memory;
    for (int64_t n = 0; n < order; n++) {
        level[n] = total;
        for (int64_t c = 0; c < a->C; c++) {
            starts[c * order + n] = total;
            total += a->sizes[c * order + n];
        }
    }
    bool fits = total <= a->I;
#pragma omp parallel for num_threads(sq_team(8 * a->R)) schedule(dynamic, 1) reduction(&& : fits)
    for (int64_t c = 0; c < a->C; c++) {
        if (total > a->I) continue;
        int64_t next[MOST_ORDER], at[MOST_ORDER], length = 0;
        memcpy(next, starts + c * order, sizeof *next * (size_t)order);
        for (int64_t row = a->bounds[c]; row < a->bounds[c + 1]; row++) {
            FETCH_ROW(row + PREFETCH);
            int64_t n = row > a->bounds[c] ? a->shared[row] : 0;
            if (n < order) {
                for (length = n < length ? n : length; length < order; length++) {
                    const uint32_t word = word_at(a->stream, a->T, ROW(row) + length);
                    const int64_t i = next[length]++;
                    if (i >= starts[c * order + length] + a->sizes[c * order + length]) {
                        fits = false;
                        break;
                    }
                    a->words[i] = word;
                    a->totals[i] = 0;
                    a->parents[i] = length ? (uint32_t)(at[length - 1] - level[length - 1]) : 0;
                    at[length] = i;
                    if (word == NGRAM_COUNT_EOS) {
                        length++;
                        break;
                    }
                }
            }
            const uint32_t count = a->counts ? a->counts[row] : 1;
            for (n = 0; n < length; n++) a->totals[at[n]] += count;
            if (!fits) break;
        }
    }
    free(starts);
    return fits ? NULL : "sizes do not fit the rows";
}

// Lists the different rows among sorted ones, each with how often it occurs; rows that end early are filled up with 0.
//: ngram_count_distinct(stream:i[T], positions:u32[R], shared:u8[R], order:n, rows+i[D,order], counts+u32[D])
//:     where 1 <= order <= 16
KERNEL(ngram_count_distinct)
{
    int64_t made = 0;
    for (int64_t row = 0; row < a->R; row++) {
        if (row && a->shared[row] >= a->order) {
            a->counts[made - 1]++;
            continue;
        }
        if (made == a->D) return "rows: too few places";
        int32_t *out = a->rows + made * a->order;
        bool ended = false;
        for (int64_t n = 0; n < a->order; n++) {
            out[n] = ended ? 0 : (int32_t)word_at(a->stream, a->T, (int64_t)a->positions[row] + n);
            ended |= out[n] == NGRAM_COUNT_EOS;
        }
        a->counts[made++] = 1;
    }
    return made == a->D ? NULL : "rows: too many places";
}

static int compare(const int32_t *x, const int32_t *y, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

// Merges K runs of sorted different rows, run k = [bounds[k], bounds[k + 1]): the counts of equal rows are added.
// shared as in ngram_count_sort.
//: ngram_count_merge(rows:i[R,N], counts:u32[R], bounds:l[K+1])
//:     -> merged:i[R,N], totals:u32[R], shared:u8[R], size:l[1]
//:     where bounds covers R; 1 <= N <= 16; K <= 64
KERNEL(ngram_count_merge)
{
    int64_t at[MOST_RUNS], made = 0;
    memcpy(at, a->bounds, sizeof *at * (size_t)a->K);
    for (;;) {
        int64_t first = -1;
        for (int64_t k = 0; k < a->K; k++)
            if (at[k] < a->bounds[k + 1] &&
                (first < 0 || compare(a->rows + at[k] * a->N, a->rows + at[first] * a->N, a->N) < 0))
                first = k;
        if (first < 0) break;
        const int32_t *row = a->rows + at[first] * a->N, *before = a->merged + (made - 1) * a->N;
        int64_t same = 0;
        while (made && same < a->N && row[same] == before[same]) same++;
        if (same < a->N) {
            memcpy(a->merged + made * a->N, row, sizeof *row * (size_t)a->N);
            a->shared[made] = (uint8_t)same;
            a->totals[made++] = 0;
        }
        a->totals[made - 1] += a->counts[at[first]++];
    }
    memset(a->merged + made * a->N, 0, sizeof *a->merged * (size_t)((a->R - made) * a->N));
    memset(a->totals + made, 0, sizeof *a->totals * (size_t)(a->R - made));
    memset(a->shared + made, 0, (size_t)(a->R - made));
    a->size[0] = made;
    return NULL;
}
