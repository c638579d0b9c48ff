"""Why a case is slower than what stands beside it: what its limit is, and what was tried. Every such row needs a reason.

`python -m benchmarks.table` writes them at the top of the pages, each above its cases.
"""

import re
from dataclasses import dataclass

from benchmarks.run import title


@dataclass(frozen=True)
class Reason:
    """A sentence for the rows that it fits.

    Args:
        cases: a regular expression that is found in what `described` returns.
        peers: one that is found in the name of the peer.
        told: the limit, and what was tried.
    """

    cases: str
    peers: str
    told: str


REASONS = (
    # Bounds, and seqnn itself.
    Reason(
        "beside a busy process", "alone",
        "A process that keeps one of two CPUs busy leaves about one and a half of them: 0.75 where both threads work "
        "all the time. Threads take over what a thread that does not run has left undone.",
    ),
    Reason(
        "lengths of mean", "equal lengths",
        "The same number of steps in sequences of unequal length: towards the end few rows are left, and a product of "
        "few rows reads its weights for less work. Rows are sorted by length, and the threads' shares are even in "
        "steps.",
    ),
    Reason(
        "streaming steps", "4 µs a step",
        "A bound that we set ourselves: a step reads all weights from the second-level cache, which alone takes 3 to 4 "
        "µs on the machines measured.",
    ),
    Reason(
        "beside it the|beside it soft", "seqnn",
        "A task that does more than the one beside it: weights are written out, positions are drawn, or a mask is "
        "looked at.",
    ),
    Reason(
        "STLM, B=|STLM forecaster", "LSTM",
        "An STLM computes six gates (`sum`) or seven (`two_gates`) where an LSTM computes four: its products are 1.5 "
        "and 1.75 times as large.",
    ),
    Reason(
        "deterministic=True", "seqnn, default mode",
        "Bits that do not depend on the number of threads: workers add their changes in a fixed order, instead of "
        "without locks.",
    ),
    Reason(
        "watched", "not watched",
        "What the figures of `watch` cost: they read every gradient and weight once more in each step.",
    ),
    Reason(
        "epoch of 3000 images", "products alone",
        "The products are a bound: Gibbs steps also draw random numbers and compute sigmoids.",
    ),
    Reason(
        "align two spaces|CSLS", "products",
        "The products are a bound: alignment also centres, normalises and decomposes, and CSLS looks for the nearest in"
        " each row.",
    ),
    Reason(
        "a step of generate", "bound",
        "A bound that we set ourselves. What is above it is Python's time between the calls of a step.",
    ),
    Reason(
        "2 ranks", "1 rank",
        "Ranks on one machine share its cores and its memory: the same work in the same time is the best that can be.",
    ),
    Reason(
        "modes of a ring|near no mode|share wrong after", "bound|samples|mirror",
        "Scores of adversarial nets, not times: clipped weights and spectral norms reach fewer modes of this ring than "
        "a penalty on gradients, and samples of a GAN teach less than mirrored images.",
    ),
    # Memory.
    Reason(
        "memory of a step", "in chunks",
        "A chunk's logits are computed once, not again in the backward pass: several times as fast as the peer, whose "
        "smaller chunks take less memory.",
    ),
    Reason(
        r"memory of forward \+ backward|peak memory", "torch|gensim",
        "Working memory that is kept for the next call counts here: packed weights of recurrent nets, tiles of "
        "attention, the encoded text.",
    ),
    # Python's time.
    Reason(
        "product (16|32|64) x|product [18] x 512 x 128|(multiply|slice|sum), 512|cross-entropy, 256 x 10", "torch|numpy",
        "A few microseconds, of which the call takes a large part: the smallest product takes 1.4 µs in `ops` and 1.0 "
        "in NumPy. Arguments are looked at once each, by code that is written out for each function.",
    ),
    Reason(
        "sentence by sentence|word by word", "KenLM",
        "A call of Python for each sentence or word costs more than its score: `scores` takes many sentences at once.",
    ),
    Reason(
        "one at a time", "gensim",
        "Measured before single queries had their shadow of bytes.",
    ),
    Reason(
        "ARPA to binary", "KenLM",
        "Reading the numbers of the file takes most of the time, on both sides.",
    ),
    # Machines.
    Reason(
        "softmax, 32768 x 10,.*avx2", "torch",
        "A part of a register goes through the stack on AVX2, which rows of ten always need. Masked loads were tried: "
        "they changed which products the compiler fuses, and so the bits of other kernels, and were taken back.",
    ),
    Reason(
        "[gr]elu, 4096|layer norm of x|embedding, .*forward, 2|LSTM, B=(8|32|64) .*AMD", "torch|onnxruntime",
        "The second core was not ours alone: turns of this case differ by a factor of up to five, and its middle lies "
        "on both sides of 1 in other runs. One thread reaches 78 to 93 % of the limit in LSTMs.",
    ),
    Reason(
        "embedding, ", "torch sparse",
        "Both write a list of rows. Rows of one id are added in the order of the batch, so that the bits do not depend "
        "on the threads.",
    ),
    Reason(
        "bf16", "torch",
        "torch rounds the rows to bfloat16, too, and multiplies with AVX512_BF16 at twice the rate. Ours keep the rows "
        "in float32, so that results do not depend on the instruction set.",
    ),
    Reason(
        "4 rows, .*int8", "torch",
        "Four rows are too few to hide the way of the weights from memory, for both.",
    ),
    Reason(
        "7 x 7, 512 channels|28 x 28, 128 channels, k3, f|64 to 64 x|16 x 16 to 64|stride 2|sequence 32 x 256", "torch",
        "Products take 95 % of the time, at the peak of the core. oneDNN keeps images in blocks of channels and, by its"
        " rate, leaves out what meets the padding. Planes instead of pixels, and blocks per tap, were tried and were "
        "slower.",
    ),
    Reason(
        "digits 64|depthwise", "torch",
        "Bound by reading and writing the images once; with one channel, half of the lanes of a register idle. torch "
        "takes five times as long in other runs of the same case.",
    ),
    Reason(
        "B=1 T=64", "onnxruntime",
        "A step of a single sequence reads all its weights from the second-level cache; the gates and the call take the"
        " rest. Eight sums at once and a call beside the tape brought a third.",
    ),
    Reason(
        "avx2, AMD", "onnxruntime",
        "onnxruntime cannot be held to AVX2: its AVX-512 kernels need half as many instructions for the same products.",
    ),
    Reason(
        "avx2, Intel", "onnxruntime",
        "onnxruntime cannot be held to AVX2: it runs AVX-512 kernels here, on a CPU whose AVX-512 units compute twice "
        "as much.",
    ),
    Reason(
        "Intel", "torch|onnxruntime",
        "Measured where two threads shared one core, with other tenants, for much of the time: products of all "
        "libraries reached half of the peak. On a quiet AMD core ours reach 95 to 100 % of it, and torch's less.",
    ),
)  # fmt: skip
"""The first that fits a row is told."""


def described(content: dict, row: dict) -> str:
    """Return the case of a row with its threads, instruction set and CPU."""
    return f"{title(row)}, {content['isa']}, {content['cpu']}"


def reason(content: dict, row: dict) -> str | None:
    """Return why a row of a result file is slower than its peer; None where nothing is known."""
    case = described(content, row)
    return next((r.told for r in REASONS if re.search(r.cases, case) and re.search(r.peers, row["peer"])), None)
