// Decimal numbers in text: each is read as the double nearest to its digits, and printed in the fewest digits that give
// it back.
#ifndef SEQNN_BASE_DECIMAL_H
#define SEQNN_BASE_DECIMAL_H

#include <ctype.h>
#include <locale.h>
#include <stdio.h>

#include "seqnn.h"

// Powers of ten that a double holds exactly.
static const double POWER[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline bool is_digit(uint8_t c) { return (unsigned)(c - '0') <= 9; }
static inline double scale(uint64_t mantissa, int exponent)
{
    return exponent < 0 ? (double)mantissa / POWER[-exponent] : (double)mantissa * POWER[exponent];
}

// Reads any number that C's strtod reads, without hexadecimal ones, and with "." whatever the locale.
static bool parse_any(const uint8_t *text, int64_t n, double *value)
{
    char copy[512], *end;
    if (n <= 0 || n >= (int64_t)sizeof copy) return false;
    const char point = localeconv()->decimal_point[0];
    for (int64_t i = 0; i < n; i++) {
        if (!isalnum(text[i]) && !strchr("+-.", text[i])) return false;
        if (text[i] == 'x' || text[i] == 'X') return false;
        copy[i] = text[i] == '.' ? point : (char)text[i];
    }
    copy[n] = 0;
    *value = strtod(copy, &end);
    return end == copy + n;
}

// Appends the digits at `p` to the mantissa; returns where they end. Eight bytes are looked at together: the digits
// among them are moved to the top, so that the gap reads as leading zeros, and are added up in pairs, fours and eights.
static inline const uint8_t *read_digits(const uint8_t *p, const uint8_t *limit, uint64_t *mantissa)
{
    static const uint64_t TEN[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    while (limit - p >= 8) {
        uint64_t x;
        memcpy(&x, p, 8);
        x ^= 0x3030303030303030;
        const uint64_t others = ((x + 0x7676767676767676) | x) & 0x8080808080808080;
        const int n = others ? __builtin_ctzll(others) / 8 : 8;
        if (n == 0) return p;
        x <<= 8 * (8 - n);
        x = x * 10 + (x >> 8);
        x = ((x & 0x000000ff000000ff) * 0x000f424000000064 + ((x >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >>
            32;
        *mantissa = *mantissa * TEN[n] + x;
        p += n;
        if (n < 8) return p;
    }
    for (; p < limit && is_digit(*p); p++) *mantissa = *mantissa * 10 + (*p - '0');
    return p;
}

// Reads the double nearest to the decimal number at `p`; returns where it ends, NULL where it is no such number. Up to
// 19 digits are one integer; where it and the power of ten are exact doubles, one rounding gives the nearest double
// (Clinger 1990), which covers all that float32 vectors are printed as. It may read on to `limit`, beyond the number's
// line.
static inline const uint8_t *read_number(const uint8_t *p, const uint8_t *limit, double *value)
{
    const bool negative = p < limit && *p == '-';
    if (p < limit && (*p == '-' || *p == '+')) p++;
    uint64_t mantissa = 0;
    const uint8_t *digits = p;
    for (; p < limit && is_digit(*p); p++) mantissa = mantissa * 10 + (*p - '0');
    int64_t count = p - digits, exponent = 0;
    if (p < limit && *p == '.') {
        const uint8_t *fraction = ++p;
        p = read_digits(p, limit, &mantissa);
        exponent = fraction - p;
        count -= exponent;
    }
    if (p < limit && (*p == 'e' || *p == 'E')) {
        const bool minus = ++p < limit && *p == '-';
        if (p < limit && (*p == '-' || *p == '+')) p++;
        const uint8_t *first = p;
        int64_t power = 0;
        for (; p < limit && is_digit(*p); p++)
            if (power < 10000) power = power * 10 + (*p - '0');
        if (p == first) return NULL;
        exponent += minus ? -power : power;
    }
    if (count == 0 || count > 19 || mantissa >> 53 || exponent < -22 || exponent > 22) return NULL;
    const double size = scale(mantissa, (int)exponent);
    *value = negative ? -size : size;
    return p;
}

static inline bool parse_number(const uint8_t *text, const uint8_t *end, double *value)
{
    return read_number(text, end, value) == end || parse_any(text, end - text, value);
}

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

#endif
