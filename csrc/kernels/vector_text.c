// Files of word vectors: lines "word number number ...", parsed and printed in bulk, and the records of word2vec's
// binary files. A text is cut at line ends, its lines are shared out to threads.
#include <ctype.h>
#include <locale.h>
#include <stdio.h>

#include "seqnn.h"

// What a line of text turned out to be; seqnn/embed/_vector_files.py says it in words.
enum { GOOD, BLANK, TOO_FEW, TOO_MANY, NOT_A_NUMBER, NOT_FINITE };

// Powers of ten that a double holds exactly.
static const double POWER[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static inline bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r'; }
static inline bool is_digit(uint8_t c) { return (unsigned)(c - '0') <= 9; }
static inline double scale(uint64_t mantissa, int exponent)
{
    return exponent < 0 ? (double)mantissa / POWER[-exponent] : (double)mantissa * POWER[exponent];
}

// Any number that C's strtod reads, but for hexadecimal ones, and with "." whatever the locale.
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

// Append the digits at `p` to the mantissa; returns where they end. Eight bytes are looked at together: the digits
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

// The double nearest to the decimal number at `p`; returns where it ends. Up to 19 digits are one integer; where it and
// the power of ten are exact doubles, one rounding gives the nearest double (Clinger 1990), which covers all that
// float32 vectors are printed as. NULL where it is no such number.
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
        const size_t n = stop - word;
        if (!memchr(word, '.', n) && !memchr(word, 'e', n)) return false;
        if (!parse_number(word, stop, &value)) return false;
        any = true;
    }
    return any;
}

// The usual line: a word without blanks, then D times one blank and a plain number.
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
        if ((p != end && !is_blank(*p)) || !isfinite(vector[d])) return false;
    }
    return p == end;
}

// Any line: the last D columns are the numbers, all before them is the word, so words may hold blanks.
static int parse_line(const uint8_t *begin, const uint8_t *end, const uint8_t *limit, int64_t D, real *vector,
                      int64_t *word_length)
{
    int status = GOOD;
    while (end > begin && is_blank(end[-1])) end--;
    if (end == begin) return BLANK;
    if (parse_usual(begin, end, limit, D, vector, word_length)) return GOOD;
    for (int64_t d = D - 1; d >= 0; d--) {
        const uint8_t *field = end;
        while (field > begin && !is_blank(field[-1])) field--;
        if (field == begin) return TOO_FEW;
        double value;
        if (!parse_number(field, end, &value)) return NOT_A_NUMBER;
        vector[d] = (real)value;
        if (!isfinite(vector[d])) status = NOT_FINITE;
        for (end = field; end > begin && is_blank(end[-1]);) end--;
    }
    *word_length = end - begin;
    return holds_numbers(begin, end) ? TOO_MANY : status;
}

// Number of line ends.
//: vector_text_count(data:u[N]) -> ends:l[1]
KERNEL(vector_text_count)
{
    const uint8_t *p = a->data, *end = p + a->N;
    int64_t ends = 0;
    for (; (p = memchr(p, '\n', end - p)); p++) ends++;
    a->ends[0] = ends;
    return NULL;
}

// Where the lines start: line i is data[starts[i]:starts[i + 1] - 1]. `ends` comes from vector_text_count; what follows
// the last line end is left out.
//: vector_text_lines(data:u[N], ends:n>=0) -> starts:l[ends+1]
KERNEL(vector_text_lines)
{
    const uint8_t *p = a->data, *end = p + a->N;
    a->starts[0] = 0;
    for (int64_t i = 1; i <= a->ends; i++) {
        p = memchr(p, '\n', end - p);
        if (!p) return "the data have fewer line ends than ends";
        a->starts[i] = ++p - a->data;
    }
    return NULL;
}

static bool ascending(const int64_t *x, int64_t n, int64_t most)
{
    bool good = x[0] >= 0 && x[n] <= most;
    for (int64_t i = 0; i < n; i++) good &= x[i] <= x[i + 1];
    return good;
}

// Parse the lines that vector_text_lines found. word_ends[i] is where line i's word ends, status[i] one of the enum.
//: vector_text_parse(data:u[N], starts:l[L+1], vectors+f[L,D]) -> word_ends:l[L], status:u[L]
KERNEL(vector_text_parse)
{
    if (!ascending(a->starts, a->L, a->N)) return "starts must ascend within the data";
#pragma omp parallel for num_threads(sq_team(a->N)) schedule(dynamic, 64)
    for (int64_t i = 0; i < a->L; i++) {
        const int64_t begin = a->starts[i], end = a->starts[i + 1];
        int64_t length = 0;
        a->status[i] = (uint8_t)parse_line(a->data + begin, a->data + (end > begin ? end - 1 : end), a->data + a->N,
                                           a->D, a->vectors + i * a->D, &length);
        a->word_ends[i] = begin + length;
    }
    return NULL;
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

// A float32 in the fewest digits (at most 9) that give it back: 9 digits, then fewer while they still do.
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

enum { WIDTH = 32 }; // most bytes of a number and its blank, with room for snprintf

// Lines "word number number ...\n", each number in digits that give it back exactly. `text` is the space for them:
// B + V * (32 * D + 1) bytes are enough for all; `used` of them are written.
//: vector_text_format(words:u[B], offsets:l[V+1], vectors~f[V,D], text+u[C]) -> used:l[1]
KERNEL(vector_text_format)
{
    if (!ascending(a->offsets, a->V, a->B)) return "offsets must ascend within the words";
    const int64_t width = WIDTH * a->D + 1;
    if (a->C < a->B + a->V * width) return "text is too small";
    char *text = (char *)a->text;
    int64_t *length = malloc((a->V + 1) * sizeof(int64_t));
    if (!length) return sq_no_memory;
#pragma omp parallel for num_threads(sq_team(a->V * a->D * 8)) schedule(dynamic, 64)
    for (int64_t i = 0; i < a->V; i++) {
        const int64_t word = a->offsets[i];
        length[i] = print_line(text + word + i * width, a->words + word, a->offsets[i + 1] - word,
                               a->vectors + i * a->vectors_stride[0], a->D);
    }
    int64_t used = 0;
    for (int64_t i = 0; i < a->V; i++) {
        memmove(text + used, text + a->offsets[i] + i * width, length[i]);
        used += length[i];
    }
    free(length);
    a->used[0] = used;
    return NULL;
}

// The words data[starts[i]:ends[i]], a separator after each; `words` has exactly the space.
//: vector_text_words(data:u[N], starts:l[L], ends:l[L], separator:n, words+u[C])
KERNEL(vector_text_words)
{
    int64_t at = 0;
    for (int64_t i = 0; i < a->L; i++) {
        const int64_t start = a->starts[i], n = a->ends[i] - start;
        if (start < 0 || n < 0 || n > a->N - start || n >= a->C - at) return "starts, ends and words do not agree";
        memcpy(a->words + at, a->data + start, n);
        a->words[at + n] = (uint8_t)a->separator;
        at += n + 1;
    }
    return at == a->C ? NULL : "starts, ends and words do not agree";
}

// Copies D floats; are all finite (exponents below the highest)?
static bool copy_finite(float *restrict to, const uint8_t *from, int64_t D)
{
    uint32_t bad = 0;
    memcpy(to, from, D * sizeof(float));
    for (int64_t d = 0; d < D; d++) {
        uint32_t bits;
        memcpy(&bits, from + 4 * d, 4);
        bad |= (bits & 0x7f800000) == 0x7f800000;
    }
    return !bad;
}

// Records of a word2vec binary file: line ends (word2vec.c puts one after each vector), word, blank, D floats.
// word i is data[starts[i]:ends[i]]; used = whole records found (at most R), bytes that they take.
//: vector_text_records(data:u[N], vectors+f32[R,D]) -> starts:l[R], ends:l[R], finite:b[R], used:l[2]
KERNEL(vector_text_records)
{
    const int64_t size = a->D * 4;
    int64_t at = 0, n = 0;
    for (; n < a->R; n++) {
        int64_t start = at;
        while (start < a->N && a->data[start] == '\n') start++;
        const uint8_t *blank = memchr(a->data + start, ' ', a->N - start);
        if (!blank || a->N - (blank + 1 - a->data) < size) break;
        a->starts[n] = start;
        a->ends[n] = blank - a->data;
        at = a->ends[n] + 1 + size;
        __builtin_prefetch(a->data + at + 4 * (at - start)); // records are of nearly one length
    }
#pragma omp parallel for num_threads(sq_team(n * a->D))
    for (int64_t i = 0; i < n; i++) a->finite[i] = copy_finite(a->vectors + i * a->D, a->data + a->ends[i] + 1, a->D);
    a->used[0] = n;
    a->used[1] = at;
    return NULL;
}
