// Porter's stemmer (Porter, "An algorithm for suffix stripping", Program 14.3, 1980) with NLTK's extensions, for words
// of lower-case ASCII letters and digits, in place. A stem is never longer than its word.
#ifndef SEQNN_METRICS_PORTER_H
#define SEQNN_METRICS_PORTER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline bool porter_is_vowel(uint8_t c) { return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u'; }

// Is the letter after one that is a consonant, or no letter (`before`), itself a consonant? y is one after a vowel.
static inline bool porter_is_consonant(uint8_t c, bool first, bool before)
{
    return c == 'y' ? first || !before : !porter_is_vowel(c);
}

// m in [C](VC){m}[V]: how often a consonant follows a vowel.
static int64_t porter_measure(const uint8_t *w, int64_t n)
{
    int64_t m = 0;
    bool before = true;
    for (int64_t i = 0; i < n; i++) {
        const bool consonant = porter_is_consonant(w[i], i == 0, before);
        m += i > 0 && consonant && !before;
        before = consonant;
    }
    return m;
}

static bool porter_has_vowel(const uint8_t *w, int64_t n)
{
    bool before = true;
    for (int64_t i = 0; i < n; i++) {
        before = porter_is_consonant(w[i], i == 0, before);
        if (!before) return true;
    }
    return false;
}

static bool porter_consonant_at(const uint8_t *w, int64_t i)
{
    int64_t start = i;
    while (start > 0 && w[start] == 'y') start--;
    bool consonant = porter_is_consonant(w[start], true, true);
    for (int64_t k = start + 1; k <= i; k++) consonant = !consonant;
    return consonant;
}

// Does the word end like "hop": consonant, vowel, consonant other than w, x, y; or is it a vowel and a consonant?
static bool porter_ends_cvc(const uint8_t *w, int64_t n)
{
    if (n == 2) return !porter_consonant_at(w, 0) && porter_consonant_at(w, 1);
    return n >= 3 && porter_consonant_at(w, n - 3) && !porter_consonant_at(w, n - 2) && porter_consonant_at(w, n - 1) &&
           w[n - 1] != 'w' && w[n - 1] != 'x' && w[n - 1] != 'y';
}

static inline bool porter_ends(const uint8_t *w, int64_t n, const char *suffix)
{
    const int64_t size = (int64_t)strlen(suffix);
    return n >= size && !memcmp(w + n - size, suffix, (size_t)size);
}

typedef struct {
    int8_t size, ending_size;
    const char *suffix, *ending;
} porter_rule;

#define PORTER_RULE(suffix, ending) {sizeof suffix - 1, sizeof ending - 1, suffix, ending}

// The first rule whose suffix the word has is applied if the stem's measure is above `above`; no other one is tried.
static int64_t porter_apply(uint8_t *w, int64_t n, const porter_rule *rules, int count, int64_t above)
{
    for (int r = 0; r < count; r++) {
        const int64_t size = rules[r].size, stem = n - size;
        if (stem < 0 || w[n - 1] != (uint8_t)rules[r].suffix[size - 1] ||
            memcmp(w + stem, rules[r].suffix, (size_t)size))
            continue;
        if (porter_measure(w, stem) <= above) return n;
        memcpy(w + stem, rules[r].ending, (size_t)rules[r].ending_size);
        return stem + rules[r].ending_size;
    }
    return n;
}

static int64_t porter_step1a(uint8_t *w, int64_t n)
{
    if (porter_ends(w, n, "ies")) return n == 4 ? n - 1 : n - 2;
    if (porter_ends(w, n, "sses")) return n - 2;
    return porter_ends(w, n, "s") && !porter_ends(w, n, "ss") ? n - 1 : n;
}

static inline int64_t porter_add_e(uint8_t *w, int64_t n)
{
    w[n] = 'e';
    return n + 1;
}

static int64_t porter_step1b(uint8_t *w, int64_t n)
{
    if (porter_ends(w, n, "ied")) return n == 4 ? n - 1 : n - 2;
    if (porter_ends(w, n, "eed")) return porter_measure(w, n - 3) > 0 ? n - 1 : n;
    int64_t stem = n;
    if (porter_ends(w, n, "ed")) stem = n - 2;
    if (porter_ends(w, n, "ing")) stem = n - 3;
    if (stem == n || !porter_has_vowel(w, stem)) return n;
    if (porter_ends(w, stem, "at") || porter_ends(w, stem, "bl") || porter_ends(w, stem, "iz"))
        return porter_add_e(w, stem);
    const uint8_t last = w[stem - 1];
    if (stem >= 2 && w[stem - 2] == last && porter_consonant_at(w, stem - 1))
        return last == 'l' || last == 's' || last == 'z' ? stem : stem - 1;
    return porter_measure(w, stem) == 1 && porter_ends_cvc(w, stem) ? porter_add_e(w, stem) : stem;
}

static int64_t porter_step2(uint8_t *w, int64_t n)
{
    static const porter_rule rules[] = {
        PORTER_RULE("ational", "ate"), PORTER_RULE("tional", "tion"), PORTER_RULE("enci", "ence"),
        PORTER_RULE("anci", "ance"),   PORTER_RULE("izer", "ize"),    PORTER_RULE("bli", "ble"),
        PORTER_RULE("alli", "al"),     PORTER_RULE("entli", "ent"),   PORTER_RULE("eli", "e"),
        PORTER_RULE("ousli", "ous"),   PORTER_RULE("ization", "ize"), PORTER_RULE("ation", "ate"),
        PORTER_RULE("ator", "ate"),    PORTER_RULE("alism", "al"),    PORTER_RULE("iveness", "ive"),
        PORTER_RULE("fulness", "ful"), PORTER_RULE("ousness", "ous"), PORTER_RULE("aliti", "al"),
        PORTER_RULE("iviti", "ive"),   PORTER_RULE("biliti", "ble"),  PORTER_RULE("fulli", "ful"),
    };
    if (porter_ends(w, n, "alli") && porter_measure(w, n - 4) > 0) n -= 2;
    if (porter_ends(w, n, "logi")) return porter_measure(w, n - 3) > 0 ? n - 1 : n; // the l counts: archaeo-l, geo-l
    return porter_apply(w, n, rules, sizeof rules / sizeof *rules, 0);
}

static int64_t porter_step3(uint8_t *w, int64_t n)
{
    static const porter_rule rules[] = {
        PORTER_RULE("icate", "ic"), PORTER_RULE("ative", ""), PORTER_RULE("alize", "al"), PORTER_RULE("iciti", "ic"),
        PORTER_RULE("ical", "ic"),  PORTER_RULE("ful", ""),   PORTER_RULE("ness", ""),
    };
    return porter_apply(w, n, rules, sizeof rules / sizeof *rules, 0);
}

static int64_t porter_step4(uint8_t *w, int64_t n)
{
    static const porter_rule rules[] = {
        PORTER_RULE("al", ""),    PORTER_RULE("ance", ""), PORTER_RULE("ence", ""), PORTER_RULE("er", ""),
        PORTER_RULE("ic", ""),    PORTER_RULE("able", ""), PORTER_RULE("ible", ""), PORTER_RULE("ant", ""),
        PORTER_RULE("ement", ""), PORTER_RULE("ment", ""), PORTER_RULE("ent", ""),  PORTER_RULE("ou", ""),
        PORTER_RULE("ism", ""),   PORTER_RULE("ate", ""),  PORTER_RULE("iti", ""),  PORTER_RULE("ous", ""),
        PORTER_RULE("ive", ""),   PORTER_RULE("ize", ""),
    };
    if (porter_ends(w, n, "ion"))
        return porter_measure(w, n - 3) > 1 && (w[n - 4] == 's' || w[n - 4] == 't') ? n - 3 : n;
    return porter_apply(w, n, rules, sizeof rules / sizeof *rules, 1);
}

static int64_t porter_step5(uint8_t *w, int64_t n)
{
    if (porter_ends(w, n, "e")) {
        const int64_t m = porter_measure(w, n - 1);
        if (m > 1 || (m == 1 && !porter_ends_cvc(w, n - 1))) n--;
    }
    return porter_ends(w, n, "ll") && porter_measure(w, n - 1) > 1 ? n - 1 : n;
}

// Stems the word w of n > 2 bytes in place; returns the stem's size.
static int64_t porter_stem(uint8_t *w, int64_t n)
{
    static const porter_rule irregular[] = {
        PORTER_RULE("skies", "sky"),       PORTER_RULE("sky", "sky"),          PORTER_RULE("dying", "die"),
        PORTER_RULE("lying", "lie"),       PORTER_RULE("tying", "tie"),        PORTER_RULE("news", "news"),
        PORTER_RULE("innings", "inning"),  PORTER_RULE("inning", "inning"),    PORTER_RULE("outings", "outing"),
        PORTER_RULE("outing", "outing"),   PORTER_RULE("cannings", "canning"), PORTER_RULE("canning", "canning"),
        PORTER_RULE("howe", "howe"),       PORTER_RULE("proceed", "proceed"),  PORTER_RULE("exceed", "exceed"),
        PORTER_RULE("succeed", "succeed"),
    };
    for (size_t i = 0; i < sizeof irregular / sizeof *irregular; i++)
        if (irregular[i].size == n && !memcmp(w, irregular[i].suffix, (size_t)n)) {
            memcpy(w, irregular[i].ending, (size_t)irregular[i].ending_size);
            return irregular[i].ending_size;
        }
    n = porter_step1b(w, porter_step1a(w, n));
    if (n > 2 && w[n - 1] == 'y' && porter_consonant_at(w, n - 2)) w[n - 1] = 'i';
    return porter_step5(w, porter_step4(w, porter_step3(w, porter_step2(w, n))));
}

#endif
