"""N-gram models in plain Python, straight from their definitions; and small corpora."""

from collections import Counter, defaultdict
from functools import cached_property

BOS, EOS, UNK = "<s>", "</s>", "<unk>"


def draws(seed):
    """Endless numbers from 0 to 2**31 - 1, the same on every machine."""
    while True:
        seed = (seed * 1103515245 + 12345) % 2**31
        yield seed


def make_sentences(seed, sentences=60, words=12, longest=9):
    """Sentences of 0 to `longest` words: a few are frequent, many are rare, and some like to follow the word before."""
    draw = draws(seed)
    text = []
    for _ in range(sentences):
        sentence, word = [], 0
        for _ in range((next(draw) >> 8) % (longest + 1)):
            k = (next(draw) >> 8) % words
            word = (word * 7 + 1) % words if (next(draw) >> 8) % 3 == 0 else k * k // words * k // words
            sentence.append(f"w{word}")
        text.append(sentence)
    return text


def count(sentences, order):
    """[{n-gram of n words: count}] for n = 1 .. order; "<s>" alone is no n-gram."""
    counts = [Counter() for _ in range(order)]
    for sentence in sentences:
        marked = [BOS, *sentence, EOS]
        for n in range(1, order + 1):
            counts[n - 1].update(tuple(marked[i : i + n]) for i in range(len(marked) - n + 1))
    del counts[0][BOS,]
    return counts


class Smoothed:
    """p(word, context), `words` that can follow, and what is the same for all smoothings."""

    def __init__(self, sentences, order):
        self.order = order
        self.counts = count(sentences, order)
        self.words = [UNK, *(w for (w,) in self.counts[0] if w != UNK)]

    def context(self, words):
        return tuple(words[max(0, len(words) - self.order + 1) :])

    def known(self, word):
        return word if word in self.words or word == BOS else UNK

    def sentence(self, tokens):
        """The probability of a sentence."""
        words, p = [BOS], 1.0
        for word in [*map(self.known, tokens), EOS]:
            p *= self.p(word, self.context(words))
            words.append(word)
        return p

    @cached_property
    def followers(self):
        """{context: {word: count}}, of the adjusted counts where there are some."""
        found = defaultdict(dict)
        for grams in getattr(self, "adjusted", self.counts):
            for gram, c in grams.items():
                found[gram[:-1]][gram[-1]] = c
        return {**found}


class Relative(Smoothed):
    """(c(hw) + k) / (c(h) + k V)."""

    def __init__(self, sentences, order, k):
        super().__init__(sentences, order)
        self.k = k

    def p(self, word, context):
        found = self.followers.get(context, {})
        whole = sum(found.values()) + self.k * len(self.words)
        return (found.get(word, 0) + self.k) / whole if whole else 0.0


class StupidBackoff(Smoothed):
    """c(hw) / c(h), or alpha times the score after the shorter context."""

    def __init__(self, sentences, order, alpha=0.4):
        super().__init__(sentences, order)
        self.alpha = alpha

    def p(self, word, context):
        found = self.followers.get(context, {})
        if word in found:
            return found[word] / sum(found.values())
        return self.alpha * self.p(word, context[1:]) if context else 0.0


class KneserNey(Smoothed):
    """Interpolated: Chen and Goodman 1998, with the uniform distribution below the unigrams."""

    def __init__(self, sentences, order, modified, discount=None, fallback=(0.5, 1.0, 1.5)):
        super().__init__(sentences, order)
        self.adjusted = [Counter() for _ in range(order)]
        self.adjusted[-1] = self.counts[-1]
        for n in range(order - 1):
            before = defaultdict(set)
            for gram in self.counts[n + 1]:
                before[gram[1:]].add(gram[0])
            for gram, c in self.counts[n].items():
                self.adjusted[n][gram] = c if gram[0] == BOS else len(before[gram])
        self.discounts = [self._discounts(Counter(a.values()), modified, discount, fallback) for a in self.adjusted]

    def _discounts(self, n, modified, discount, fallback):
        if discount is not None:
            return [discount] * 3
        if not modified:
            return [n[1] / (n[1] + 2 * n[2]) if n[1] else fallback[0]] * 3
        if not (n[1] and n[2] and n[3]):
            return list(fallback)
        y = n[1] / (n[1] + 2 * n[2])
        found = [j - (j + 1) * y * n[j + 1] / n[j] for j in (1, 2, 3)]
        return found if all(0 <= d <= j for j, d in enumerate(found, 1)) else list(fallback)

    def p(self, word, context):
        lower = self.p(word, context[1:]) if context else 1 / len(self.words)
        found = self.followers.get(context)
        if not found:
            return lower
        taken = {w: self.discounts[len(context)][min(c, 3) - 1] for w, c in found.items()}
        return (found.get(word, 0) - taken.get(word, 0) + sum(taken.values()) * lower) / sum(found.values())
