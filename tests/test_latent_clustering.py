"""Agreement of clusters with labels: formulas, scikit-learn's, chance and perfection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_latent as reference

latent = pytest.importorskip("parzen.latent")


def blobs(rng, n=120, far=9.0):
    labels = np.arange(n) % 3
    return far * np.eye(3)[labels] + rng.normal(size=(n, 3)), labels


def test_perfect_agreement_whatever_the_names():
    truth = np.repeat([0, 1, 2], 10)
    found = latent.clustering(truth, np.array([40, -7, 3])[truth])
    assert tuple(found) == (1.0,) * 6
    assert found.ari.stderr is None  # equal in every draw: no spread is not certainty


def test_chance(rng):
    found = latent.clustering(rng.integers(4, size=4000), rng.integers(4, size=4000))
    assert abs(found.ari) < 0.005
    assert found.nmi < 0.005
    assert found.purity == pytest.approx(0.25, abs=0.04)


def test_one_cluster_and_clusters_of_one():
    truth = np.repeat([0, 1], 15)
    one = latent.clustering(truth, np.zeros(30), bootstraps=0)
    assert (one.homogeneity, one.completeness, one.purity, one.ari) == (0.0, 1.0, 0.5, 0.0)
    alone = latent.clustering(truth, np.arange(30))
    assert (alone.homogeneity, alone.purity, alone.ari) == (1.0, 1.0, 0.0)
    assert alone.completeness < 0.25


def test_entropies_and_purity(rng):
    truth = rng.integers(3, size=200)
    guess = np.where(rng.uniform(size=200) < 0.6, truth, rng.integers(5, size=200))
    found = latent.clustering(truth, guess, bootstraps=0)
    h_true, h_found = reference.entropy(truth.tolist()), reference.entropy(guess.tolist())
    both = reference.entropy(list(zip(truth, guess, strict=True)))
    mutual = h_true + h_found - both
    assert found.homogeneity == pytest.approx(mutual / h_true, abs=1e-12)
    assert found.completeness == pytest.approx(mutual / h_found, abs=1e-12)
    assert found.nmi == pytest.approx(2 * mutual / (h_true + h_found), abs=1e-12)
    assert found.v_measure == pytest.approx(found.nmi, abs=1e-12)
    assert found.purity == pytest.approx(reference.purity(truth, guess))
    # Rand's index of all pairs, less its expectation under the marginals.
    same_true, same_found = truth[:, None] == truth, guess[:, None] == guess
    upper = np.triu_indices(200, 1)
    a, b = same_true[upper].mean(), same_found[upper].mean()
    both = (same_true & same_found)[upper].mean()
    assert found.ari == pytest.approx((both - a * b) / ((a + b) / 2 - a * b), abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=30))
def test_agreement_stays_in_range(pairs):
    truth, found = np.array(pairs).T
    scores = latent.clustering(truth, found, bootstraps=0)
    assert all(-1.0 <= score <= 1.0 for score in scores)
    back = latent.clustering(found, truth, bootstraps=0)
    assert (back.homogeneity, back.completeness) == pytest.approx(
        (scores.completeness, scores.homogeneity), abs=1e-12
    )
    assert back.ari == pytest.approx(scores.ari, abs=1e-12)


def test_standard_errors_are_those_of_new_samples(rng):
    def draw():
        truth = rng.integers(3, size=150)
        return truth, np.where(rng.uniform(size=150) < 0.7, truth, rng.integers(3, size=150))

    scores = np.array([latent.clustering(*draw(), bootstraps=0) for _ in range(100)])
    errors = [score.stderr for score in latent.clustering(*draw(), bootstraps=100)]
    assert errors == pytest.approx(scores.std(axis=0), rel=0.4)


def test_kmeans_finds_blobs_and_says_how(rng):
    codes, labels = blobs(rng)
    found = latent.kmeans(codes + 1e6, labels)
    assert tuple(found) == (1.0,) * 6
    assert found.ari.provenance["k"] == 3
    assert found.ari.provenance["inertia"] == pytest.approx(120 * 3, rel=0.2)
    two = latent.kmeans(codes, labels, k=2, bootstraps=0)
    assert two.completeness == pytest.approx(1.0)
    assert two.homogeneity < 0.7
    again = latent.kmeans(codes / 20, labels, starts=1, seed=3, bootstraps=5)
    assert again == latent.kmeans(codes / 20, labels, starts=1, seed=3, bootstraps=5)


def test_kmeans_of_noise_agrees_by_chance(rng):
    found = latent.kmeans(rng.normal(size=(600, 2)), rng.integers(3, size=600), bootstraps=0)
    assert abs(found.ari) < 0.02


def test_silhouette(rng):
    codes, labels = blobs(rng, n=60, far=2.0)
    labels[0] = 3  # alone: 0
    found = latent.silhouette(codes, labels)
    assert found == pytest.approx(reference.silhouette(codes, labels), abs=1e-10)
    assert found.stderr > 0.0
    # Far from the origin the distances keep their digits.
    far = codes.round(2) + 2.0**26
    expected = reference.silhouette(codes.round(2), labels)
    assert latent.silhouette(far, labels) == pytest.approx(expected, abs=1e-7)
    part = latent.silhouette(codes, labels, sample_size=40, seed=1)
    assert part.provenance["n"] == 40
    assert part == pytest.approx(found, abs=4 * part.stderr)
    assert latent.silhouette(codes, rng.permutation(labels)) < 0.05


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z, l: latent.clustering(l, l[:-1]), "labels_pred has 29 rows, expected 30"),
        (lambda z, l: latent.clustering(l, l / 2), "labels_pred has 0.5 in row 1"),
        (lambda z, l: latent.clustering(l[:1], l[:1]), r"labels_true has 1 row\(s\)"),
        (lambda z, l: latent.clustering(z, l), r"labels_true has shape \(30, 2\), expected \(n,\)"),
        (lambda z, l: latent.clustering(l, l * np.nan), "labels_pred has 30 values that are NaN"),
        (lambda z, l: latent.kmeans(z, l, k=0), "kmeans: k is 0"),
        (lambda z, l: latent.kmeans(z // 20, l, k=8), "kmeans: k is 8, codes has 3 different rows"),
        (lambda z, l: latent.kmeans(z, l, starts=0), "kmeans: starts is 0"),
        (lambda z, l: latent.kmeans(z[:20], l), "kmeans: labels has 30 rows, expected 20"),
        (lambda z, l: latent.silhouette(z, 0 * l), "silhouette: labels has 1 values in 30 rows"),
        (lambda z, l: latent.silhouette(z, np.arange(30)), "silhouette: labels has 30 values"),
        (lambda z, l: latent.silhouette(z, l, sample_size=31), "sample_size is 31, codes has 30"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.arange(60.0).reshape(30, 2), np.arange(30) % 3)


@pytest.mark.parametrize("kind", [list, tuple, np.array, lambda x: np.array(x, dtype=object)])
def test_strings_are_labels(kind, rng):
    codes, labels = blobs(rng, n=60)
    words = kind([("cat", "ape", "bee")[label] for label in labels])
    assert latent.clustering(words, labels) == latent.clustering(labels, labels)
    assert latent.clustering(labels, words) == latent.clustering(labels, labels)
    assert latent.kmeans(codes, words) == latent.kmeans(codes, labels)
    assert latent.silhouette(codes, words) == latent.silhouette(codes, labels)


@pytest.mark.parametrize("labels", ["ab", ["a", 1], ["a", None], [["a"], ["b"]]])
def test_what_is_no_label(labels):
    with pytest.raises((TypeError, ValueError), match="clustering: labels_true"):
        latent.clustering(labels, [0, 1])
