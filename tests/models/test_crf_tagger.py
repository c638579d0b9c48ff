"""The tagger over features against CRFsuite: numbers of python-crfsuite 0.9.12, and itself where it is installed."""

import base64
import pickle
import warnings
import zlib
from contextlib import suppress

import numpy as np
import pytest

from seqnn import models
from seqnn.models import ConvergenceWarning, CRFTagger

SENTENCES = ["Anna sieht Köln", "der Hund sieht Anna", "in Köln bellt der Hund", "Otto bellt", "Anna und Otto in Ulm"]
Y = [s.split() for s in ["PER O LOC", "O O O PER", "O LOC O O O", "PER O", "PER O PER O LOC"]]


def features(word):
    return {"word": word.lower(), "capital": word[0].isupper(), "size": len(word) / 4, "parts": [word[:1], word[-1:]]}


X = [[features(word) for word in s.split()] for s in SENTENCES]

# settings, steps, loss, features with a weight, pairs of labels with one, and some of these weights
CRFSUITE = [
    ({"c2": 0.1}, 20, 3.487584, 33, 5, {("parts:d", "O"): 1.554984, ("word:köln", "LOC"): 1.09465}, {("PER", "O"): 0.72384}),
    (
        {"all_possible_states": True, "all_possible_transitions": True},
        14, 9.584827, 84, 9, {("parts:d", "O"): 0.557537, ("capital", "O"): -0.405994}, {("PER", "PER"): -0.232811},
    ),
    (
        {"c1": 0.2, "c2": 0.01, "max_iterations": 30},
        30, 5.851438, 18, 2, {("parts:d", "O"): 3.216971, ("size", "O"): 1.869086}, {("O", "LOC"): 0.877905},
    ),
    (
        {"min_freq": 2, "linesearch": "Backtracking"},
        14, 11.372634, 28, 4, {("parts:d", "O"): 0.706399, ("size", "O"): 0.505179}, {("O", "O"): 0.219956},
    ),
    (
        {"c2": 0.5, "linesearch": "StrongBacktracking", "max_iterations": 5},
        5, 8.313011, 33, 5, {("parts:d", "O"): 0.932024, ("size", "O"): 0.659838}, {("O", "PER"): 0.016449},
    ),
]  # fmt: skip
MARGINALS = [
    [0.03533, 0.950252, 0.014418], [0.046622, 0.917521, 0.035856], [0.023941, 0.938211, 0.037848],
    [0.886156, 0.046261, 0.067583],
]  # fmt: skip
"""Of the second sentence, c2=0.1; labels are PER, O, LOC."""

FILE = zlib.decompress(base64.b85decode(
    'c-rk)4NRLw82+H$XelT-pp>B?L(zp8)EPoGF#gIiF`WfQBp6p{g<{tt6j;a<7BX=}5|>4Xb7m$p+hj4DnxR>O%u&Wr7RgLj5)2suL4}Av$kt@peB'
    'b--df)J4GO|Qwddb7}o_p@@{ocENTpxS3$>7ong2DJ)wnY$&0uT#G0c?Oqr$!LmT0u}ogDy9-Pzl__!p+4wm1KBJ`&$Nn4xrrGgZqBC>K*fOh>C!'
    'wp1;Otdl(l8cxm8LpZEI_q6?&BlOLJgrn&CvVH|3U+CNo{(lr7pPQ5X`wJT+!hsC`x7Nrcgiq3a9EIGI-d6;mkWw;>9%|*lrs<2-Or(!YhnfmNR%'
    'kP9!%W%PT><8|4^9|F0k3-#4EiX33>n8}Op}OIV&Qm3}%Y+M|+yP5tTI$$U!iCD{?xEb4`UFMZ4KcoZWw<cPy`Danm{IT(;lgFO`zUABspjAQQ{0'
    'a=GF$}BX?W4*oRUM+go~8nqGUKNoi9dc`}v6qF)z_FoQ~$I?Tr505#^7Bi;>~hF5uYN!+P?C!#h5IbSfi2awe7AHg#o<cKbMlVkSYi=G{v^4(HqH'
    '_0E~Bvl#)B^OyVa__@}Rj-Kr2bF%7H;(V_b<dosLt5OO6;xGQ<FaC0ei(bX=1-B}jm#FiXl~GFmhx>*1%`Lem-#x-e{vw-i%odIh4!WZyH-(d{HH'
    'OC|?aAhb^NEr+YO#$Pyme?p_^ktP=tnink911y|F+zX<;uV8TTt-I*jFu$BWaO%QkNKK-ZG!3IGF$XTS=v1na|VuAMfk_+g$(XZR)>Rpzo(`&m!|'
    'oQU1yu-e;|5Wxf}aXk4jFj4zMsiZx<>8Z`d*J^3CjF%SFiqI{vV)ZnbK=*<p?ncO|_5>alhwz<r9@)YQK)!G`Z#3aMcYIBXNR-Z|Z25*~*P{XFHw'
    'OK1&#2e$1TH=fGwu^lB4SA)v%kChS7?(Ut0_1H6k*nDdi?xP$UR+=yeiv`o5U<Pkl$CW33vs%*ViR$>R7_!W5QmHR+lag6i?YmWx4VeB#U*9L*zz'
    'snbh(_w*5V2yv9x&GN$f1&b6`}_Hwo&9kHrP{?Zm|5f+AvI@%DE9Z(Qv;(GMfjhvGsSC0D|%=;2)jYThpB*qwG=(qEW9zc*geUtHSywDihZdOG~;'
    'a!G&rU|&lew97B_pDn(HiB<o&xA`5=y>>d$*(TAo7mj~)L^9vLkci3(N&kDX=XQM}Gw=Ixp@CsA?qJoPiyrkq`wvBW*5MDo50#Va*JHh-s<%tMcz'
    'm4$<EA{&bst+5G%8u|tI|JaQzYYhkK_y;kcr2g_T<)X;NA04$1h0w`#PJ`HcG}%exu#_tIYW6@|VBctroBB7%#?-@nB9dAGn8@H(VR@fotJ97%R?'
    ')dx-hKy~B8MP26YPE8HKP8}pC3#ysHJpn1zTm<$`~cYFd)<P6}NmWPJ#g9ioCA5Q?R10+)ZAwVXKuMQAB|7JMAZvr|1#{ee*Ujohm&I5)3!+^_x8'
    'NeLi8bApLJp>Q|hy^49k^vh4&j4}&`G7(|DZm1->$oqg5V-fMpit6hV%|LS<5jd))0%nh%u8qfc_^I^-yO^sXI?n-znSOFeC`NZN76cq*37qNUbR'
    'kOp0!x7rFAT=@2B+xw2q^7Jm7D<?S#q'
))  # fmt: skip
"""The model file that CRFsuite wrote with c2=0.1."""


def fitted(**settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return CRFTagger(**settings).fit(X, Y)


@pytest.mark.parametrize(("settings", "steps", "loss", "states", "pairs", "weights", "transitions"), CRFSUITE)
def test_steps_losses_and_weights_are_crfsuites(settings, steps, loss, states, pairs, weights, transitions):
    model = fitted(**settings)
    assert model.n_iter_ == steps
    assert abs(model.history_["loss"][-1] - loss) < 2e-6
    assert (len(model.state_features_), len(model.transition_features_)) == (states, pairs)
    for found, wanted in ((model.state_features_, weights), (model.transition_features_, transitions)):
        for pair, weight in wanted.items():
            assert abs(found[pair] - weight) < 2e-6


def test_a_model_file_of_crfsuite_gives_its_marginals_and_labels(tmp_path):
    (tmp_path / "model").write_bytes(FILE)
    model = CRFTagger.load_crfsuite(tmp_path / "model")
    assert model.classes_.tolist() == ["PER", "O", "LOC"]
    np.testing.assert_allclose(model.predict_proba(X)[1], MARGINALS, atol=1e-6)
    assert model.predict(X) == Y
    own = fitted(c2=0.1)
    assert own.state_features_.keys() == model.state_features_.keys()
    np.testing.assert_allclose([*own.state_features_.values()], [*model.state_features_.values()], atol=1e-9)


def test_what_is_written_for_crfsuite_is_byte_for_byte_what_it_writes(tmp_path):
    (tmp_path / "theirs").write_bytes(FILE)
    CRFTagger.load_crfsuite(tmp_path / "theirs").save_crfsuite(tmp_path / "ours")
    assert (tmp_path / "ours").read_bytes() == FILE


@pytest.mark.parametrize("size", [0, 3, 40, 47, 60, 700, 3000, len(FILE) - 900])
def test_a_truncated_model_file_is_refused(tmp_path, size):
    (tmp_path / "model").write_bytes(FILE[:size])
    with pytest.raises(ValueError, match=r"model: (truncated|no model file)"):
        CRFTagger.load_crfsuite(tmp_path / "model")


def test_a_damaged_model_file_is_refused_or_read_as_numbers(tmp_path):
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        data = bytearray(FILE)
        data[rng.integers(len(data))] = rng.integers(256)
        (tmp_path / "model").write_bytes(data)
        with suppress(ValueError):
            CRFTagger.load_crfsuite(tmp_path / "model").predict(X)
            continue
        refused += 1
    assert refused > 5


def test_labels_that_crfsuite_cannot_hold_are_refused(tmp_path):
    model = CRFTagger().fit([[["a"]]], [[3]])
    with pytest.raises(ValueError, match="labels that are texts"):
        model.save_crfsuite(tmp_path / "model")


def test_bytes_that_are_no_text_survive_a_file_of_crfsuite(tmp_path):
    model = CRFTagger().fit([[["a\udc80"], ["b"]]], [["X\udcff", "Y\ud800"]])
    model.save_crfsuite(tmp_path / "model")
    found = CRFTagger.load_crfsuite(tmp_path / "model")
    assert found.classes_.tolist() == ["X\udcff", "Y\ud800"]
    assert found.state_features_ == model.state_features_


def test_the_perceptron_learns_what_can_be_separated():
    model = CRFTagger("ap").fit(X, Y)
    assert model.score(X, Y) == 1
    assert model.history_["loss"][-1] == 0


def test_the_perceptron_takes_the_order_from_its_seed():
    first, again, other = (CRFTagger("ap", max_iterations=2, random_state=s).fit(X, Y) for s in (0, 0, 5))
    assert first.state_features_ == again.state_features_ != other.state_features_


def test_all_forms_of_features_are_crfsuites():
    forms = [
        ({"a": "b"}, ["a:b"]),
        ({"a": 1}, ["a"]),
        ({"a": True}, ["a"]),
        ({"a": np.float32(0.5)}, ["a"]),
        ({"a": {"b": "c", "d": ["e"]}}, ["a:b:c", "a:d:e"]),
        ({"a": {"x"}}, ["a:x"]),
        ({b"a": b"b"}, ["a:b"]),
        (["a", "ß:ß"], ["a", "ß:ß"]),
        (("a",), ["a"]),
        ({"größe": "\ud83d"}, ["größe:\ud83d"]),
        ({"long name of a feature": "with a long value"}, ["long name of a feature:with a long value"]),
    ]
    for form, names in forms:
        assert CRFTagger().fit([[form, ["other"]]], [["A", "B"]]).attributes_[:-1] == names


def test_a_value_scales_the_weight():
    model = CRFTagger(c2=0.1).fit([[{"x": 2.0}], [{"x": -1.0}]], [["A"], ["B"]])
    scores = [np.log(p[0, 0] / p[0, 1]) for p in model.predict_proba([[{"x": 1.0}], [{"x": 3.0}], [{"x": 0}], [{}]])]
    np.testing.assert_allclose(np.array(scores) / scores[0], [1, 3, 0, 0], atol=1e-12)


def test_empty_sequences_and_items_and_unknown_features_are_fine():
    model = CRFTagger().fit([*X, [], [{}]], [*Y, [], ["O"]])
    assert model.predict([[], [{}], [{"never": "seen"}]]) == [[], ["PER"], ["PER"]]
    assert model.predict_marginals([[]]) == [[]]
    assert model.predict([]) == []


def test_marginals_come_as_dicts_too():
    model = fitted(c2=0.1)
    [first, *_] = model.predict_marginals_single(X[1])
    assert list(first) == ["PER", "O", "LOC"] and abs(sum(first.values()) - 1) < 1e-12
    assert model.predict_single(X[1]) == Y[1]


def test_what_was_learnt_can_be_read():
    model = fitted(c2=0.1)
    assert next(iter(model.weights_["LOC"])) in ("parts:K", "word:köln")
    assert model.transitions_.shape == (3, 3)
    assert model.num_attributes_ == len(model.attributes_) == 28
    assert model.size_ > 500
    assert "PER -> O" in model.summary() and "-0." in model.summary()


def test_a_model_survives_pickle_and_a_file(tmp_path):
    model = fitted(c2=0.1)
    model.save(tmp_path / "model")
    for again in (pickle.loads(pickle.dumps(model)), CRFTagger.load(tmp_path / "model")):
        assert again.predict(X) == Y
        assert again.state_features_ == model.state_features_


def test_a_limit_of_steps_warns():
    with pytest.warns(ConvergenceWarning, match="after 3 steps: max_iterations=3 were"):
        CRFTagger(max_iterations=3).fit(X, Y)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ("text", Y, "X: expected sequences"),
        (["text"], [["A"]], r"X\[0\]: expected a list of items"),
        ([["text"]], [["A"]], r"X\[0\]\[0\]: expected a dict of features, or a list of their names, .* got 'text'"),
        ([[{"a": 1}, {"a": None}]], [["A", "B"]], r"X\[0\]\[1\]: expected a string, a number, a bool.* got None"),
        ([[{"a": float("nan")}]], [["A"]], r"X\[0\]\[0\]: expected a finite value"),
        ([[{3: "a"}]], [["A"]], r"X\[0\]\[0\]: expected names of features that are strings, got 3"),
        ([[["a\0b"]]], [["A"]], "NUL character"),
        ([[[""]]], [["A"]], "empty name"),
        ([3], [["A"]], r"X\[0\]: expected a list of items, each a dict of features, got 3"),
        ([[{"a": 10**400}]], [["A"]], r"X\[0\]\[0\]: expected a value that a float64 can hold, got 1000"),
        (X, Y[:-1], "y: expected the labels of each of 5 sequences, got list of 4"),
        (X, [*Y[:-1], ["O"]], r"y\[4\]: expected 5 labels, one an item of X\[4\], got list of 1"),
        (X, [*Y[:-1], "PPPPP"], r"y\[4\]: expected 5 labels"),
        ([[["a"], ["b"]]], [["A", 1]], "labels of one kind"),
        ([[["a"]]], [[None]], "expected texts or integers as labels, got None"),
        ([[["a"]]], [[["A"]]], r"expected texts or integers as labels, got \['A'\]"),
        ([[["a"]]], [[({},)]], "expected texts or integers as labels, got"),
        ([], [], "at least one item"),
        ([[]], [[]], "at least one item"),
    ],
)
def test_bad_input_is_refused_with_its_place(x, y, message):
    with pytest.raises((TypeError, ValueError), match=message):
        CRFTagger().fit(x, y)


def test_a_value_that_changes_its_dict_does_no_harm():
    class Odd:
        def __float__(self):
            item.clear()
            return 2.0

    item = {"a": Odd(), "b": "c", "d": "e"}
    CRFTagger().fit([[item, ["x"]]], [["A", "B"]])


def test_an_error_of_a_value_itself_is_not_hidden():
    class Odd:
        def __float__(self):
            raise LookupError("no number yet")

    with pytest.raises(LookupError, match="no number yet"):
        CRFTagger().fit([[{"a": Odd()}]], [["A"]])


def test_a_summary_of_no_number_of_lines_is_refused():
    with pytest.raises(ValueError, match="top: expected an integer >= 0, got -1"):
        fitted().summary(top=-1)


def test_features_inside_features_without_end_are_refused():
    item = {}
    item["a"] = item
    with pytest.raises(RecursionError):
        CRFTagger().fit([[item]], [["A"]])


@pytest.mark.parametrize("settings", [{"algorithm": "sgd"}, {"c1": -1}, {"linesearch": "x"}, {"max_iterations": 0}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        CRFTagger(**settings).fit(X, Y)


def test_scoring_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one item to score"):
        fitted().score([], [])


@pytest.mark.parametrize("settings", [{}, {"c1": 0.1, "c2": 0.05, "max_iterations": 40}, {"min_freq": 2}])
def test_crfsuite_itself_agrees(tmp_path, settings):
    pycrfsuite = pytest.importorskip("pycrfsuite")
    rng = np.random.default_rng(0)
    x = [
        [{"w": f"{rng.integers(30)}", "v": rng.random(), "b": bool(rng.integers(2))} for _ in range(n)]
        for n in range(1, 25)
    ]
    y = [[f"t{(len(item['w']) + rng.integers(2)) % 4}" for item in items] for items in x]
    trainer = pycrfsuite.Trainer(verbose=False)
    for items, labels in zip(x, y, strict=True):
        trainer.append(items, labels)
    trainer.set_params({"feature.minfreq" if name == "min_freq" else name: v for name, v in settings.items()})
    trainer.train(str(tmp_path / "theirs"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        own = CRFTagger(**settings).fit(x, y)
    theirs = CRFTagger.load_crfsuite(tmp_path / "theirs")
    for name in ("state_features_", "transition_features_"):
        found, wanted = getattr(own, name), getattr(theirs, name)
        assert found.keys() == wanted.keys()
        np.testing.assert_allclose([*found.values()], [*wanted.values()], atol=1e-6)
    own.save_crfsuite(tmp_path / "ours")
    tagger = pycrfsuite.Tagger()
    tagger.open(str(tmp_path / "ours"))
    assert own.predict(x) == [tagger.tag(items) for items in x]
    tagger.set(x[-1])
    marginals = [[tagger.marginal(label, t) for label in own.classes_] for t in range(len(x[-1]))]
    np.testing.assert_allclose(own.predict_proba(x)[-1], marginals, atol=1e-12)


def test_scikit_learn_can_cross_validate_and_search():
    selection = pytest.importorskip("sklearn.model_selection")
    x, y = X * 4, Y * 4
    assert selection.cross_val_score(models.CRFTagger(c2=0.1), x, y, cv=2).shape == (2,)
    search = selection.GridSearchCV(CRFTagger(), {"c2": [0.1, 1.0]}, cv=2).fit(x, y)
    assert search.best_params_["c2"] in (0.1, 1.0)
