"""Language models of n-grams: counted, smoothed (Kneser-Ney as KenLM's, Laplace and others), queried, ARPA files.

* `NGramLM`: fit, score, evaluate, perplexity, next_word_distribution, generate, step, save, load, save_arpa
* `NGramCounts`: counts of n-grams, which may be counted in parts and merged
* `WordScore`: how a word of a sentence was scored
* `TextScore`: how a text was scored
"""

from ._ngram_counts import NGramCounts
from ._ngram_lm import NGramLM
from ._ngram_queries import TextScore
from ._ngram_score import WordScore

__all__ = ["NGramCounts", "NGramLM", "TextScore", "WordScore"]
