"""FID and KID class by class: each class alone, labels of all kinds, what is missing."""

import warnings

import numpy as np
import pytest

import parzen
from parzen import SmallSampleWarning
from parzen.metrics.jackknife import blocks_of, jackknife


def labelled(rng, classes, n=40, d=3):
    """Unequal classes in random order, each shifted by its own number."""
    counts = [n + 7 * i for i in range(len(classes))]
    labels = [classes[i] for i in rng.permutation(np.repeat(range(len(classes)), counts))]
    shift = np.array([classes.index(label) for label in labels])[:, None]
    return rng.normal(size=(len(labels), d)) + shift, labels


@pytest.mark.parametrize(
    "classes",
    [[0, 1, 2], ["a", "b"], [("cat", 1), ("dog", 2)], [None, 3, "x"], [True, False], [2.5]],
)
def test_each_class_is_that_class_alone(classes, rng):
    (x, in_x), (y, in_y) = labelled(rng, classes), labelled(rng, classes, n=50)
    fids = parzen.fid_by_class(x, in_x, y, in_y)
    kids = parzen.kid_by_class(x, in_x, y, in_y, degree=2, gamma=0.5, coef0=0.3)
    assert list(fids.classes) == list(kids.classes)
    assert set(fids.classes) == set(classes)
    for label in classes:
        a, b = (z[[i == label for i in rows]] for z, rows in ((x, in_x), (y, in_y)))
        assert fids.classes[label] == parzen.fid(a, b)
        assert fids.classes[label].provenance["n"] == len(a)
        alone = parzen.kid(a, b, subsets=None, degree=2, gamma=0.5, coef0=0.3).mean
        assert kids.classes[label] == alone
        assert kids.classes[label].stderr == alone.stderr
    assert fids.mean == pytest.approx(np.mean(list(fids.classes.values())), rel=1e-13)
    assert kids.mean == pytest.approx(np.mean(list(kids.classes.values())), rel=1e-13)
    errors = [value.stderr for value in kids.classes.values()]
    assert kids.mean.stderr == pytest.approx(np.sqrt(np.sum(np.square(errors))) / len(classes))


def test_error_bars_are_those_of_fid_in_each_class(rng):
    (x, in_x), (y, in_y) = labelled(rng, ["a", "b"]), labelled(rng, ["a", "b"], n=50)
    result = parzen.fid_by_class(x, in_x, y, in_y, blocks=5, seed=3)
    plain = parzen.fid_by_class(x, in_x, y, in_y)
    assert result.classes == plain.classes
    assert {value.stderr for value in plain.classes.values()} == {plain.mean.stderr} == {None}
    random = np.random.default_rng(3)
    by_label = {
        label: [z[[i == label for i in rows]] for z, rows in ((x, in_x), (y, in_y))]
        for label in result.classes
    }
    parts = {k: [blocks_of(len(z), 5, random) for z in pair] for k, pair in by_label.items()}
    for label, (a, b) in by_label.items():
        without_a = [parzen.fid(np.delete(a, rows, axis=0), b) for rows in parts[label][0]]
        without_b = [parzen.fid(a, np.delete(b, rows, axis=0)) for rows in parts[label][1]]
        variances = [
            jackknife(parzen.fid(a, b), found, [len(rows) for rows in side]).variance
            for found, side in zip((without_a, without_b), parts[label], strict=True)
        ]
        assert result.classes[label].stderr == pytest.approx(np.sqrt(sum(variances)), rel=1e-9)
        assert result.classes[label].provenance["degrees_of_freedom"] == 8
    errors = [value.stderr for value in result.classes.values()]
    assert result.mean.stderr == pytest.approx(np.hypot(*errors) / 2)
    assert result.mean.provenance["blocks"] == 5


def test_too_few_for_the_blocks_of_a_class(rng):
    x, labels = rng.normal(size=(50, 2)), ["a"] * 40 + ["b"] * 10
    with pytest.raises(ValueError, match="fid_by_class: class 'b': real has 10 samples for 6 blo"):
        parzen.fid_by_class(x, labels, x + 1.0, labels, blocks=6)
    with pytest.raises(ValueError, match="fid_by_class: blocks is 1, expected an integer >= 2"):
        parzen.fid_by_class(x, labels, x + 1.0, labels, blocks=1)


def test_arrays_and_lists_of_labels_are_the_same(rng):
    x, y = rng.normal(size=(2, 60, 2))
    labels = np.arange(60) % 3
    result = parzen.fid_by_class(x, labels, y, labels)
    assert parzen.fid_by_class(x, labels.tolist(), y, tuple(labels)) == result
    assert list(result.classes) == [0, 1, 2]
    assert all(type(label) is int for label in result.classes)
    assert list(parzen.fid_by_class(x, labels[::-1], y, labels).classes) == [0, 1, 2]


def test_what_the_whole_hides(rng):
    # Two classes changed for one another: the whole is the same, each class is not.
    x, y = rng.normal(size=(2, 400, 3))
    labels = np.repeat([0, 1], 200)
    x[labels == 1] += 5.0
    y[labels == 0] += 5.0
    assert parzen.fid(x, y) < 0.5
    assert parzen.fid_by_class(x, labels, y, labels).mean == pytest.approx(75.0, rel=0.1)


def test_ddof(rng):
    x, y = rng.normal(size=(2, 60, 2))
    labels = [0, 1] * 30
    value = parzen.fid_by_class(x, labels, y, labels, ddof=0)
    assert value.classes[1] == parzen.fid(x[1::2], y[1::2], ddof=0)


def test_small_classes_are_warned_of_once(rng):
    x, y = rng.normal(size=(2, 80, 8))
    labels = ["few"] * 10 + ["many"] * 70
    with pytest.warns(SmallSampleWarning, match=r"1 of 2 classes have fewer than 16 .*'few'") as w:
        parzen.fid_by_class(x, labels, y, labels)
    assert len(w) == 1


def test_few_samples_of_a_class_have_no_standard_error(rng):
    x, y = rng.normal(size=(2, 20, 2))
    labels = [0] * 3 + [1] * 17
    result = parzen.kid_by_class(x, labels, y, labels)
    assert result.classes[0].stderr is None
    assert result.classes[1].stderr > 0.0
    assert result.mean.stderr is None


@pytest.mark.parametrize("function", [parzen.fid_by_class, parzen.kid_by_class])
class TestRefused:
    @pytest.mark.parametrize(
        ("real_labels", "fake_labels", "error", "message"),
        [
            ([0] * 4, [0] * 4, ValueError, "real_labels has 4 labels, expected one for each of 6"),
            (7, [0] * 6, TypeError, "real_labels is 7, expected a sequence of 6 labels"),
            ("abcabc", [0] * 6, TypeError, "real_labels is 'abcabc'"),
            ([0] * 6, [[0]] * 6, TypeError, r"fake_labels has \[0\] in row 0"),
            (
                [0, 0, 1, 1, 2, 2],
                [0, 0, 0, 0, 0, 0],
                ValueError,
                "2 of the classes in real_labels are missing in fake_labels: 1, 2;",
            ),
            (
                [0] * 6,
                [0] * 4 + ["a"] * 2,
                ValueError,
                "1 of the classes in fake_labels are missing in real_labels: 'a'",
            ),
            (
                [0] * 5 + [1],
                [0] * 4 + [1] * 2,
                ValueError,
                "real has a single sample of 1 of the classes: 1; expected at least 2",
            ),
        ],
    )
    def test_labels(self, function, real_labels, fake_labels, error, message, rng):
        x, y = rng.normal(size=(2, 6, 2))
        with pytest.raises(error, match=f"{function.__name__}: {message}"):
            function(x, real_labels, y, fake_labels)

    def test_many_missing_classes_are_not_all_named(self, function, rng):
        x, y = rng.normal(size=(2, 30, 2))
        with pytest.raises(ValueError, match=r"29 of the classes .*: 1, 2, 3, 4, 5 and 24 more;"):
            function(x, range(30), y, [0] * 30)

    def test_progress_ends_at_one(self, function, rng):
        seen = []
        x, y = rng.normal(size=(2, 40, 2))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SmallSampleWarning)
            function(x, [0, 1] * 20, y, [0, 1] * 20, progress=seen.append)
        assert seen == sorted(seen)
        assert seen[-1] == 1.0
