"""What all estimators are: settings, what they have learnt, files, and scikit-learn's protocol."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from functools import wraps
from types import SimpleNamespace
from typing import Any, ClassVar, Self

from ..._files import Path
from ..._settings import Settings, shown, with_hints
from . import _estimator_file
from ._learnt import Learner, not_fitted
from ._sklearn import make_tags

__all__ = ["Estimator"]


def _all_or_nothing(fit: Callable[..., Any]) -> Callable[..., Any]:
    """Let a fit that ends in an error leave the estimator as it was; after Ctrl-C it keeps what it has learnt."""

    @wraps(fit)
    def fitted(self: Estimator, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            return fit(self, *args, **kwargs)
        except Exception:
            vars(self).clear()
            vars(self).update(before)
            raise

    return fitted


class Estimator(Settings, Learner):
    """Keep settings, learn by `fit`, and be saved and loaded.

    A subclass declares its settings and its `Learnt` attributes. Its `fit` begins with `_begin()`, which checks the
    settings; what comes after `fit` goes by these, not by settings that were changed since.
    """

    _kind: ClassVar[str | None] = None
    """What it is for scikit-learn: "classifier", "regressor" or None."""

    _dense: ClassVar[bool] = False
    """Whether X is a matrix [N, features]."""

    _needs_y: ClassVar[bool] = True
    _many_outputs: ClassVar[bool] = False

    def __init__(self) -> None:
        self._store(locals())

    _renamed: ClassVar[Mapping[str, str]] = {
        "epochs": "max_iter", "n_epochs": "max_iter", "num_epochs": "max_iter", "lr": "learning_rate",
        "seed": "random_state", "vectors": "embedding", "embeddings": "embedding", "embedding_dim": "embedding_size",
        "units": "hidden_size", "hidden_dim": "hidden_size", "patience": "n_iter_no_change", "order": "lags", "p": "lags",
    }  # fmt: skip
    """Names that a setting has elsewhere, and its name here."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = with_hints(cls.__init__)
        if "fit" in vars(cls):
            cls.fit = _all_or_nothing(cls.fit)
        _estimator_file.register(cls)

    def _begin(self) -> SimpleNamespace:
        """Return the checked settings of a fit, and keep them."""
        settings = self._checked()
        self._used = settings
        return settings

    def _require_fit(self) -> SimpleNamespace:
        """Return the settings of the last fit; a NotFittedError where there was none."""
        if not self.__sklearn_is_fitted__():
            raise not_fitted(self)
        return self._used

    def save(self, path: Path) -> None:
        """Write the settings and what was learnt to one file: safetensors, with JSON in its metadata.

        Args:
            path: the file; one that exists is replaced only when the new one is complete.

        Raises:
            NotFittedError: nothing was learnt yet.
        """
        self._require_fit()
        _estimator_file.save(self, path)

    @classmethod
    def load(cls, path: Path, **settings: Any) -> Self:
        """Read what `save` wrote. The file holds no code, and nothing of it is run.

        Args:
            path: the file.
            settings: new values, such as of functions, which a file cannot keep.

        Returns:
            The estimator, fitted.

        Raises:
            ValueError: the file is damaged, or holds another estimator; the message names it.
        """
        return _estimator_file.load(cls, path, settings)

    def __sklearn_is_fitted__(self) -> bool:
        return all(name in vars(self) for name, one in self._learnt.items() if not one.optional)

    def __sklearn_tags__(self) -> Any:
        return make_tags(self._kind, dense=self._dense, required=self._needs_y, multi_output=self._many_outputs)

    def _repr_html_(self) -> str:
        """Show the settings as a table in a notebook; those that differ from their defaults are bold."""
        changed = self._changed()
        values = {name: changed.get(name, shown(getattr(self, name))) for name in self._settings}
        cells = {name: html.escape(text if len(text) <= 80 else f"{text[:77]}...") for name, text in values.items()}
        rows = [f"<tr><td>{n}</td><td>{f'<b>{c}</b>' if n in changed else c}</td></tr>" for n, c in cells.items()]
        state = "fitted" if self.__sklearn_is_fitted__() else "not fitted"
        title = f"<summary><b>{type(self).__name__}</b> ({state})</summary>"
        return f"<details>{title}<table>{''.join(rows)}</table></details>"
