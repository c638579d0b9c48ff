"""Assembled networks and estimators, each a short file to read and to change."""

from ._logistic_regression import LogisticRegression
from ._mlp import MLP, MLPClassifier, MLPRegressor
from ._text_cnn import TextCNN, TextCNNClassifier

__all__ = ["MLP", "LogisticRegression", "MLPClassifier", "MLPRegressor", "TextCNN", "TextCNNClassifier"]
