"""One array in two places, and samples that are copies of what they should be independent of."""

import warnings

import numpy as np
import pytest

import parzen
from parzen import CopiedSampleWarning
from parzen._copies import common_rows, copied_shares

ROWS = np.random.default_rng(0).normal(size=(60, 3))
LABELS = [0, 1] * 30

# Every metric of two samples that are meant to be independent.
TWO_SAMPLES = {
    "fid": lambda x, y: parzen.fid(x, y),
    "fid_jackknife": lambda x, y: parzen.fid_jackknife(x, y),
    "kid": lambda x, y: parzen.kid(x, y, subset_size=10, subsets=2),
    "mmd": lambda x, y: parzen.mmd(x, y),
    "mmd_test": lambda x, y: parzen.mmd_test(x, y, permutations=5),
    "cmmd": lambda x, y: parzen.cmmd(x, y),
    "precision_recall": lambda x, y: parzen.precision_recall(x, y),
    "sliced_wasserstein": lambda x, y: parzen.sliced_wasserstein(x, y),
    "kl_divergence_from_samples": lambda x, y: parzen.kl_divergence_from_samples(x, y),
    "realism": lambda x, y: parzen.realism(x, y),
    "authenticity": lambda x, y: parzen.authenticity(x, y),
    "fd_infinity": lambda x, y: parzen.fd_infinity(x, y, least=10),
    "fid_by_class": lambda x, y: parzen.fid_by_class(x, LABELS, y, LABELS),
    "kid_by_class": lambda x, y: parzen.kid_by_class(x, LABELS, y, LABELS),
    "parzen_log_likelihood": lambda x, y: parzen.parzen_log_likelihood(x, y, bandwidths=0.5),
}


@pytest.mark.parametrize("name", TWO_SAMPLES)
def test_one_array_twice_is_warned_of(name):
    for x, y in [(ROWS, ROWS), (ROWS, ROWS[:])]:
        with pytest.warns(
            CopiedSampleWarning, match=rf"^{name}: \w+ and \w+ are one array"
        ) as seen:
            TWO_SAMPLES[name](x, y)
        assert [record.filename for record in seen] == [__file__] * len(seen)


@pytest.mark.parametrize("name", TWO_SAMPLES)
def test_equal_arrays_are_not(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", CopiedSampleWarning)
        TWO_SAMPLES[name](ROWS, ROWS.copy())


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (ROWS.tolist(), None),
        ((10 * ROWS).astype(int), None),
        (ROWS[::2], ROWS[::2]),
        (ROWS.astype(np.float32), None),
    ],
    ids=["list", "integers", "strided", "float32"],
)
def test_whatever_it_is_read_from(x, y):
    with pytest.warns(CopiedSampleWarning, match="mmd: x and y are one array"):
        parzen.mmd(x, x if y is None else y)


@pytest.mark.parametrize(
    "other", [ROWS[::-1], ROWS[:30], ROWS.T[:, :3], ROWS.view(np.int64).astype(np.float64)]
)
def test_other_readings_of_the_memory_are_other_samples(other):
    x = ROWS[:3] if other.shape == (3, 3) else ROWS
    with warnings.catch_warnings():
        warnings.simplefilter("error", CopiedSampleWarning)
        parzen.sliced_wasserstein(x, other)


def test_queries_may_be_the_samples():
    parzen.log_density(ROWS, ROWS, bandwidth=0.5)
    parzen.log_density_gradient(ROWS, ROWS, bandwidth=0.5)


def test_torch_tensors_of_one_storage():
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(ROWS)
    with pytest.warns(CopiedSampleWarning, match="fid: real and fake are one array"):
        parzen.fid(x, x.detach())


def test_fld_says_what_is_memorized(rng):
    train, test, fake = rng.normal(size=(3, 200, 3))
    some = fake.copy()
    some[:50] = train[:50]
    for copies, share in ((train.copy(), "100%"), (train[::-1].copy(), "100%"), (some, "25%")):
        with pytest.warns(CopiedSampleWarning, match=f"fld: {share} of the fake samples are exact"):
            result = parzen.fld(train, test, copies)
        assert result.value.provenance["copies"] == float(share[:-1]) / 100
    assert parzen.fld(train, test, train + 1e-9).value.provenance["copies"] == 0.0


@pytest.mark.parametrize("metric", [parzen.fld, parzen.data_copying_test])
@pytest.mark.parametrize(
    ("places", "names"),
    [
        ((0, 0, 1), "train and test"),
        ((0, 1, 0), "train and fake"),
        ((0, 1, 1), "test and fake"),
    ],
)
@pytest.mark.parametrize("lists", [False, True])
def test_one_array_in_two_of_three_places(metric, places, names, lists, rng):
    given = list(rng.normal(size=(2, 60, 3)))
    if lists:
        given = [x.tolist() for x in given]
    message = f"^{metric.__name__}: {names} are one array"
    with pytest.warns(CopiedSampleWarning, match=message) as seen:
        metric(*(given[place] for place in places))
    assert [record.filename for record in seen] == [__file__]


def test_fld_allows_for_copies_in_the_test_sample(rng):
    train, test, fake = rng.integers(3, size=(3, 200, 2)).astype(np.float64)
    assert parzen.fld(train, test, fake).value.provenance["copies"] == 1.0


def test_fld_finds_copies_in_another_type(rng):
    train, test = rng.normal(size=(2, 60, 3)).astype(np.float32)
    with pytest.warns(CopiedSampleWarning, match="fld: 100%"):
        parzen.fld(train, test, train.astype(np.float64))


@pytest.mark.parametrize("over", ["fake", "real"])
def test_mifid_of_copies(over, rng):
    real = rng.normal(size=(60, 4))
    for fake in (real.copy(), real[::-1].copy(), -3.0 * real):
        with pytest.warns(CopiedSampleWarning, match=r"mifid: every \w+ sample has the direction"):
            parzen.mifid(real, fake, over=over)
    parzen.mifid(real, real + 1e-3)  # warnings are errors here


def test_the_share_of_copies():
    rows = np.array([[0.0, 1.0], [2.0, 3.0], [2.0, 3.0], [4.0, 5.0]])
    assert copied_shares(rows, rows, rows[:, ::-1]) == [1.0, 0.0]
    assert copied_shares(np.array([[2.0, 3.0]]), rows) == [0.5]
    assert copied_shares(-rows * [1.0, -1.0], rows[:1]) == [1.0]  # -0.0 is 0.0


def test_rows_in_common(rng):
    rows = rng.normal(size=(50, 3))
    rows[:, 0] = np.maximum(rows[:, 0], 0.0)  # the first column tells half of them apart
    rows[0] = [-0.0, 1.0, 2.0]
    other = rng.normal(size=(30, 3))
    assert common_rows(rows, rng.permutation(rows)) == 50
    assert common_rows(rows, np.concatenate([other, rows[:7] + 0.0])) == 7
    assert common_rows(rows, other) == 0
    assert common_rows(rows[:, ::-1], rows) == 0
    assert common_rows(np.repeat(rows, 2, axis=0), rows) == 0  # each is there twice
    assert common_rows(rows.astype(np.float32), rows[::-1].astype(np.float32)) == 50
