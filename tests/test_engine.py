"""What every native operation shares: threads, interruption, progress, refusals."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from parzen import _core

GAUSSIAN = _core.Gaussian([1.0])


def long_job(progress=None):
    x = np.random.default_rng(0).standard_normal((40_000, 64)).astype(np.float32)
    for _ in range(50):
        _core.kernel_sum(x, None, GAUSSIAN, progress=progress)


@pytest.fixture
def threads():
    before = _core.get_num_threads()
    yield _core.set_num_threads
    _core.set_num_threads(before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1), (50, 70, 3), (1000, 700, 20), (300, 900, 700)])
def test_number_of_threads_changes_no_bit(threads, shape, dtype):
    n, m, d = shape
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d)).astype(dtype)
    center = x.mean(axis=0)
    u, v = (rng.integers(0, 256, (-(-rows // 8), 5), np.uint8) for rows in (n, m))

    def everything():
        rows, columns, _, squares = _core.kernel_sum(x, y, GAUSSIAN, center=center)
        own, _, diagonal, own_squares = _core.kernel_sum(y, None, _core.Polynomial(3, 1 / d, 1.0))
        squared = _core.nearest(x, y, 1, center=center)
        others = _core.nearest(x, None, 1, center=center) if n > 1 else squared
        radii = squared[:, 0].copy()
        inside = _core.ball_counts(y, radii, x, np.full(n, radii[0]), center=center)
        logs = _core.log_density(x, y, [0.5, 2.0], center=center)
        across, _ = _core.kernel_quadratic(x, y, GAUSSIAN, u, v, center=center)
        within, _ = _core.kernel_quadratic(y, None, _core.Polynomial(3, 1 / d, 1.0), v, None)
        results = (
            across,
            within,
            rows,
            columns,
            squares,
            own,
            diagonal,
            own_squares,
            squared,
            others,
            *inside,
            logs,
        )
        return [np.asarray(r).tobytes() for r in results]

    threads(1)
    expected = everything()
    for count in (2, 3, 8):
        threads(count)
        assert everything() == expected, f"{count} threads"


def test_num_threads(threads):
    threads(3)
    assert _core.get_num_threads() == 3
    for bad in (0, -1, 100_000):
        with pytest.raises(ValueError, match="expected 1 to 1024"):
            threads(bad)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", 3),
        ("", None),
        ("many", None),
        ("0", None),
        ("-2", None),
        ("2 or 3", None),
        ("9" * 30, 1024),
    ],
)
def test_num_threads_from_the_environment(text, expected):
    code = "import parzen; print(parzen.get_num_threads())"
    environment = {**os.environ, "PARZEN_NUM_THREADS": text}
    out = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if expected is None:
        assert 1 <= int(out.stdout) <= available
    else:
        assert int(out.stdout) == expected


@pytest.mark.unsanitized
def test_keyboard_interrupt_stops_a_long_reduction(sigint):
    started = threading.Event()
    times = {}

    def interrupt():
        started.wait()
        time.sleep(0.3)
        times["sent"] = time.perf_counter()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        long_job(progress=lambda _: started.set())
    elapsed = time.perf_counter() - times["sent"]
    thread.join()
    assert elapsed < 0.2
    # The engine is as good as new.
    rows, *_ = _core.kernel_sum(np.zeros((3, 2)), None, GAUSSIAN)
    np.testing.assert_array_equal(rows, 2.0)


def test_progress_rises_to_one():
    x = np.random.default_rng(0).standard_normal((20_000, 64)).astype(np.float32)
    seen = []
    _core.kernel_sum(x, None, GAUSSIAN, progress=seen.append)
    assert seen == sorted(seen)
    assert all(0.0 <= fraction <= 1.0 for fraction in seen)
    assert seen[-1] == 1.0
    assert len(seen) > 2


def test_an_exception_in_the_progress_callback_comes_out():
    def fail(_):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        long_job(progress=fail)


def test_a_progress_callback_may_not_call_back():
    def reenter(_):
        _core.kernel_sum(np.zeros((3, 2)), None, GAUSSIAN)

    with pytest.raises(RuntimeError, match="called back into parzen"):
        long_job(progress=reenter)


def test_calls_from_several_threads_at_once(threads):
    threads(2)
    x = np.random.default_rng(0).standard_normal((700, 16))
    expected = _core.kernel_sum(x, None, GAUSSIAN)[0].tobytes()
    results = []

    def work():
        results.extend(_core.kernel_sum(x, None, GAUSSIAN)[0].tobytes() for _ in range(20))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 80
    assert set(results) == {expected}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_the_child_of_a_fork_computes():
    code = """
import os, signal, numpy as np
from parzen import _core
x = np.random.default_rng(0).standard_normal((500, 8))
expected = _core.kernel_sum(x, None, _core.Gaussian([1.0]))[0].tobytes()
pid = os.fork()
if pid == 0:
    signal.alarm(30)
    os._exit(0 if _core.kernel_sum(x, None, _core.Gaussian([1.0]))[0].tobytes() == expected else 1)
assert os.waitpid(pid, 0)[1] == 0
assert _core.kernel_sum(x, None, _core.Gaussian([1.0]))[0].tobytes() == expected
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)


@pytest.mark.unsanitized
def test_memory_stays_far_below_the_matrix_of_pairs():
    # 40,000 squared is 6.4 GB in float32.
    code = """
import resource, numpy as np
from parzen import _core
x = np.random.default_rng(0).standard_normal((40_000, 16)).astype(np.float32)
_core.kernel_sum(x[:100], None, _core.Gaussian([1.0]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
_core.kernel_sum(x, x, _core.Gaussian([1.0]))
_core.log_density(x, x, [1.0])
_core.nearest(x, None, 3)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(out.stdout) < 64  # MB


BAD_MATRICES = [
    (np.zeros((3, 2), np.float16), TypeError, "float16"),
    (np.zeros((3, 2), ">f8"), TypeError, ">f8"),
    (np.zeros((3, 2), complex), TypeError, "complex"),
    (np.zeros(3), ValueError, "shape"),
    (np.zeros((0, 2)), ValueError, "shape"),
    (np.zeros((2, 0)), ValueError, "shape"),
    (np.zeros((4, 4))[:, ::2], ValueError, "contiguous"),
    (np.zeros((4, 4))[::-1], ValueError, "contiguous"),
    (
        np.frombuffer(bytes(8 * 6 + 1), np.uint8)[1:].view(np.float64).reshape(3, 2),
        ValueError,
        "aligned",
    ),
]


@pytest.mark.parametrize(("array", "error", "words"), BAD_MATRICES)
def test_arrays_it_cannot_read_are_refused(array, error, words):
    with pytest.raises(error, match=words):
        _core.kernel_sum(array, None, GAUSSIAN)
    with pytest.raises(error, match=words):
        _core.nearest(np.zeros((3, 2)), array, 1)


def test_arrays_that_were_pickled_are_read():
    # Their type is equal to NumPy's own but another object.
    x = np.arange(6.0).reshape(3, 2)
    y = pickle.loads(pickle.dumps(x))
    assert y.dtype is not x.dtype
    np.testing.assert_array_equal(_core.nearest(y, x, 1, center=y[0]), np.zeros((3, 1)))


def misaligned(values):
    raw = bytearray(values.nbytes + 1)
    copy = np.frombuffer(raw, np.uint8)[1:].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


def test_the_stride_of_a_single_row_means_nothing():
    x = np.arange(6.0).reshape(2, 3)
    for row in (
        x[1:],
        x[::-1][:1],
        np.broadcast_to(x[1], (1, 3)),
        as_strided(x[1:], (1, 3), (5, 8)),
    ):
        np.testing.assert_array_equal(_core.nearest(row, x, 1), [[27.0], [0.0]])


def test_a_repeated_row_needs_no_memory():
    repeated = np.broadcast_to(np.arange(3.0), (1000, 3))
    assert repeated.strides[0] == 0
    rows, *_ = _core.kernel_sum(repeated, None, GAUSSIAN)
    np.testing.assert_array_equal(rows, 999.0)


def test_arguments_that_do_not_fit_are_refused():
    x = np.zeros((4, 3))
    with pytest.raises(ValueError, match="same number of columns"):
        _core.kernel_sum(x, np.zeros((4, 2)), GAUSSIAN)
    with pytest.raises(ValueError, match="same type"):
        _core.kernel_sum(x, x.astype(np.float32), GAUSSIAN)
    bad = [np.zeros(2), np.zeros(3, np.float32), np.zeros((3, 1)), np.zeros(6)[::2]]
    for center in [*bad, misaligned(np.zeros(3))]:
        with pytest.raises(ValueError, match="center"):
            _core.kernel_sum(x, None, GAUSSIAN, center=center)
    for k in (0, -1, 4):
        with pytest.raises(ValueError, match="k: expected"):
            _core.nearest(x, None, k)
    bad = [np.zeros(3), np.zeros(8)[::2], np.zeros(4, np.float32), np.full(4, -np.inf)]
    for log_weights in [*bad, misaligned(np.zeros(4))]:
        with pytest.raises(ValueError, match="log_weights"):
            _core.log_density(x, x, [1.0], log_weights=log_weights)
    with pytest.raises(ValueError, match="at least 2 rows"):
        _core.log_density(x[:1], None, [1.0])
    with pytest.raises(ValueError, match="squared_radii"):
        _core.ball_counts(x, np.zeros(3), x, np.zeros(len(x)))
    for bandwidths in ([], [0.0], [-1.0], [np.nan], [np.inf]):
        with pytest.raises(ValueError, match="bandwidth"):
            _core.Gaussian(bandwidths)
        with pytest.raises(ValueError, match="bandwidth"):
            _core.log_density(x, x, bandwidths)
    with pytest.raises(ValueError, match="degree"):
        _core.Polynomial(0, 1.0, 1.0)
    for name, value in (("gamma", np.nan), ("gamma", np.inf), ("coef0", -np.inf)):
        with pytest.raises(ValueError, match=name):
            _core.Polynomial(**{"degree": 3, "gamma": 1.0, "coef0": 1.0, name: value})
    for alpha in (0.0, np.nan, np.inf, 1e-310):
        with pytest.raises(ValueError, match="alpha"):
            _core.RationalQuadratic(alpha, 1.0)
    for length_scale in (0.0, np.nan, np.inf, 1e-200):
        with pytest.raises(ValueError, match="length_scale"):
            _core.RationalQuadratic(1.0, length_scale)


def test_a_rational_quadratic_kernel_of_extreme_but_balanced_parameters():
    # 1 / (2 alpha length_scale^2) is 5e19, 1 / (2 length_scale^2) alone infinite.
    x = np.array([[0.0], [1e-10]])
    _, _, diagonal, _ = _core.kernel_sum(x, None, _core.RationalQuadratic(1e300, 1e-160))
    np.testing.assert_array_equal(diagonal, 1.0)
    rows, *_ = _core.kernel_sum(x, x, _core.RationalQuadratic(1e300, 1e-160))
    np.testing.assert_allclose(rows, 1.0)
