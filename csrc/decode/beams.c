// One step of beam search for many sequences: the best candidates of all beams, those that end, and the beams that go
// on.
#include "base/scratch.h"
#include "beams_args.h"
#include "decode/best.h"
#include "random/rng.h"

// The candidates of all rows: those of row r, best first, at r * width.
typedef struct {
    candidate *found;
    int64_t *count, width;
    int64_t *next; // [S, width], the places of the beams that go on among the candidates of their set; -1: none
} found_rows;

enum { DRAWN = 16 }; // positions that are drawn at a time, four numbers each

// Gumbel noise: the best n of score + noise are n draws without replacement from softmax(score).
static double gumbel(uint32_t bits) { return -log(-log(((double)bits + 0.5) * 0x1p-32)); }
static const double MOST_GUMBEL = 23; // -log(-log(1 - 2^-33)) and a little

// Fills the heap with the tokens of a row whose scores plus noise are the highest.
static uint8_t noisy_best(best_heap *best, const real *x, int64_t n, uint64_t seed, uint64_t stream, uint64_t position)
{
    best->count = 0;
    uint32_t bits[4 * DRAWN];
    for (int64_t at = 0; at < n; at += 4 * DRAWN) {
        const int64_t end = least(n, at + 4 * DRAWN);
        const double worst = best->count == best->capacity ? best->heap[0].score : -INFINITY;
        bool any = false;
        for (int64_t i = at; i < end; i++) any |= (double)x[i] + MOST_GUMBEL > worst;
        if (!any) continue;
        sq_philox(bits, DRAWN, seed, stream, position + (uint64_t)(at / 4));
        for (int64_t i = at; i < end; i++)
            if ((double)x[i] + MOST_GUMBEL > worst)
                heap_push(best->heap, &best->count, best->capacity,
                          (candidate){(double)x[i] + gumbel(bits[i - at]), i});
    }
    heap_sort(best->heap, best->count);
    return best->count ? ROW_FINE : ROW_NOTHING_ALLOWED;
}

// The set of beams that a row belongs to.
static int64_t set_of(const struct beams_select *a, int64_t row)
{
    int64_t low = 0, high = a->S; // set_offsets[low] <= row < set_offsets[high]
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (a->set_offsets[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

// Searches rows [from, to). `memory`: the edits of a row, and from edits_size on what is noted of its strips.
static void search_rows(const struct beams_select *a, const found_rows *rows, int64_t from, int64_t to, void *memory,
                        int64_t edits_size)
{
    const edit_rules rules = EDIT_RULES(a);
    edits e = edit_room(&rules, memory);
    for (int64_t r = from; r < to; r++) {
        best_heap best = best_room(rows->found + r * rows->width, rows->width, a->V, (char *)memory + edits_size);
        const real *x = a->logits + r * a->logits_stride[0];
        if (a->streams) {
            const int64_t set = set_of(a, r), beam = r - a->set_offsets[set];
            const uint64_t place = (uint64_t)a->position * (uint64_t)a->width + (uint64_t)beam;
            a->status[r] = noisy_best(&best, x, a->V, (uint64_t)a->seed, (uint64_t)a->streams[set],
                                      place * (uint64_t)blocks(a->V, 4));
        } else {
            const bool *allowed = a->allowed ? a->allowed + r * a->allowed_stride[0] : NULL;
            edit_row(&e, &rules, a->ids + r * a->T, a->begins[r]);
            a->status[r] = best_of_row(&best, x, a->V, allowed, &e, &rules, a->normalise);
        }
        rows->count[r] = best.count;
    }
}

// How many of the tokens that the earlier groups of a sequence have chosen in this step are this one.
static int64_t chosen_before(const struct beams_select *a, const found_rows *rows, int64_t set, int64_t token)
{
    int64_t times = 0;
    for (int64_t s = set - set % a->groups; s < set; s++)
        for (int64_t b = 0; b < a->width; b++) {
            const int64_t place = rows->next[s * a->width + b];
            times += place >= 0 && a->tokens[s * a->count + place] == token;
        }
    return times;
}

static bool ends_at(const struct beams_select *a, int64_t token)
{
    for (int64_t i = 0; i < a->E; i++)
        if (a->ends[i] == token) return true;
    return a->last;
}

// The candidates of a set of beams, best first, into the heap: ids are places in the table of found candidates.
static int64_t merge_beams(const struct beams_select *a, const found_rows *rows, int64_t set, candidate *heap)
{
    int64_t count = 0;
    for (int64_t r = a->set_offsets[set]; r < a->set_offsets[set + 1]; r++)
        for (int64_t k = 0; k < rows->count[r]; k++) {
            const candidate found = rows->found[r * rows->width + k];
            double score = a->running[r] + found.score;
            if (a->diversity != 0) score -= a->diversity * (double)chosen_before(a, rows, set, found.id);
            heap_push(heap, &count, a->count, (candidate){score, r * rows->width + k});
        }
    heap_sort(heap, count);
    return count;
}

// Writes a set's candidates, with what they add to their beams, and chooses the beams that go on.
static void advance(const struct beams_select *a, const found_rows *rows, int64_t set, candidate *heap)
{
    const int64_t count = merge_beams(a, rows, set, heap);
    for (int64_t k = 0; k < count; k++) {
        const int64_t row = heap[k].id / rows->width, token = rows->found[heap[k].id].id;
        const double noisy = rows->found[heap[k].id].score;
        const double log_prob = a->streams ? (double)a->logits[row * a->logits_stride[0] + token] : noisy;
        heap[k] = (candidate){a->running[row] + log_prob, heap[k].id};
    }
    if (a->streams) { // what was drawn is ordered by its probability
        for (int64_t at = count / 2 - 1; at >= 0; at--) heap_sift_down(heap, count, at, heap[at]);
        heap_sort(heap, count);
    }
    int64_t going_on = 0, *next = rows->next + set * a->width;
    for (int64_t k = 0; k < a->count; k++) {
        const int64_t at = set * a->count + k;
        const bool there = k < count;
        const int64_t row = there ? heap[k].id / rows->width : -1;
        a->rows[at] = row;
        a->tokens[at] = there ? rows->found[heap[k].id].id : -1;
        a->scores[at] = there ? heap[k].score : -INFINITY;
        a->log_probs[at] = there ? heap[k].score - a->running[row] : -INFINITY;
        const bool ends = there && ends_at(a, a->tokens[at]);
        a->ended[at] = ends && k < a->width;
        if (there && !ends && going_on < a->width) next[going_on++] = k;
    }
    while (going_on < a->width) next[going_on++] = -1;
}

// Writes the rows that go on, those of one set after those of another: where they come from, their sums, their tokens
// and log-probabilities with the new ones.
static void write_rows(const struct beams_select *a, const found_rows *found)
{
    int64_t n = 0;
    const int64_t T = a->T, H = a->H;
    for (int64_t s = 0; s < a->S; s++) {
        a->offsets[s] = n;
        for (int64_t b = 0; b < a->width && found->next[s * a->width + b] >= 0; b++, n++) {
            const int64_t at = s * a->count + found->next[s * a->width + b], row = a->rows[at];
            a->parents[n] = row, a->sums[n] = a->scores[at], a->new_begins[n] = a->begins[row];
            memcpy(a->new_ids + n * (T + 1), a->ids + row * T, (size_t)T * sizeof *a->ids);
            memcpy(a->new_history + n * (H + 1), a->history + row * H, (size_t)H * sizeof *a->history);
            a->new_ids[n * (T + 1) + T] = a->tokens[at], a->new_history[n * (H + 1) + H] = a->log_probs[at];
        }
    }
    a->offsets[a->S] = n;
    const size_t rest = (size_t)(a->parents_size - n);
    memset(a->parents + n, 0, rest * sizeof *a->parents), memset(a->sums + n, 0, rest * sizeof *a->sums);
    memset(a->new_begins + n, 0, rest * sizeof *a->new_begins);
    memset(a->new_ids + n * (T + 1), 0, rest * (size_t)(T + 1) * sizeof *a->new_ids);
    memset(a->new_history + n * (H + 1), 0, rest * (size_t)(H + 1) * sizeof *a->new_history);
}

// The rows set_offsets[s] .. set_offsets[s + 1] - 1 are the beams of set s, whose summed log-probabilities are
// `running` and single ones `history`; `groups` sets are those of one sequence. Writes the best `count` candidates of
// each set, best first, where equal ones come by beam and by token: the row and the token (-1 where there are fewer),
// the sum and what the token adds to it; which of the first `width` candidates end; and the first `width` beams that go
// on, of set s from offsets[s] on, as rows with one token more (the rows from offsets[S] on are 0). With `last` all
// candidates end. `diversity` is taken off for each beam of an earlier group that goes on with the same token. With
// `streams` the candidates are drawn without replacement, and the rows are log-probabilities that nothing changes. The
// other arguments and the status are those of processors_apply.
//: beams_select(logits~f[R,V], ids:l[R,T], begins:l[R], history:f64[R,H], suppressed:l[F], words:l[W],
//:     word_offsets:l[N+1], allowed~?b[R~,V], running:f64[R], set_offsets:l[S+1], ends:l[E], streams?l[S], width:n>=1,
//:     count:n>=1, groups:n>=1=1, diversity:d=0, last:p=0, normalise:p=1, prompt:n=0, repetition_penalty:d=1,
//:     frequency_penalty:d=0, presence_penalty:d=0, ngram_size:n>=0=0, ngram_penalty:d=0, seed:n=0, position:n=0)
//:     -> scores:f64[S,count], rows:l[S,count], tokens:l[S,count], log_probs:f64[S,count], ended:b[S,count],
//:     offsets:l[S+1], parents:l[S*width], sums:f64[S*width], new_ids:l[S*width,T+1], new_begins:l[S*width],
//:     new_history:f64[S*width,H+1], status:u[R]
//:     where word_offsets covers W; set_offsets covers R
KERNEL(beams_select)
{
    const edit_rules rules = EDIT_RULES(a);
    // A candidate that an earlier group lowers may make room for one more.
    const int64_t lowered = a->diversity != 0 ? times(most(0, least(a->groups, a->S) - 1), a->width) : 0;
    found_rows rows = {.width = most(1, least(least(a->count, a->V) + least(lowered, a->V), a->V))};
    const int team = (int)most(1, least(sq_team(a->R * a->V * 4), a->R));
    const int64_t edits_size = round_up((int64_t)edit_bytes(&rules), 64);
    const size_t room = (size_t)edits_size + best_bytes(a->V);
    rows.found = malloc((size_t)times(a->R, rows.width) * sizeof *rows.found + 1);
    rows.count = malloc((size_t)(a->R + 1) * sizeof *rows.count);
    rows.next = malloc((size_t)(a->parents_size + 1) * sizeof *rows.next);
    const int64_t heap_width = least(a->count, times(a->R, rows.width)) + 1;
    const int64_t sequences = blocks(a->S, a->groups);
    const int merging = (int)most(1, least(sq_team(a->R * rows.width * 16), sequences));
    candidate *heaps = malloc((size_t)times(merging, heap_width) * sizeof *heaps);
    char *memory = sq_scratch_take((size_t)team * room);
    const bool ok = rows.found && rows.count && rows.next && heaps && memory;
    if (ok) {
#pragma omp parallel for num_threads(team) schedule(static)
        for (int t = 0; t < team; t++)
            search_rows(a, &rows, cut(a->R, team, t), cut(a->R, team, t + 1), memory + (size_t)t * room, edits_size);
#pragma omp parallel for num_threads(merging) schedule(static)
        for (int t = 0; t < merging; t++)
            for (int64_t q = cut(sequences, merging, t); q < cut(sequences, merging, t + 1); q++)
                for (int64_t s = q * a->groups; s < least(a->S, (q + 1) * a->groups); s++)
                    advance(a, &rows, s, heaps + t * heap_width);
        write_rows(a, &rows);
    }
    free(rows.found), free(rows.count), free(rows.next), free(heaps), sq_scratch_give(memory);
    return ok ? NULL : sq_no_memory;
}
