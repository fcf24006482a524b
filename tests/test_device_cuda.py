"""The same metrics of torch's own tensors on a device, where there is one."""

import numpy as np
import pytest

import parzen
from device_metrics import IDS, KINDS, METRICS, assert_near, samples
from parzen import _core
from parzen._device import device_names

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device"),
    pytest.mark.skipif(_core.cuda_info()["missing"] is not None, reason="no CUDA library here"),
]


@pytest.fixture(params=KINDS, ids=IDS)
def pair(request, rng):
    return samples(rng, *request.param)


@pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
@pytest.mark.parametrize("metric", METRICS)
def test_the_cpu_s_number(metric, pair):
    x, y = pair
    there = METRICS[metric](*(torch.from_numpy(z).cuda() for z in pair))
    assert_near(there, METRICS[metric](x, y), x)


def test_work_waits_for_the_current_stream(rng):
    x = rng.normal(size=(4000, 512)).astype(np.float32)
    here = parzen.kid(x, 2 * x[::-1].copy(), subsets=None).mean
    source, stream = torch.from_numpy(x).cuda(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        torch.cuda._sleep(100_000_000)  # what follows is not there yet when the call is made
        there = parzen.kid(source.clone(), 2 * source.flip(0), subsets=None).mean
    assert there == pytest.approx(here, rel=1e-5)


def test_memory_that_torch_reuses(rng):
    """Temporaries die as soon as they are let go; the allocator hands them out again."""
    x = torch.from_numpy(rng.normal(size=(500, 16))).cuda()
    first = parzen.kid(x + 1, x.clone(), subsets=5, subset_size=100)
    for _ in range(5):
        assert parzen.kid(x + 1, x.clone(), subsets=5, subset_size=100) == first


def test_the_provenance_has_the_device(pair):
    there = parzen.fid(*(torch.from_numpy(z).cuda() for z in pair))
    assert there.provenance["device"] == f"cuda:0, {torch.cuda.get_device_name(0)}"
    assert device_names()[0] == torch.cuda.get_device_name(0)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two devices")
def test_two_devices_are_refused(pair):
    x, y = (torch.from_numpy(z).to(f"cuda:{i}") for i, z in enumerate(pair))
    with pytest.raises(ValueError, match="kid: real is on cuda:0, fake is on cuda:1"):
        parzen.kid(x, y)
