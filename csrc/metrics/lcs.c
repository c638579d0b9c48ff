// Longest common subsequences, 64 positions of one sequence at a time (Hyyro, "Bit-parallel LCS-length computation
// revisited", 2004), for ROUGE-L, ROUGE-Lsum and ROUGE-W.
//
// Column j belongs to x and the first j tokens of y: its bit i is 0 where their LCS is longer for x[0 .. i] than for
// x[0 .. i). A column has a word for each 64 tokens of x.
#include "base/arith.h"
#include "lcs_args.h"

typedef struct {
    const int32_t *tokens;
    int64_t size;
} sequence;

typedef struct {
    uint64_t *masks;   // [limit] where each token occurs in the present 64 of x; all zero between uses
    uint8_t *carries;  // [longest y]
    uint64_t *columns; // [words of x, size of y + 1]
    uint64_t *found;   // [words of x]
    int32_t *counts;   // [limit]
} lcs_room;

static inline sequence sequence_of(const int32_t *ids, const int64_t *offsets, int64_t s)
{
    return (sequence){ids + offsets[s], offsets[s + 1] - offsets[s]};
}

static inline int team_for(double work) { return sq_team((int64_t)(work < 1e15 ? work : 1e15)); }

static inline int64_t words_of(int64_t size) { return blocks(size, 64); }

static int64_t longest_of(const int64_t *offsets, int64_t first, int64_t last)
{
    int64_t longest = 0;
    for (int64_t s = first; s < last; s++) longest = most(longest, offsets[s + 1] - offsets[s]);
    return longest;
}

// Word w of the columns. The carries of its additions go on to the next word; `columns`, if any, gets all of them.
static uint64_t run_word(const lcs_room *room, sequence x, sequence y, int64_t w, uint64_t *columns)
{
    const int64_t size = least(x.size - 64 * w, 64);
    const bool first = w == 0, last = 64 * (w + 1) >= x.size;
    const int32_t *here = x.tokens + 64 * w;
    for (int64_t i = 0; i < size; i++) room->masks[here[i]] |= UINT64_C(1) << i;
    uint64_t column = ~UINT64_C(0);
    for (int64_t j = 0; j < y.size; j++) {
        const uint64_t equal = column & room->masks[y.tokens[j]], carry = first ? 0 : room->carries[j];
        uint64_t sum;
        const bool over = __builtin_add_overflow(column, equal, &sum), more = __builtin_add_overflow(sum, carry, &sum);
        column = sum | (column & ~equal);
        if (!last) room->carries[j] = over | more;
        if (columns) columns[j + 1] = column;
    }
    for (int64_t i = 0; i < size; i++) room->masks[here[i]] = 0;
    return column;
}

static int64_t length_of(const lcs_room *room, sequence x, sequence y)
{
    if (x.size > y.size) return length_of(room, y, x);
    int64_t length = 0;
    for (int64_t w = 0; w < words_of(x.size); w++) length += __builtin_popcountll(~run_word(room, x, y, w, NULL));
    return length;
}

// Adds the places in x of one LCS to `found`, the one that rouge-score finds: from the end of both sequences, the last
// token of y is left out first unless that makes the LCS shorter.
static void find_places(const lcs_room *room, sequence x, sequence y)
{
    const int64_t pitch = y.size + 1;
    for (int64_t w = 0; w < words_of(x.size); w++) run_word(room, x, y, w, room->columns + w * pitch);
    for (int64_t i = x.size - 1, j = y.size; i >= 0 && j > 0;) {
        const uint64_t bit = UINT64_C(1) << (i & 63);
        if (x.tokens[i] == y.tokens[j - 1]) {
            room->found[i >> 6] |= bit;
            i--;
            j--;
        } else if (room->columns[(i >> 6) * pitch + j] & bit) {
            i--;
        } else {
            j--;
        }
    }
}

// lengths[p] = length of an LCS of sequences left[p] and right[p]; sequence s is ids[offsets[s] .. offsets[s + 1]).
//: lcs_length(ids:i[N], offsets:l[S+1], left:i[P]<S, right:i[P]<S, limit:n>=0) -> lengths:i[P]
//:     where offsets covers N; 0 <= ids < limit
KERNEL(lcs_length)
{
    const int64_t longest = longest_of(a->offsets, 0, a->S);
    double work = 0;
    for (int64_t p = 0; p < a->P; p++) {
        const sequence x = sequence_of(a->ids, a->offsets, a->left[p]),
                       y = sequence_of(a->ids, a->offsets, a->right[p]);
        work += 64 + (double)x.size + (double)y.size * (double)words_of(x.size);
    }
    bool failed = false;
#pragma omp parallel num_threads(team_for(4 * work))
    {
        lcs_room room = {calloc((size_t)a->limit + 1, sizeof *room.masks), malloc((size_t)longest + 1), NULL, NULL,
                         NULL};
        const bool ready = room.masks && room.carries;
        if (!ready) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for schedule(dynamic, 16)
        for (int64_t p = 0; p < a->P; p++)
            if (ready)
                a->lengths[p] = (int32_t)length_of(&room, sequence_of(a->ids, a->offsets, a->left[p]),
                                                   sequence_of(a->ids, a->offsets, a->right[p]));
        free(room.masks);
        free(room.carries);
    }
    return failed ? sq_no_memory : NULL;
}

// Tokens of the document `right` in the union, over the sentences of `left`, of its LCS with each of its sentences:
// each token at most as often as it occurs in `left`.
static int64_t union_hits(const struct lcs_union *a, const lcs_room *room, int64_t left, int64_t right)
{
    const int64_t begin = a->documents[left], end = a->documents[left + 1];
    for (int64_t t = a->offsets[begin]; t < a->offsets[end]; t++) room->counts[a->ids[t]]++;
    int64_t hits = 0;
    for (int64_t s = a->documents[right]; s < a->documents[right + 1]; s++) {
        const sequence x = sequence_of(a->ids, a->offsets, s);
        memset(room->found, 0, (size_t)words_of(x.size) * sizeof *room->found);
        for (int64_t other = begin; other < end; other++) find_places(room, x, sequence_of(a->ids, a->offsets, other));
        for (int64_t w = 0; w < words_of(x.size); w++)
            for (uint64_t bits = room->found[w]; bits; bits &= bits - 1) {
                int32_t *count = room->counts + x.tokens[64 * w + __builtin_ctzll(bits)];
                hits += *count > 0;
                *count -= *count > 0;
            }
    }
    for (int64_t t = a->offsets[begin]; t < a->offsets[end]; t++) room->counts[a->ids[t]] = 0;
    return hits;
}

static bool union_open(const struct lcs_union *a, lcs_room *room)
{
    const int64_t longest = longest_of(a->offsets, 0, a->S);
    int64_t columns = 1;
    for (int64_t p = 0; p < a->P; p++) {
        const int64_t *left = a->documents + a->left[p], *right = a->documents + a->right[p];
        const int64_t words = words_of(longest_of(a->offsets, right[0], right[1]));
        columns = most(columns, words * (longest_of(a->offsets, left[0], left[1]) + 1));
    }
    const size_t limit = (size_t)a->limit + 1;
    *room = (lcs_room){
        calloc(limit, sizeof *room->masks),
        malloc((size_t)longest + 1),
        malloc((size_t)columns * sizeof *room->columns),
        malloc((size_t)(words_of(longest) + 1) * sizeof *room->found),
        calloc(limit, sizeof *room->counts),
    };
    return room->masks && room->carries && room->columns && room->found && room->counts;
}

// hits[p] = LCS hits of documents left[p] and right[p] after rouge-score's ROUGE-Lsum. Document d has the sentences
// documents[d] .. documents[d + 1] - 1, sentence s is ids[offsets[s] .. offsets[s + 1]).
//: lcs_union(ids:i[N], offsets:l[S+1], documents:l[D+1], left:i[P]<D, right:i[P]<D, limit:n>=0) -> hits:i[P]
//:     where offsets covers N; documents covers S; 0 <= ids < limit
KERNEL(lcs_union)
{
    double work = 0;
    for (int64_t p = 0; p < a->P; p++) {
        const int64_t *left = a->documents + a->left[p], *right = a->documents + a->right[p];
        work += 64 + (double)(left[1] - left[0]) * (double)(a->offsets[right[1]] - a->offsets[right[0]]);
    }
    bool failed = false;
#pragma omp parallel num_threads(team_for(4 * work))
    {
        lcs_room room;
        const bool ready = union_open(a, &room);
        if (!ready) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for schedule(dynamic, 4)
        for (int64_t p = 0; p < a->P; p++)
            if (ready) a->hits[p] = (int32_t)union_hits(a, &room, a->left[p], a->right[p]);
        free(room.masks);
        free(room.carries);
        free(room.columns);
        free(room.found);
        free(room.counts);
    }
    return failed ? sq_no_memory : NULL;
}

// Lin's weighted LCS of x and y: a run of k matches counts f[k]. lengths, runs: [size of y + 1].
static double weighted_length(sequence x, sequence y, const double *f, double *restrict lengths, int32_t *restrict runs)
{
    for (int64_t j = 0; j <= y.size; j++) {
        lengths[j] = 0;
        runs[j] = 0;
    }
    for (int64_t i = 0; i < x.size; i++) {
        double diagonal = 0;
        int32_t run = 0;
        for (int64_t j = 1; j <= y.size; j++) {
            const double above = lengths[j];
            const int32_t run_above = runs[j];
            if (x.tokens[i] == y.tokens[j - 1]) {
                lengths[j] = diagonal + f[run + 1] - f[run];
                runs[j] = run + 1;
            } else {
                lengths[j] = above > lengths[j - 1] ? above : lengths[j - 1];
                runs[j] = 0;
            }
            diagonal = above;
            run = run_above;
        }
    }
    return lengths[y.size];
}

// lengths[p] = weighted LCS of sequences left[p] and right[p] (Lin, "ROUGE", 2004), where f[k] is the weight of k
// matches in a row.
//: lcs_weighted(ids:i[N], offsets:l[S+1], left:i[P]<S, right:i[P]<S, f:f64[K]) -> lengths:f64[P] where offsets covers N
KERNEL(lcs_weighted)
{
    const int64_t longest = longest_of(a->offsets, 0, a->S);
    if (longest >= a->K) return "f: expected a weight for each number of tokens in a row";
    double work = 0;
    for (int64_t p = 0; p < a->P; p++)
        work += (double)sequence_of(a->ids, a->offsets, a->left[p]).size *
                (double)sequence_of(a->ids, a->offsets, a->right[p]).size;
    bool failed = false;
#pragma omp parallel num_threads(team_for(4 * work))
    {
        double *lengths = malloc((size_t)(longest + 1) * sizeof *lengths);
        int32_t *runs = malloc((size_t)(longest + 1) * sizeof *runs);
        const bool ready = lengths && runs;
        if (!ready) {
#pragma omp atomic write
            failed = true;
        }
#pragma omp for schedule(dynamic, 4)
        for (int64_t p = 0; p < a->P; p++)
            if (ready)
                a->lengths[p] = weighted_length(sequence_of(a->ids, a->offsets, a->left[p]),
                                                sequence_of(a->ids, a->offsets, a->right[p]), a->f, lengths, runs);
        free(lengths);
        free(runs);
    }
    return failed ? sq_no_memory : NULL;
}
