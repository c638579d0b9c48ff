// Reading one line of a text file of word vectors: a word and D numbers, each the double nearest to its digits.
#ifndef SEQNN_WORDS_VECTOR_TEXT_PARSE_H
#define SEQNN_WORDS_VECTOR_TEXT_PARSE_H

#include <ctype.h>
#include <locale.h>

#include "vector_text_args.h"

// Powers of ten that a double holds exactly.
static const double POWER[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r'; }
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

// Does a line's word end in what is rather one more number of the vector? All that follows the first blank would be
// numbers with a point or an exponent.
static bool holds_numbers(const uint8_t *word, const uint8_t *end)
{
    bool any = false;
    while (word < end && !is_blank(*word)) word++;
    for (const uint8_t *stop; word < end; word = stop) {
        while (word < end && is_blank(*word)) word++;
        for (stop = word; stop < end && !is_blank(*stop);) stop++;
        if (stop == word) break;
        double value;
        const size_t n = (size_t)(stop - word);
        if (!memchr(word, '.', n) && !memchr(word, 'e', n)) return false;
        if (!parse_number(word, stop, &value)) return false;
        any = true;
    }
    return any;
}

// Parses the usual line: a word without blanks, then D times one blank and a plain number.
static bool parse_usual(const uint8_t *begin, const uint8_t *end, const uint8_t *limit, int64_t D, real *vector,
                        int64_t *word_length)
{
    const uint8_t *p = begin;
    while (p < end && !is_blank(*p)) p++;
    *word_length = p - begin;
    for (int64_t d = 0; d < D; d++) {
        double value;
        if (p == end || !is_blank(*p) || !(p = read_number(p + 1, limit, &value))) return false;
        vector[d] = (real)value;
        if (p > end || (p != end && !is_blank(*p)) || !isfinite(vector[d])) return false;
    }
    return p == end;
}

// Parses any line: the last D columns are the numbers, all before them is the word, so words may hold blanks.
static enum vector_text_status parse_line(const uint8_t *begin, const uint8_t *end, const uint8_t *limit, int64_t D,
                                          real *vector, int64_t *word_length)
{
    enum vector_text_status status = VECTOR_TEXT_GOOD;
    while (end > begin && is_blank(end[-1])) end--;
    if (end == begin) return VECTOR_TEXT_BLANK;
    if (parse_usual(begin, end, limit, D, vector, word_length)) return VECTOR_TEXT_GOOD;
    for (int64_t d = D - 1; d >= 0; d--) {
        const uint8_t *field = end;
        while (field > begin && !is_blank(field[-1])) field--;
        if (field == begin) return VECTOR_TEXT_TOO_FEW;
        double value;
        if (!parse_number(field, end, &value)) return VECTOR_TEXT_NOT_A_NUMBER;
        vector[d] = (real)value;
        if (!isfinite(vector[d])) status = VECTOR_TEXT_NOT_FINITE;
        for (end = field; end > begin && is_blank(end[-1]);) end--;
    }
    *word_length = end - begin;
    return holds_numbers(begin, end) ? VECTOR_TEXT_TOO_MANY : status;
}

#endif
