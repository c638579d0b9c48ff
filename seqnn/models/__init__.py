"""Assembled networks and estimators, each a short file to read and to change."""

from ._anomaly_detector import AnomalyDetector
from ._autoregression import ARForecaster
from ._bert import BERT, BERTForPretraining
from ._encoder_decoder import EncoderDecoder, Seq2Seq
from ._gpt import GPT
from ._heads import ClassificationHead, LanguageModelHead, TaggingHead, WithHead, token_cross_entropy
from ._logistic_regression import LogisticRegression
from ._many_to_many import ManyToMany, SequenceTagger
from ._many_to_one import ManyToOne, SequenceClassifier, SequenceRegressor
from ._mlp import MLP, MLPClassifier, MLPRegressor
from ._network_forecasters import MLPForecaster, RecurrentForecaster
from ._one_to_many import OneToMany, SequenceGenerator
from ._spans import SpanHead, Spans, best_spans
from ._t5 import T5
from ._text_cnn import TextCNN, TextCNNClassifier
from ._transformer import Transformer, Translator

__all__ = [
    "BERT",
    "GPT",
    "MLP",
    "T5",
    "ARForecaster",
    "AnomalyDetector",
    "BERTForPretraining",
    "ClassificationHead",
    "EncoderDecoder",
    "LanguageModelHead",
    "LogisticRegression",
    "MLPClassifier",
    "MLPForecaster",
    "MLPRegressor",
    "ManyToMany",
    "ManyToOne",
    "OneToMany",
    "RecurrentForecaster",
    "Seq2Seq",
    "SequenceClassifier",
    "SequenceGenerator",
    "SequenceRegressor",
    "SequenceTagger",
    "SpanHead",
    "Spans",
    "TaggingHead",
    "TextCNN",
    "TextCNNClassifier",
    "Transformer",
    "Translator",
    "WithHead",
    "best_spans",
    "token_cross_entropy",
]
