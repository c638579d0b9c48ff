// Printing one line of a text file of word vectors: each number in the fewest digits that give it back.
#ifndef SEQNN_WORDS_VECTOR_TEXT_PRINT_H
#define SEQNN_WORDS_VECTOR_TEXT_PRINT_H

#include "words/vector_text_parse.h"

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
