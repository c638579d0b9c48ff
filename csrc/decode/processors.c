// Scores of next tokens as penalties, constraints and warpers leave them.
#include "decode/warp.h"
#include "processors_args.h"

static void some_rows(const void *arguments, int64_t first, int64_t last, void *memory)
{
    const struct processors_apply *a = arguments;
    const edit_rules rules = EDIT_RULES(a);
    const warp_rules warp = WARP_RULES(a);
    warp_room room = warp_room_in(&rules, memory);
    for (int64_t r = first; r < last; r++) {
        edit_row(&room.edits, &rules, a->ids + r * a->T, a->begins[r]);
        const bool *allowed = a->allowed ? a->allowed + r * a->allowed_stride[0] : NULL;
        a->status[r] = warp_row(&room, a->logits + r * a->logits_stride[0], a->V, allowed, &rules, &warp, a->normalise);
        memcpy(a->scores + r * a->V, room.scores, (size_t)a->V * sizeof(real));
    }
}

// Rows of logits, or with `normalise` of their log-probabilities, as the rules leave them. The tokens so far of row r
// are ids[r, begins[r]:], the new ones of them those from column `prompt` on. The status of a row: 1: its logits are
// not finite; 2: no token is left.
//: processors_apply(logits~f[R,V], ids:l[R,T], begins:l[R], suppressed:l[F], words:l[W], word_offsets:l[N+1],
//:     allowed~?b[R~,V], prompt:n=0, repetition_penalty:d=1, frequency_penalty:d=0, presence_penalty:d=0,
//:     ngram_size:n>=0=0, ngram_penalty:d=0, normalise:p=0, temperature:d=1, top_k:n>=0=0, top_p:d=1, min_p:d=0,
//:     typical_p:d=1, keep:n>=1=1) -> scores:f[R,V], status:u[R]
//:     where word_offsets covers W
KERNEL(processors_apply)
{
    const edit_rules rules = EDIT_RULES(a);
    return warp_in_parts(a->R, a->V, &rules, some_rows, a);
}
