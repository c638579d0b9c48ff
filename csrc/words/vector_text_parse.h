// Reading one line of a text file of word vectors: a word and D numbers, each the double nearest to its digits.
#ifndef SEQNN_WORDS_VECTOR_TEXT_PARSE_H
#define SEQNN_WORDS_VECTOR_TEXT_PARSE_H

#include "base/decimal.h"
#include "vector_text_args.h"

static inline bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r'; }

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
