// ASCII whitespace, newlines and NUL bytes, 64 bytes of text at a time.
#ifndef SEQNN_TEXT_WHITESPACE_H
#define SEQNN_TEXT_WHITESPACE_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Bit i tells whether byte i of the 64 is ASCII whitespace (as in Python's bytes.split), a newline, NUL.
typedef struct {
    uint64_t space, newline, nul;
} sq_masks;

#if defined(__SSE2__)
static inline sq_masks sq_classify64(const uint8_t *p)
{
    sq_masks m = {0, 0, 0};
    for (int i = 0; i < 4; i++) {
        __m128i x = _mm_loadu_si128((const __m128i *)(p + 16 * i));
        __m128i from_tab = _mm_sub_epi8(x, _mm_set1_epi8('\t'));
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(from_tab, _mm_set1_epi8('\r' - '\t')), from_tab);
        __m128i space = _mm_or_si128(control, _mm_cmpeq_epi8(x, _mm_set1_epi8(' ')));
        m.space |= (uint64_t)(uint32_t)_mm_movemask_epi8(space) << (16 * i);
        m.newline |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('\n'))) << (16 * i);
        m.nul |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_setzero_si128())) << (16 * i);
    }
    return m;
}
#else
#define SQ_BYTES(c) (UINT64_C(0x0101010101010101) * (c))

// The top bit of each byte of x that equals c.
static inline uint64_t sq_equal_bytes(uint64_t x, uint8_t c)
{
    uint64_t t = x ^ SQ_BYTES(c);
    return ~(((t & SQ_BYTES(0x7f)) + SQ_BYTES(0x7f)) | t) & SQ_BYTES(0x80);
}

static inline uint64_t sq_gather_top_bits(uint64_t x) { return ((x >> 7) * UINT64_C(0x0102040810204080)) >> 56; }

static inline sq_masks sq_classify64(const uint8_t *p)
{
    sq_masks m = {0, 0, 0};
    for (int i = 0; i < 8; i++) {
        uint64_t x;
        memcpy(&x, p + 8 * i, 8);
        uint64_t low = x & SQ_BYTES(0x7f);
        uint64_t control = (low + SQ_BYTES(0x80 - '\t')) & ~(low + SQ_BYTES(0x80 - '\r' - 1)) & ~x & SQ_BYTES(0x80);
        m.space |= sq_gather_top_bits(control | sq_equal_bytes(x, ' ')) << (8 * i);
        m.newline |= sq_gather_top_bits(sq_equal_bytes(x, '\n')) << (8 * i);
        m.nul |= sq_gather_top_bits(sq_equal_bytes(x, 0)) << (8 * i);
    }
    return m;
}
#endif

// The next 64 bytes of text at `at`, beyond its end spaces.
static inline sq_masks sq_classify(const uint8_t *text, int64_t size, int64_t at)
{
    if (at + 64 <= size) return sq_classify64(text + at);
    uint8_t rest[64];
    memset(rest, ' ', sizeof rest);
    if (at < size) memcpy(rest, text + at, (size_t)(size - at));
    return sq_classify64(rest);
}

#endif
