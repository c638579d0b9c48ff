// What mteval-v13a and Tercom take out of a text before they split it: line ends, "<skipped>", escaped characters.
#ifndef SEQNN_METRICS_ENTITIES_H
#define SEQNN_METRICS_ENTITIES_H

#include "tokens_args.h"

// Replaces each `from` by the `to_size` <= size bytes of `to`, in place and from left to right; returns the new end.
static uint8_t *replace_bytes(uint8_t *text, uint8_t *end, const char *from, const char *to, size_t to_size)
{
    const size_t size = strlen(from);
    uint8_t *out = text;
    for (const uint8_t *p = text; p < end;) {
        if (*p == (uint8_t)*from && size <= (size_t)(end - p) && !memcmp(p, from, size)) {
            memcpy(out, to, to_size);
            out += to_size;
            p += size;
        } else {
            *out++ = *p++;
        }
    }
    return out;
}

static inline bool has_markup(int64_t markup, const uint8_t *text, const uint8_t *end)
{
    const size_t size = (size_t)(end - text);
    if (markup == TOKENS_NONE || size == 0) return false;
    return memchr(text, '&', size) || memchr(text, '\n', size) || (markup == TOKENS_MTEVAL && memchr(text, '<', size));
}

// Copies the text to `out` without markup; returns the copy's end.
static const uint8_t *remove_markup(int64_t markup, const uint8_t *text, const uint8_t *end, uint8_t *out)
{
    const bool mteval = markup == TOKENS_MTEVAL;
    memcpy(out, text, (size_t)(end - text));
    uint8_t *stop = out + (end - text);
    if (mteval) stop = replace_bytes(out, stop, "<skipped>", "", 0);
    stop = replace_bytes(out, stop, mteval ? "-\n" : "\n-", "", 0);
    stop = replace_bytes(out, stop, "\n", " ", 1);
    stop = replace_bytes(out, stop, "&quot;", "\"", 1);
    stop = replace_bytes(out, stop, "&amp;", "&", 1);
    stop = replace_bytes(out, stop, "&lt;", "<", 1);
    return replace_bytes(out, stop, "&gt;", ">", 1);
}

#endif
