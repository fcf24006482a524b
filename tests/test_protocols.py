"""Each package's rules, against naive formulas that follow its source line by line."""

import dataclasses

import numpy as np
import pytest

import parzen
import reference
from parzen.protocols import PROTOCOLS, InceptionScoreRules


@pytest.fixture
def pair(rng):
    return np.abs(rng.normal(size=(130, 6))), np.abs(1.1 * rng.normal(size=(90, 6)))


def cubic_subsets(draws):
    """The mean and the spread of KID over (real, fake) subsets of equal size."""
    values = []
    for x, y in draws:
        k_xx, k_yy, k_xy = ((a @ b.T / a.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
        m = len(x)
        within = k_xx.sum() - np.trace(k_xx) + k_yy.sum() - np.trace(k_yy)
        values.append(within / (m * (m - 1)) - 2 * k_xy.mean())
    return np.mean(values), np.std(values)


@pytest.mark.parametrize("name", ["clean-fid", "stylegan3"])
def test_kid_of_the_smaller_sample_s_size_drawn_from_the_fake_first(name, pair):
    real, fake = pair
    np.random.seed(7)  # noqa: NPY002 - the generator that these packages draw from
    draws = []
    for _ in range(100):
        y = fake[np.random.choice(90, 90, replace=False)]  # noqa: NPY002
        x = real[np.random.choice(130, 90, replace=False)]  # noqa: NPY002
        draws.append((x, y))
    found = parzen.kid(real, fake, protocol=name, seed=7)
    np.testing.assert_allclose(found, cubic_subsets(draws), rtol=1e-11)
    assert found.mean.provenance["protocol"] == name
    assert found.mean.provenance["subset_size"] == 90


def test_kid_drawn_by_torch(rng):
    torch = pytest.importorskip("torch")
    real, fake = np.abs(rng.normal(size=(2, 1100, 3)))
    torch.manual_seed(5)
    draws = [
        (real[torch.randperm(1100)[:1000].numpy()], fake[torch.randperm(1100)[:1000].numpy()])
        for _ in range(100)
    ]
    expected = cubic_subsets(draws)
    state = torch.random.get_rng_state()
    found = parzen.kid(real, fake, protocol="torchmetrics", seed=5)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert torch.equal(state, torch.random.get_rng_state())  # nobody else's generator is moved


def test_fid_divides_by_n_for_stylegan3(pair):
    real, fake = pair
    moments = [(a.mean(axis=0), np.cov(a, rowvar=False, ddof=0)) for a in pair]
    expected = reference.frechet(*moments[0], *moments[1])
    found = parzen.fid(real, fake, protocol="stylegan3")
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert found == parzen.fid(real, fake, ddof=0)
    assert found < parzen.fid(real, fake)
    with pytest.warns(parzen.SmallSampleWarning):
        few = parzen.fid(real[:5], fake[:5], ddof=0)
    moments = [(a[:5].mean(axis=0), np.cov(a[:5], rowvar=False, ddof=0)) for a in pair]
    np.testing.assert_allclose(few, reference.frechet(*moments[0], *moments[1]), rtol=1e-6)


def softmax(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def scores(parts):
    return [np.exp((p * np.log(p / p.mean(axis=0))).sum(axis=1).mean()) for p in parts]


def test_inception_scores(rng):
    logits = rng.normal(size=(103, 7))
    p = softmax(logits)

    found = scores(np.split(p, [i * 103 // 10 for i in range(1, 10)]))
    mean, std, *_ = parzen.inception_score(logits, protocol="stylegan3")
    np.testing.assert_allclose((mean, std), (np.mean(found), np.std(found)), rtol=1e-12)

    rules = parzen.protocol("guided-diffusion")
    by_size = dataclasses.replace(rules.inception_score, split_size=40)
    found = scores([p[:40], p[40:80], p[80:]])
    small = dataclasses.replace(rules, name="splits of 40", inception_score=by_size)
    mean = parzen.inception_score(logits, protocol=small).mean
    np.testing.assert_allclose(mean, np.mean(found), rtol=1e-12)
    assert mean.provenance["protocol"] == "splits of 40"
    assert mean.provenance["splits"] == 3
    whole = parzen.inception_score(logits, protocol=rules)
    np.testing.assert_allclose(whole.mean, scores([p])[0], rtol=1e-12)
    assert whole.std == 0.0


def test_inception_score_shuffled_and_chunked_by_torch(rng):
    torch = pytest.importorskip("torch")
    logits = rng.normal(size=(103, 7))
    torch.manual_seed(3)
    chunks = torch.from_numpy(softmax(logits)[torch.randperm(103).numpy()]).chunk(10)
    found = scores([chunk.numpy() for chunk in chunks])
    mean, std, *_ = parzen.inception_score(logits, protocol="torchmetrics", seed=3)
    np.testing.assert_allclose((mean, std), (np.mean(found), np.std(found, ddof=1)), rtol=1e-12)


def test_one_split_has_no_spread_whatever_the_ddof(rng):
    one = dataclasses.replace(
        parzen.protocol("torchmetrics"),
        inception_score=InceptionScoreRules(splits=1, shuffle=None, ddof=1),
    )
    assert parzen.inception_score(rng.normal(size=(20, 4)), protocol=one).std == 0.0


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_a_point_on_the_radius_is_in_or_out():
    grid = np.arange(8.0)[:, np.newaxis]  # every distance is an integer: ties everywhere
    shifted = grid + 1.0
    inside = parzen.precision_recall(grid, shifted, k=1)
    outside = parzen.precision_recall(grid, shifted, k=1, boundary="outside")
    distances = np.abs(grid - shifted.T)
    np.testing.assert_array_equal(inside[0], (distances <= 1.0).any(axis=0).mean())
    np.testing.assert_array_equal(outside[0], (distances < 1.0).any(axis=0).mean())
    np.testing.assert_array_equal(outside[2], (distances < 1.0).sum(axis=0).mean())
    assert outside[0] < inside[0]
    same = np.zeros((5, 2))  # radii of 0: nothing is strictly inside
    assert tuple(parzen.precision_recall(same, same, boundary="outside")) == (0, 0, 0, 0)
    assert outside.recall.provenance["boundary"] == "outside"


def test_default_protocol_is_torch_fidelity_s(rng):
    real, fake = np.abs(rng.normal(size=(2, 1000, 4)))
    for function, arrays in (
        (parzen.kid, (real, fake)),
        (parzen.fid, (real, fake)),
        (parzen.precision_recall, (real, fake)),
        (parzen.inception_score, (real,)),
    ):
        found = function(*arrays, protocol="torch-fidelity")
        assert found == function(*arrays)


def test_what_a_protocol_settles_cannot_be_given_beside_it(pair):
    for call in (
        lambda: parzen.kid(*pair, subsets=10, protocol="clean-fid"),
        lambda: parzen.kid(*pair, subsets=None, protocol="clean-fid"),
        lambda: parzen.kid(*pair, degree=2, protocol="clean-fid"),
        lambda: parzen.fid(*pair, ddof=0, protocol="clean-fid"),
        lambda: parzen.inception_score(pair[0], splits=1, protocol="stylegan3"),
        lambda: parzen.precision_recall(*pair, k=5, protocol="stylegan3"),
    ):
        with pytest.raises(ValueError, match=r"beside protocol '.*', which settles it; leave one"):
            call()


def test_a_metric_that_a_package_does_not_have(pair):
    with pytest.raises(ValueError, match="kid: protocol 'pytorch-fid' has no kid; those of torch-"):
        parzen.kid(*pair, protocol="pytorch-fid")
    with pytest.raises(ValueError, match="'cmmd' has no fid"):
        parzen.fid(*pair, protocol="cmmd")


def test_names():
    with pytest.raises(ValueError, match=r"no 'torchmetric', only .* did you mean 'torchmetrics'"):
        parzen.protocol("torchmetric")
    with pytest.raises(TypeError, match="expected a name or a Protocol, got 3"):
        parzen.protocol(3)
    for name, rules in PROTOCOLS.items():
        assert parzen.protocol(name) is parzen.protocol(rules) is rules
        assert rules.record()["name"] == name
        with pytest.raises(dataclasses.FrozenInstanceError):
            rules.name = "other"


def test_the_table_in_the_documentation_is_that_of_the_objects():
    pytest.importorskip("torch")
    from benchmarks.protocol_table import PAGE, markdown

    assert markdown() in PAGE.read_text(), "run python -m benchmarks.protocol_table"
