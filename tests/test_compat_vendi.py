"""parzen.compat.vendi_score against its formula and the package."""

import numpy as np
import pytest

import parzen
from parzen.compat import vendi_score as vendi

SHAPES = [(40, 7), (7, 40), (30, 30), (25, 1)]


def naive_score(k, q, p=None):
    p = np.full(len(k), 1.0 / len(k)) if p is None else p
    w = np.linalg.eigvalsh(k * np.sqrt(np.outer(p, p)))
    w = w[w > 1e-12]
    if q == 1:
        return np.exp(-(w * np.log(w)).sum())
    if q in ("inf", np.inf):
        return 1.0 / w.max()
    return (w**q).sum() ** (1.0 / (1.0 - q))


@pytest.fixture(params=SHAPES, ids=str)
def rows(request, rng):
    return rng.normal(size=request.param)


def cosines(x):
    units = x / np.linalg.norm(x, axis=1)[:, None]
    return units @ units.T


@pytest.fixture
def weights(rows, rng):
    p = rng.uniform(size=len(rows))
    return p / p.sum()


@pytest.mark.parametrize("q", [0.5, 1, 2, 7.5, "inf", np.inf])
def test_is_the_formula(rows, weights, q):
    k = cosines(rows)
    assert vendi.score_K(k, q) == pytest.approx(naive_score(k, q), rel=1e-9)
    assert vendi.score_K(k, q, weights) == pytest.approx(naive_score(k, q, weights), rel=1e-9)
    assert vendi.score_dual(rows, q) == pytest.approx(naive_score(k, q), rel=1e-9)
    raw = rows @ rows.T / rows.shape[1]
    assert vendi.score_K(raw, q) == pytest.approx(naive_score(raw, q), rel=1e-9)
    assert vendi.score_K(raw, q, normalize=True) == pytest.approx(naive_score(k, q), rel=1e-9)


def test_score_X_is_of_order_1_alone(rows, weights):
    k = cosines(rows)
    with pytest.raises(ValueError, match="score_X: q=2 is ignored by vendi-score, and score_dual"):
        vendi.score_X(rows, q=2)
    assert vendi.score_X(rows, q=1.0) == vendi.score_X(rows)
    assert vendi.score_X(rows) == pytest.approx(naive_score(k, 1), rel=1e-9)
    assert vendi.score_X(rows, p=weights) == pytest.approx(naive_score(k, 1, weights), rel=1e-9)
    raw = rows / 5.0
    assert vendi.score_X(raw, normalize=False) == pytest.approx(naive_score(raw @ raw.T, 1))


def test_is_the_native_score(rows):
    assert vendi.score_dual(rows, 2) == pytest.approx(parzen.vendi_score(rows, q=2), rel=1e-12)


def test_order_0_counts_dimensions():
    x = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    assert vendi.score_dual(x, q=0) == pytest.approx(4.0, rel=1e-12)
    assert vendi.score_K(cosines(x.astype(np.float64)), q=0) == pytest.approx(4.0, rel=1e-12)


def test_rows_of_zeros_count_as_samples():
    x = np.concatenate([np.eye(3), np.zeros((1, 3))])
    w = np.full(3, 0.25)
    assert vendi.score_X(x) == pytest.approx(np.exp(-(w * np.log(w)).sum()))


def test_negative_eigenvalues_count_as_0():
    k = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.9], [0.0, 0.9, 1.0]])
    assert np.linalg.eigvalsh(k)[0] < -0.1
    assert vendi.score_K(k) == pytest.approx(naive_score(k, 1), rel=1e-12)


def test_internal_diversity(rows, weights):
    k = cosines(rows)
    assert vendi.intdiv_K(k) == pytest.approx(1.0 - k.mean(), abs=1e-12)
    assert vendi.intdiv_X(rows, q=2) == pytest.approx(1.0 - (k**2).mean(), abs=1e-12)
    assert vendi.intdiv_K(k, p=weights) == pytest.approx(1.0 - weights @ k @ weights, abs=1e-12)
    units = list(rows / np.linalg.norm(rows, axis=1)[:, None])
    assert vendi.intdiv(units, np.dot) == pytest.approx(1.0 - k.mean(), abs=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: vendi.score_K(np.ones((2, 3))), ValueError, "expected \\(n, n\\)"),
        (lambda: vendi.score_K([[1.0, 0.5], [0.1, 1.0]]), ValueError, "not symmetric"),
        (lambda: vendi.score_K(np.eye(3), p=[1.0]), ValueError, "one number a sample"),
        (lambda: vendi.score_K(np.eye(2), p=[1.5, -0.5]), ValueError, "negative"),
        (lambda: vendi.score_K(np.eye(2), q="two"), TypeError, "q is 'two'"),
        (lambda: vendi.score_X(np.eye(2), q="two"), ValueError, "q='two' is ignored"),
        (lambda: vendi.normalize_K(np.diag([1.0, 0.0])), ValueError, "divide by"),
        (lambda: vendi.score_K(np.zeros((2, 2))), ValueError, "no eigenvalue above 0"),
    ],
)
def test_what_cannot_be(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_sparse_matrices_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="sparse"):
        vendi.score_K(sparse.csr_array(np.eye(3)))


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
class TestPeer:
    @pytest.fixture
    def peer(self):
        return pytest.importorskip("vendi_score.vendi")

    @pytest.mark.parametrize("q", [1, 2, 5.0, "inf"])
    def test_scores(self, peer, rows, weights, q):
        k = cosines(rows)
        try:
            peer.score_K(np.eye(2))
        except AttributeError:
            pytest.skip("its scipy.sparse.csr is gone from this SciPy")
        for name, args in (
            ("score_K", (k, q)),
            ("score_K", (k, q, weights)),
            ("score_K", (3.0 * k, q, None, True)),
            ("score_X", (rows, 1)),
            ("score_X", (rows, 1, weights)),
            ("score_X", (rows / 9.0, 1, None, False)),
            ("score_dual", (rows, q)),
            ("score_dual", (rows / 9.0, q, False)),
            ("score", (list(rows), np.dot, q, None, True)),
        ):
            theirs = getattr(peer, name)(*args)
            assert getattr(vendi, name)(*args) == pytest.approx(theirs, rel=1e-9), name

    def test_internal_diversity(self, peer, rows, weights):
        k = cosines(rows)
        for args in ((k,), (k, 2), (k, 1, weights)):
            assert vendi.intdiv_K(*args) == pytest.approx(peer.intdiv_K(*args), abs=1e-12)
