// The next token of each row: the most probable one, or one drawn from what the warpers leave.
#include "decode/warp.h"
#include "random/rng.h"
#include "samplers_args.h"

typedef struct {
    int64_t token;
    double log_prob;
    uint8_t status;
} choice;

// The most probable token of a row without edits, from one pass over it; of equal ones the lowest.
static choice best_token(const real *x, int64_t n)
{
    log_sum s = log_sum_none();
    int64_t token = 0; // first the block that holds it
    for (int64_t at = 0; at < n; at += ROW_BLOCK) {
        const int64_t size = least(ROW_BLOCK, n - at);
        const real top = row_largest(x + at, NULL, size);
        if (top > s.largest) token = at;
        log_sum_add(&s, x + at, size, top);
    }
    if (!is_finite_row(s)) return (choice){-1, NAN, ROW_NOT_FINITE};
    while (x[token] != s.largest) token++;
    return (choice){token, -log(s.sum), ROW_FINE};
}

// The first token at which the sum of terms is above `share` of the total; by blocks, and then within one.
static choice token_at(const real *scores, const real *terms, int64_t n, log_sum s, double share)
{
    double left = share * s.sum;
    int64_t at = 0, last = -1;
    for (; at < n; at += ROW_BLOCK) {
        double sum = 0;
        const int64_t end = least(n, at + ROW_BLOCK);
#pragma omp simd reduction(+ : sum)
        for (int64_t i = at; i < end; i++) sum += (double)terms[i];
        if (sum > left) break;
        left -= sum;
    }
    if (at >= n) at = 0, left = INFINITY; // by rounding: the last token that can be drawn
    for (int64_t i = at; i < n; i++) {
        if (!(terms[i] > 0)) continue;
        last = i;
        if ((left -= (double)terms[i]) < 0) break;
    }
    return (choice){last, (double)scores[last] - (double)s.largest - log(s.sum), ROW_FINE};
}

// A number in [0, 1) that depends on (seed, stream, position) only.
static double uniform(int64_t seed, int64_t stream, int64_t position)
{
    uint32_t bits[4];
    sq_philox(bits, 1, (uint64_t)seed, (uint64_t)stream, (uint64_t)position);
    return (double)(((uint64_t)bits[0] << 32 | bits[1]) >> 11) * 0x1p-53;
}

static choice choose(const struct samplers_draw *a, int64_t r, warp_room *room, const edit_rules *rules,
                     const warp_rules *warp)
{
    const real *x = a->logits + r * a->logits_stride[0];
    edit_row(&room->edits, rules, a->ids + r * a->T, a->begins[r]);
    if (a->greedy && !room->edits.count && !a->allowed) return best_token(x, a->V);
    const bool *allowed = a->allowed ? a->allowed + r * a->allowed_stride[0] : NULL;
    const uint8_t status = warp_row(room, x, a->V, allowed, rules, warp, false);
    if (status != ROW_FINE) return (choice){-1, NAN, status};
    if (a->greedy) return best_token(room->scores, a->V);
    const log_sum s = warp_terms(room->scores, a->V, room->terms);
    if (!is_finite_row(s)) return (choice){-1, NAN, ROW_NOT_FINITE};
    return token_at(room->scores, room->terms, a->V, s, uniform(a->seed, a->streams[r], a->position));
}

static void some_rows(const void *arguments, int64_t first, int64_t last, void *memory)
{
    const struct samplers_draw *a = arguments;
    const edit_rules rules = EDIT_RULES(a);
    const warp_rules drawn = WARP_RULES(a), plain = {1, 1, 0, 1, 0, 1};
    warp_room room = warp_room_in(&rules, memory);
    for (int64_t r = first; r < last; r++) {
        const choice c = choose(a, r, &room, &rules, a->greedy ? &plain : &drawn);
        a->tokens[r] = c.token, a->log_probs[r] = c.log_prob, a->status[r] = c.status;
    }
}

// A token for each row, and the logarithm of the probability with which it is chosen. The arguments are those of
// processors_apply; row r is drawn by the number at (seed, streams[r], position).
//: samplers_draw(logits~f[R,V], ids:l[R,T], begins:l[R], suppressed:l[F], words:l[W], word_offsets:l[N+1],
//:     allowed~?b[R~,V], streams:l[R], prompt:n=0, repetition_penalty:d=1, frequency_penalty:d=0, presence_penalty:d=0,
//:     ngram_size:n>=0=0, ngram_penalty:d=0, temperature:d=1, top_k:n>=0=0, top_p:d=1, min_p:d=0, typical_p:d=1,
//:     keep:n>=1=1, greedy:p=0, seed:n=0, position:n=0) -> tokens:l[R], log_probs:f64[R], status:u[R]
//:     where word_offsets covers W
KERNEL(samplers_draw)
{
    const edit_rules rules = EDIT_RULES(a);
    return warp_in_parts(a->R, a->V, &rules, some_rows, a);
}
