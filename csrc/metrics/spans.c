// Spans of tagged tokens. Each tag has a prefix (B, I, O, ...) and a type; a table says of two neighbours, by their
// prefixes and whether their types are the same, whether a span ends between them, a new one starts, or it goes on.
#include "spans_args.h"

//= START 1
//= INSIDE 2
//= END 4

typedef struct {
    const struct spans_find *a;
    int64_t count;
} span_list;

// The flags of place i with the one before it; before the first and after the last place stands an O, which is prefix
// 0.
static inline int flags_at(const struct spans_find *a, int64_t first, int64_t last, int64_t i)
{
    const int32_t before = i > first ? a->tags[i - 1] : -1, here = i < last ? a->tags[i] : -1;
    const int64_t from = before < 0 ? 0 : a->prefixes[before], to = here < 0 ? 0 : a->prefixes[here];
    const bool same = (before < 0 ? -1 : a->types[before]) == (here < 0 ? -1 : a->types[here]);
    return a->flags[(from * a->P + to) * 2 + same];
}

static inline void add_span(span_list *s, int64_t begin, int64_t end)
{
    s->a->begins[s->count] = begin;
    s->a->ends[s->count] = end;
    s->a->kinds[s->count++] = s->a->types[s->a->tags[begin]];
}

// As conlleval: a span lasts from a start to the next end, whatever stands between.
static void find_loosely(span_list *s, int64_t first, int64_t last)
{
    int64_t begin = -1;
    for (int64_t i = first; i <= last; i++) {
        const int flags = flags_at(s->a, first, last, i);
        if (flags & SPANS_END && begin >= 0) {
            add_span(s, begin, i);
            begin = -1;
        }
        if (flags & SPANS_START && i < last) begin = i;
    }
}

// A span is a start, places that go on, and an end; what begins like one and does not end so is none.
static void find_strictly(span_list *s, int64_t first, int64_t last)
{
    for (int64_t i = first; i < last;) {
        if (!(flags_at(s->a, first, last, i) & SPANS_START)) {
            i++;
            continue;
        }
        int64_t end = i + 1;
        while (end < last && flags_at(s->a, first, last, end) & SPANS_INSIDE) end++;
        if (flags_at(s->a, first, last, end) & SPANS_END) add_span(s, i, end);
        i = end;
    }
}

// Spans [begins, ends) of types `kinds`, count[0] of them, in the sentences tags[offsets[s] .. offsets[s + 1]).
//: spans_find(tags:i[N]<T, offsets:l[S+1], prefixes:u[T], types:i[T], flags:u[P,P,2], strict:p=0)
//:     -> begins:l[N], ends:l[N], kinds:i[N], count:l[1] where offsets covers N; prefixes < P
KERNEL(spans_find)
{
    span_list s = {a, 0};
    for (int64_t i = 0; i < a->S; i++) {
        if (a->strict)
            find_strictly(&s, a->offsets[i], a->offsets[i + 1]);
        else
            find_loosely(&s, a->offsets[i], a->offsets[i + 1]);
    }
    a->count[0] = s.count;
    return NULL;
}
