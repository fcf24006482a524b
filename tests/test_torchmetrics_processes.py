"""The metrics of parzen.torchmetrics in two processes, which see unequal shares."""

# ruff: noqa: E402

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
torchmetrics = pytest.importorskip("torchmetrics")

from image_metrics import (
    Given,
    features,
    fill,
    upstream,
)
from parzen.torchmetrics import (
    FrechetInceptionDistance,
    InceptionScore,
    KernelInceptionDistance,
    MemorizationInformedFrechetInceptionDistance,
)


def parts(rank):
    """What each of two processes sees: batches uneven in number and size; one has few fakes."""
    rng = np.random.default_rng(5)
    real, fake = features(rng, 90, 70, 4)
    if rank is None:
        return real.split(20), fake.split(20)
    if rank == 0:
        return real[:50].split(20), fake[:70].split(20)
    return real[50:].split(7), ()


def gathered(rank, folder):
    import torch.distributed as dist

    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.set_num_threads(1)
    metrics = everything()
    real, fake = parts(rank)
    for name, metric in metrics.items():
        for side, batches in ((True, real), (False, fake)):
            for batch in batches:
                metric.update(batch, **({} if name == "score" else {"real": side}))
    results = {}
    for name, metric in metrics.items():
        torch.manual_seed(0)
        results[name] = metric.compute()
        metric.sync()
        if name == "fid":
            results["counts"] = (
                int(metric.real_features_num_samples),
                int(metric.fake_features_num_samples),
            )
        metric.unsync()
        metric.update(real[0], **({} if name == "score" else {"real": True}))
    # No process has images of this one: the same error on both, and nobody waits for the other.
    empty = KernelInceptionDistance(Given(4))
    try:
        upstream(empty.compute)
    except ValueError as error:
        results["empty"] = str(error)
    torch.save(results, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def everything():
    kid = {"subsets": 3, "subset_size": 20}
    return {
        "fid": FrechetInceptionDistance(Given(4)),
        "kid": KernelInceptionDistance(Given(4), **kid),
        "all": KernelInceptionDistance(Given(4), subsets=None),
        "moments": KernelInceptionDistance(Given(4), subsets=None, method="moments"),
        "score": InceptionScore(Given(4), splits=3),
        "mifid": MemorizationInformedFrechetInceptionDistance(Given(4)),
    }


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch has no gloo")
def test_two_processes_give_the_number_of_one(tmp_path):
    torch.multiprocessing.spawn(gathered, (str(tmp_path),), nprocs=2)
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    real, fake = parts(None)
    for name, metric in everything().items():
        if name == "score":  # its rows come in the order of the processes
            (first_real, first_fake), (second_real, _) = parts(0), parts(1)
            for batch in (*first_real, *first_fake, *second_real):
                metric.update(batch)
        else:
            fill(metric, torch.cat(real), torch.cat(fake))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            expected = metric.compute()
        for result in found:
            torch.testing.assert_close(
                result[name], expected, rtol=1e-12, atol=1e-15, equal_nan=True
            )
    assert found[0]["counts"] == found[1]["counts"] == (90, 70)
    assert "there are no real images" in found[0]["empty"]
    assert found[0]["empty"] == found[1]["empty"]
