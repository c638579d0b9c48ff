// Printing one line of a text file of word vectors: each number in the fewest digits that give it back.
#ifndef SEQNN_WORDS_VECTOR_TEXT_PRINT_H
#define SEQNN_WORDS_VECTOR_TEXT_PRINT_H

#include <stdio.h>

#include "words/vector_text_parse.h"

static char *print_any(char *out, double x, int digits, int most)
{
    double back = 0;
    int n = 0;
    for (; digits <= most; digits++) {
        n = snprintf(out, 32, "%.*g", digits, x);
        for (int i = 0; i < n; i++)
            if (!isalnum((uint8_t)out[i]) && out[i] != '-' && out[i] != '+') out[i] = '.';
        if (!parse_any((const uint8_t *)out, n, &back) || (real)back == (real)x) break;
    }
    out += n;
    if (!memchr(out - n, '.', n) && !memchr(out - n, 'e', n) && isfinite(x)) *out++ = '.', *out++ = '0';
    return out;
}

// Is x what a reader makes of mantissa * 10^exponent? Midway between two floats (bit 28 alone of the 29 that a float
// lacks) a reader that rounds once and one that rounds twice may differ: such a text is refused.
static inline bool reads_as(float x, uint64_t mantissa, int exponent)
{
    const double value = scale(mantissa, exponent);
    uint64_t bits;
    memcpy(&bits, &value, 8);
    return (float)value == x && (bits & 0x1fffffff) != 0x10000000;
}

// Prints a float32 in the fewest digits (at most 9) that give it back: 9 digits, then fewer while they still do.
static char *print_float(char *out, float x)
{
    const double size = fabs((double)x);
    if (!(size >= 1e-12 && size < 1e20)) return print_any(out, x, 1, 9);
    if (x < 0) *out++ = '-';

    int exponent, power; // of two, of the last digit
    frexp(size, &exponent);
    power = (int)floor((exponent - 1) * 0.30102999566398120) - 8; // nine digits or ten
    uint64_t digits = (uint64_t)(power < 0 ? size * POWER[-power] + 0.5 : size / POWER[power] + 0.5);
    while (digits > 9) {
        const uint64_t fewer = (digits + 5) / 10;
        if (!reads_as((float)size, fewer, power + 1)) break;
        digits = fewer, power++;
    }
    while (digits % 10 == 0) digits /= 10, power++;
    char text[24];
    int n = 0;
    for (uint64_t rest = digits; rest; rest /= 10) text[n++] = (char)('0' + rest % 10); // last digit first
    exponent = power + n - 1;

    if (exponent < -4 || exponent > 8) {
        *out++ = text[--n];
        if (n) *out++ = '.';
        while (n) *out++ = text[--n];
        return out + sprintf(out, "e%+03d", exponent);
    }
    if (exponent < 0) {
        *out++ = '0', *out++ = '.';
        for (int i = -1; i > exponent; i--) *out++ = '0';
        while (n) *out++ = text[--n];
        return out;
    }
    for (int i = 0; i <= exponent; i++) *out++ = n ? text[--n] : '0';
    *out++ = '.';
    if (!n) *out++ = '0';
    while (n) *out++ = text[--n];
    return out;
}

static inline char *print_number(char *out, real x)
{
    return sizeof(real) == 4 ? print_float(out, (float)x) : print_any(out, (double)x, 15, 17);
}

static int64_t print_line(char *out, const uint8_t *word, int64_t n, const real *vector, int64_t D)
{
    char *p = out;
    memcpy(p, word, n);
    p += n;
    for (int64_t d = 0; d < D; d++) {
        *p++ = ' ';
        p = print_number(p, vector[d]);
    }
    *p++ = '\n';
    return p - out;
}

#endif
