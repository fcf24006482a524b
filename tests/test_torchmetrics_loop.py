"""The metrics of parzen.torchmetrics in a loop: reset, merged, saved, moved, in collections."""

# ruff: noqa: E402

import copy
import json
import pickle

import pytest

import parzen

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
torchmetrics = pytest.importorskip("torchmetrics")

from image_metrics import (
    TWO_SAMPLES,
    Colors,
    Given,
    features,
    fill,
    images,
    metric_of,
    value,
)
from parzen.torchmetrics import (
    FrechetInceptionDistance,
    InceptionScore,
    KernelInceptionDistance,
    MemorizationInformedFrechetInceptionDistance,
)


@pytest.mark.parametrize("cls", TWO_SAMPLES)
class TestLife:
    def test_reset(self, cls, rng):
        real, fake = features(rng, 60, 50, 4)
        other = features(rng, 60, 50, 4)[1]
        for kept in (True, False):
            metric = fill(metric_of(cls, reset_real_features=not kept), real, fake)
            value(metric)
            metric.reset()
            for batch in other.split(20):
                metric.update(batch, real=False)
            if not kept:
                for batch in real.split(20):
                    metric.update(batch, real=True)
            expected = value(fill(metric_of(cls), real, other))
            assert value(metric) == pytest.approx(expected, rel=1e-12)

    def test_a_batch_beside_real_images_that_are_kept(self, cls, rng):
        real, fake = features(rng, 60, 80, 4)
        metric = metric_of(cls, reset_real_features=False)
        metric.update(real, real=True)
        for batch in fake.split(40):
            with torch.random.fork_rng():
                torch.manual_seed(0)
                found = metric(batch, real=False)
            found = found[0] if isinstance(found, tuple) else found
            assert found.item() == pytest.approx(value(fill(metric_of(cls), real, batch, 100)))
        assert value(metric) == pytest.approx(value(fill(metric_of(cls), real, fake, 100)))
        assert metric.update_count == 3

    def test_a_batch_alone_has_no_value_and_harms_nothing(self, cls, rng):
        pair = features(rng, 60, 50, 4)
        metric = fill(metric_of(cls, compute_on_cpu=True), *pair)
        expected = value(metric)
        with pytest.raises((RuntimeError, ValueError), match="real"):
            metric(pair[1], real=False)
        assert value(metric) == expected
        metric.update(pair[1], real=False)
        doubled = torch.cat([pair[1], pair[1]])
        assert value(metric) == pytest.approx(value(fill(metric_of(cls), pair[0], doubled)))

    def test_merge(self, cls, rng):
        real, fake = features(rng, 71, 60, 4)
        first = fill(metric_of(cls), real[:40], fake[:25])
        value(first)
        second = fill(metric_of(cls), real[40:], fake[25:])
        merged = metric_of(cls)
        expected = value(fill(metric_of(cls), real, fake))
        # The rows of what comes in are put first. A dictionary does not say the features' type.
        merged.merge_state(second.metric_state)
        merged.merge_state(first.metric_state)
        assert value(merged) == pytest.approx(expected, rel=1e-6)
        merged.reset()
        merged.merge_state(second)
        merged.merge_state(first)
        assert value(merged) == pytest.approx(expected, rel=1e-12)
        first.merge_state(second)  # a result from before is forgotten
        assert first.update_count == 5
        order = [torch.cat([x[k:], x[:k]]) for x, k in ((real, 40), (fake, 25))]
        assert value(first) == pytest.approx(value(fill(metric_of(cls), *order)), rel=1e-12)
        with pytest.raises(ValueError, match="instance of"):
            first.merge_state(InceptionScore(Given(4)))

    def test_pickle_copy_and_checkpoint(self, cls, rng):
        metric = fill(metric_of(cls), *features(rng, 60, 50, 4))
        expected = value(metric)
        for same in (pickle.loads(pickle.dumps(metric)), copy.deepcopy(metric), metric.clone()):
            assert value(same) == expected
            same._computed = None
            assert value(same) == expected
        assert metric.state_dict() == {}
        metric.persistent(True)
        state = pickle.loads(pickle.dumps(metric.state_dict()))
        loaded = metric_of(cls)
        loaded.load_state_dict(state)
        loaded._update_count = 1
        assert value(loaded) == pytest.approx(expected, rel=1e-6)

    def test_inference_mode(self, cls, rng):
        real, fake = features(rng, 60, 50, 4)
        metric = metric_of(cls)
        with torch.inference_mode():
            fill(metric, real[:30], fake[:30])
        fill(metric, real[30:], fake[30:])
        rows = [torch.cat([x[:30], x[30:]]) for x in (real, fake)]
        assert value(metric.clone()) == pytest.approx(value(fill(metric_of(cls), *rows)), rel=1e-12)
        metric.reset()
        fill(metric, real, fake)

    def test_nothing_holds_a_graph(self, cls, rng):
        real, fake = features(rng, 60, 50, 4)
        metric = metric_of(cls, reset_real_features=False)
        metric.update(real.requires_grad_(), real=True)
        metric(fake.requires_grad_(), real=False)
        for state in metric.metric_state.values():
            for tensor in state if isinstance(state, list) else [state]:
                assert not tensor.requires_grad

    def test_estimate(self, cls, rng):
        metric = fill(metric_of(cls), *features(rng, 60, 50, 4))
        found = metric.estimate()
        number = found.mean if isinstance(found, parzen.KID) else found
        assert type(number) is parzen.Estimate
        result = metric.compute()  # the same draws, for it is the same computation
        assert number == (result[0] if isinstance(result, tuple) else result).item()
        record = json.loads(json.dumps(number.provenance))
        assert record["protocol"] == "torchmetrics"
        assert record["network"] == "Given"
        assert (record["n"], record["m"], record["d"]) == (60, 50, 4)

    def test_plot(self, cls, rng):
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("Agg")
        metric = fill(metric_of(cls), *features(rng, 60, 50, 4))
        figure, axis = metric.plot()
        assert len(axis.lines) == 1
        one = torch.tensor(0.0)
        assert metric.plot([one, one], ax=axis)[1] is axis
        assert metric.plot(one, ax=axis)[1] is axis  # a zero is a value
        matplotlib.pyplot.close(figure)


class TestInceptionScoreLife:
    def test_batches_have_values(self, rng):
        logits = torch.from_numpy(3.0 * rng.normal(size=(60, 5)))
        metric = InceptionScore(Given(5), splits=1)
        for batch in logits.split(20):
            mean, _ = metric(batch)
            expected = parzen.inception_score(batch, splits=1).mean
            assert mean.item() == pytest.approx(expected, rel=1e-12)
        expected = parzen.inception_score(logits, splits=1)
        assert value(metric) == pytest.approx(expected.mean, rel=1e-12)
        found = metric.estimate()
        assert found.diversity == pytest.approx(expected.diversity, rel=1e-12)
        assert found.sharpness.stderr == pytest.approx(expected.sharpness.stderr, rel=1e-9)

    def test_merge_reset_and_plot(self, rng):
        logits = torch.from_numpy(3.0 * rng.normal(size=(60, 5)))
        one, two = InceptionScore(Given(5), splits=1), InceptionScore(Given(5), splits=1)
        one.update(logits[:20])
        two.update(logits[20:])
        one.merge_state(two)
        expected = parzen.inception_score(logits, splits=1).mean
        assert value(one) == pytest.approx(expected, rel=1e-12)
        one.reset()
        with (
            pytest.warns(UserWarning, match="before the ``update``"),
            pytest.raises(ValueError, match="there are no images"),
        ):
            one.compute()


class TestCollections:
    def test_a_compute_group_shares_its_state(self, rng):
        real, fake = features(rng, 60, 50, 4)
        network = Given(4)
        options = {"subsets": 2, "subset_size": 20}
        alone = {
            "fid": FrechetInceptionDistance(network),
            "fid_again": FrechetInceptionDistance(network),
            "kid": KernelInceptionDistance(network, **options),
            "kid_kept": KernelInceptionDistance(network, reset_real_features=False, **options),
            "mifid": MemorizationInformedFrechetInceptionDistance(network),
        }
        together = torchmetrics.MetricCollection({k: m.clone() for k, m in alone.items()})
        for _ in range(2):  # and after a reset
            for batches, side in ((real.split(20), True), (fake.split(20), False)):
                for batch in batches:
                    together.update(batch, real=side)
            groups = {frozenset(group) for group in together.compute_groups.values()}
            assert groups == {
                frozenset({"fid", "fid_again"}),
                frozenset({"kid", "mifid"}),
                frozenset({"kid_kept"}),
            }
            with torch.random.fork_rng():
                torch.manual_seed(0)
                found = together.compute()
            assert found["fid"] == found["fid_again"]
            assert found["fid"].item() == pytest.approx(value(fill(alone["fid"], real, fake, 20)))
            assert found["mifid"] == fill(alone["mifid"], real, fake, 20).compute()
            assert len(together["kid"].real_features) == 3
            for metric in alone.values():
                metric.reset()
            kept = len(together["kid_kept"].real_features)
            together.reset()
            assert len(together["kid_kept"].real_features) == kept
            assert len(together["kid"].real_features) == len(together["mifid"].real_features) == 0

    def test_shared_features(self):
        from torchmetrics.wrappers import FeatureShare

        class Counted(Colors):
            calls = 0

            def forward(self, batch):
                Counted.calls += 1
                return super().forward(batch)

        shared = FeatureShare(
            [FrechetInceptionDistance(Counted()), KernelInceptionDistance(Counted(), 2, 20)]
        )
        before = Counted.calls
        for seed in range(2):
            shared.update(images(30, 3, 4, 4, seed=seed), real=bool(seed))
        assert Counted.calls == before + 2
        assert set(shared.compute()) == {"FrechetInceptionDistance", "KernelInceptionDistance"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("cls", TWO_SAMPLES)
def test_on_a_device(cls, rng):
    pair = features(rng, 90, 80, 4)
    metric = fill(metric_of(cls).to("cuda"), *(x.cuda() for x in pair))
    number = value(metric)
    found = metric.compute()
    found = found if isinstance(found, tuple) else (found,)
    assert all(tensor.device.type == "cuda" for tensor in found)
    assert number == pytest.approx(value(fill(metric_of(cls), *pair)), rel=1e-9)
    metric.to("cpu")
    metric._computed = None
    assert value(metric) == pytest.approx(number, rel=1e-12)
