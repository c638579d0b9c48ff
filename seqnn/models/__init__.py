"""Assembled networks and estimators, each a short file to read and to change.

Names that are imported `as` themselves are for the other packages, not for users.
"""

from ._alignment import Alignment
from ._annotation import Annotation, Entity
from ._anomaly_detector import AnomalyDetector
from ._autoregression import ARForecaster
from ._bart import BART
from ._bart_reader import BARTReader
from ._base import ConvergenceWarning, DataConversionWarning, NotFittedError
from ._base import by_length as by_length
from ._bert import BERT
from ._bert_pretraining import BERTForPretraining
from ._cnn import CNN
from ._crf_tagger import CRFTagger
from ._dbn import DBN, DBNAutoencoder
from ._encoder_decoder import EncoderDecoder
from ._explanation import Explanation
from ._fasttext_classifier import FastTextClassifier
from ._gan import GAN
from ._gan_report import GANReport
from ._gpt import GPT
from ._heads import ClassificationHead, LanguageModelHead, TaggingHead, WithHead, token_cross_entropy
from ._image_captioner import ImageCaptioner
from ._image_classifier import ImageClassifier
from ._language_model import LanguageModel
from ._logistic_regression import LogisticRegression
from ._many_to_many import ManyToMany
from ._many_to_one import ManyToOne
from ._mask_filling import Filled
from ._mlp import MLP
from ._mlp_estimators import MLPClassifier, MLPRegressor
from ._mlp_forecaster import MLPForecaster
from ._one_to_many import OneToMany
from ._rbm import BernoulliRBM, GaussianRBM
from ._recurrent_forecaster import RecurrentForecaster
from ._recurrent_lm import RecurrentLM
from ._seq2seq import Seq2Seq
from ._sequence_classifier import SequenceClassifier
from ._sequence_generator import SequenceGenerator
from ._sequence_regressor import SequenceRegressor
from ._sequence_tagger import SequenceTagger
from ._siamese import Hit, Siamese
from ._spans import SpanHead, Spans, best_spans, n_best_spans
from ._t5 import T5
from ._tagger import Tagger
from ._text_cnn import TextCNN
from ._text_cnn_classifier import TextCNNClassifier
from ._transformer import Transformer
from ._translator import Translator

__all__ = [
    "BART",
    "BERT",
    "CNN",
    "DBN",
    "GAN",
    "GPT",
    "MLP",
    "T5",
    "ARForecaster",
    "Alignment",
    "Annotation",
    "AnomalyDetector",
    "BARTReader",
    "BERTForPretraining",
    "BernoulliRBM",
    "CRFTagger",
    "ClassificationHead",
    "ConvergenceWarning",
    "DBNAutoencoder",
    "DataConversionWarning",
    "EncoderDecoder",
    "Entity",
    "Explanation",
    "FastTextClassifier",
    "Filled",
    "GANReport",
    "GaussianRBM",
    "Hit",
    "ImageCaptioner",
    "ImageClassifier",
    "LanguageModel",
    "LanguageModelHead",
    "LogisticRegression",
    "MLPClassifier",
    "MLPForecaster",
    "MLPRegressor",
    "ManyToMany",
    "ManyToOne",
    "NotFittedError",
    "OneToMany",
    "RecurrentForecaster",
    "RecurrentLM",
    "Seq2Seq",
    "SequenceClassifier",
    "SequenceGenerator",
    "SequenceRegressor",
    "SequenceTagger",
    "Siamese",
    "SpanHead",
    "Spans",
    "Tagger",
    "TaggingHead",
    "TextCNN",
    "TextCNNClassifier",
    "Transformer",
    "Translator",
    "WithHead",
    "best_spans",
    "n_best_spans",
    "token_cross_entropy",
]
