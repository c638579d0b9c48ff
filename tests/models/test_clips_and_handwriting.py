"""Networks that users put together: labels of frames and of clips, and handwriting that is read by the CTC loss."""

import numpy as np

from seqnn import data, models, nn, ops, optim, random, train
from seqnn.text import pad


class FrameTagger(nn.Module):
    """Convolutions read each frame [B, T, 8, 8], an LSTM the frames in order; logits [B, T, labels]."""

    def __init__(self, labels):
        self.frames = models.CNN(1, (8,), (8 * 4 * 4, 16))
        self.recurrent = nn.LSTM(16, 24, batch_first=True)
        self.output = nn.Linear(24, labels)

    def features(self, clips):
        return self.frames(clips.reshape(-1, 1, *clips.shape[2:])).reshape(*clips.shape[:2], -1)

    def forward(self, clips):
        return self.output(self.recurrent(self.features(clips))[0])


def tagger_of(clips, epochs):
    moves, targets = np.unique(clips.frame_labels, return_inverse=True)
    random.seed(0)
    tagger = FrameTagger(len(moves))
    trainer = train.Trainer(tagger, models.token_cross_entropy, optim.AdamW(tagger.parameters(), lr=0.02), verbose=0)
    trainer.fit(train.Batches(clips.frames, targets.astype(np.int32), batch_size=25), epochs)
    return tagger.eval(), moves


def test_frames_of_new_clips_get_their_labels():
    tagger, moves = tagger_of(data.clips(300, steps=6, size=8), 12)
    new = data.clips(100, steps=6, size=8, seed=1)
    answers = moves[tagger(new.frames).numpy().argmax(axis=-1)]
    usual = np.mean(new.frame_labels == "still")
    assert np.mean(answers == new.frame_labels) > 0.8 > usual + 0.3


def test_clips_are_classified_by_the_features_of_their_frames():
    known, new = data.clips(300, steps=6, size=8), data.clips(100, steps=6, size=8, seed=1)
    tagger, _ = tagger_of(known, 12)
    vectors, others = (tagger.features(clips.frames).numpy() for clips in (known, new))
    reader = models.SequenceClassifier(
        cell="gru", hidden_size=16, max_iter=15, learning_rate=0.02, validation_fraction=0
    )
    score = reader.fit(vectors, known.labels).score(others, new.labels)
    usual = np.unique(new.labels, return_counts=True)[1].max() / len(new)
    assert score > 0.48 > usual + 0.15


class Recogniser(nn.Module):
    """Moves of a pen [B, T, 3] to the log-probabilities of the blank and ten digits [T, B, 11]."""

    def __init__(self):
        self.recurrent = nn.LSTM(3, 32, batch_first=True, bidirectional=True)
        self.output = nn.Linear(64, 11)

    def forward(self, moves, lengths):
        return ops.log_softmax(self.output(self.recurrent(moves, lengths=lengths)[0]).swapaxes(0, 1))


def test_handwriting_is_learnt_without_being_told_where_its_digits_are():
    written = data.strokes(8, longest=2)
    moves, lengths = pad(written.moves)
    digits, counts = pad([[1 + int(digit) for digit in text] for text in written.texts])
    random.seed(1)
    model = Recogniser()
    optimizer = optim.AdamW(model.parameters(), lr=0.03)
    for _ in range(150):
        optimizer.zero_grad()
        loss = ops.ctc_loss(model(moves, lengths), digits.astype(np.int32), lengths, counts)
        loss.backward()
        optim.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    found, _ = ops.ctc_decode(model.eval()(moves, lengths), lengths)
    texts = ["".join(str(label - 1) for label in row if label > 0) for row in found.tolist()]
    assert np.mean([a == b for a, b in zip(texts, written.texts, strict=True)]) >= 0.75
