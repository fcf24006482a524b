"""Threads at once, forks, Ctrl-C in the middle, callbacks that misbehave: answers stay right."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from parzen import _core

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
SMALL = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
LARGE = np.random.default_rng(1).standard_normal((40_000, 64)).astype(np.float32)

CUBIC = _core.Polynomial(3, 0.1, 1.0)


def radii(x):
    return np.ones_like(x[:, 0])


def memberships(x):
    return np.full((-(-len(x) // 8), 100), 0b01101001, np.uint8)


# Every reduction, of a matrix against itself. A new one is one line here.
REDUCTIONS = {
    "kernel_sum": lambda x, **options: _core.kernel_sum(x, x, _core.Gaussian([1.0]), **options),
    "kernel_sum of one": lambda x, **options: _core.kernel_sum(x, None, _core.Energy(), **options),
    "log_density": lambda x, **options: _core.log_density(x, x, [1.0, 2.0], **options),
    "nearest": lambda x, **options: _core.nearest(x, None, 5, **options),
    "ball_counts": lambda x, **options: _core.ball_counts(x, radii(x), x, radii(x), **options),
    "kernel_quadratic": lambda x, **options: _core.kernel_quadratic(
        x, None, _core.Gaussian([1.0]), memberships(x), None, **options
    )[0],
    "moment_norms": lambda x, **options: _core.moment_norms(x, x, CUBIC, **options),
}
EACH = pytest.mark.parametrize("name", REDUCTIONS)


def bits(name, x=SMALL):
    results = REDUCTIONS[name](x)
    results = results if isinstance(results, tuple) else (results,)
    return [None if r is None else np.asarray(r).tobytes() for r in results]


def forever(name, progress):
    while True:
        REDUCTIONS[name](LARGE, progress=progress)


def send_sigint_after(event):
    def send():
        event.wait()
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def run(code, timeout=120):
    """Run a script in a process of its own: what hangs or dies there fails here."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROLOGUE + code],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-3000:])


PROLOGUE = """
import os, resource, signal, threading, time
import numpy as np
from parzen import _core
SMALL = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
LARGE = np.random.default_rng(1).standard_normal((40_000, 64)).astype(np.float32)
def compute(x=SMALL, **options):
    sums = _core.kernel_sum(x, x, _core.Gaussian([1.0]), **options)
    return sums[0].tobytes(), _core.nearest(x, None, 3).tobytes() if x is SMALL else b""
def child(work):
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(30)  # a child that hangs is ended
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)
def ended_well(pid):
    assert os.waitpid(pid, 0)[1] == 0
"""


@EACH
def test_ctrl_c_in_the_middle(name, sigint):
    expected = bits(name)
    started = threading.Event()
    sender = send_sigint_after(started)
    begun = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        forever(name, lambda _: started.set())
    sender.join()
    assert time.perf_counter() - begun < 10.0
    for _ in range(3):
        assert bits(name) == expected


def test_ctrl_c_in_lapack_comes_out_after_it(sigint):
    sigma = np.cov(LARGE[:2000].T)
    expected = _core.psd_sqrt(sigma)[0]
    started = threading.Event()
    sender = send_sigint_after(started)

    def work():
        started.set()
        while True:
            _core.psd_sqrt(sigma)

    with pytest.raises(KeyboardInterrupt):
        work()
    sender.join()
    np.testing.assert_array_equal(_core.psd_sqrt(sigma)[0], expected)


def test_ctrl_c_reaches_a_call_that_waits_for_another_threads(sigint):
    expected = bits("nearest")
    started, enough = threading.Event(), threading.Event()

    def hold(_):
        started.set()
        if enough.is_set():
            raise InterruptedError

    def work():
        # One call of the engine that lasts: a kernel of 2000 bandwidths.
        with pytest.raises(InterruptedError):
            _core.kernel_sum(LARGE, LARGE, _core.Gaussian([1.0] * 2000), progress=hold)

    other = threading.Thread(target=work)
    other.start()
    sender = send_sigint_after(started)
    started.wait()
    try:
        with pytest.raises(KeyboardInterrupt):
            _core.nearest(LARGE, None, 3)
    finally:
        assert other.is_alive()
        enough.set()
        other.join()
        sender.join()
    assert bits("nearest") == expected


@EACH
@pytest.mark.parametrize("error", [RuntimeError("enough"), SystemExit(3)])
def test_what_a_callback_raises_comes_out(name, error):
    expected = bits(name)

    def fail(_):
        raise error

    with pytest.raises(type(error)) as caught:
        forever(name, fail)
    assert caught.value is error
    assert bits(name) == expected


@EACH
def test_a_callback_may_not_call_back(name):
    expected = bits(name)

    def reenter(_):
        bits(name)

    with pytest.raises(RuntimeError, match="called back into parzen"):
        forever(name, reenter)
    assert bits(name) == expected


def test_a_signal_handler_may_not_call_back():
    code = """
def handler(*_):
    compute()
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    while True:
        compute(LARGE)
except RuntimeError as error:
    assert "called back into parzen" in str(error), error
"""
    run(code)


def test_many_threads_at_once():
    expected = {name: bits(name) for name in REDUCTIONS}
    before = _core.get_num_threads()
    wrong = []

    def work(first):
        names = list(REDUCTIONS)
        for i in range(3 * len(names)):
            name = names[(first + i) % len(names)]
            if i % 4 == 3:
                _core.set_num_threads(1 + (first + i) % 5)  # the others are in the middle of it
            if bits(name) != expected[name]:
                wrong.append(name)

    workers = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    _core.set_num_threads(before)
    assert not wrong


def test_a_thread_that_computes_does_not_keep_the_process():
    code = """
def work(operation):
    while True:
        operation()
sigma = np.cov(LARGE[:1000].T)
for operation in (lambda: compute(LARGE), compute, lambda: _core.psd_sqrt(sigma)):
    threading.Thread(target=work, args=(operation,), daemon=True).start()
time.sleep(0.3)
"""
    for _ in range(3):
        run(code, timeout=60)


@FORKS
def test_children_and_their_children_compute():
    code = """
expected = compute()
def grandchild():
    assert compute() == expected
def work():
    assert compute() == expected
    _core.set_num_threads(3)
    assert compute() == expected
    ended_well(child(grandchild))
    assert compute() == expected
pids = [child(work) for _ in range(3)]
assert compute() == expected
for pid in pids:
    ended_well(pid)
assert compute() == expected
"""
    run(code)


@FORKS
def test_a_fork_while_other_threads_compute():
    code = """
expected = compute()
stop = False
def report(_):
    if stop:
        raise InterruptedError
def busy(x):
    try:
        while True:
            compute(x, progress=report)
    except InterruptedError:
        pass
threads = [threading.Thread(target=busy, args=(x,)) for x in (SMALL, LARGE)]
for thread in threads:
    thread.start()
def work():
    for _ in range(3):
        assert compute() == expected
for _ in range(10):
    time.sleep(0.02)
    ended_well(child(work))
stop = True
for thread in threads:
    thread.join()
assert compute() == expected
"""
    run(code)


@FORKS
def test_a_fork_inside_a_callback():
    code = """
expected = compute()
parent = os.getpid()
pids = []
def fork(_):
    if os.getpid() == parent and not pids:
        pids.append(os.fork())
        if pids[0] == 0:
            signal.alarm(30)
            assert compute() == expected  # the child is not in the middle of anything of its own
try:
    sums = compute(LARGE[:20_000], progress=fork)
except RuntimeError as error:  # but what its parent had begun, it cannot finish
    ok = os.getpid() != parent and "only the parent" in str(error) and compute() == expected
    os._exit(0 if ok else 1)
if os.getpid() != parent:
    os._exit(2)
ended_well(pids[0])
assert sums == compute(LARGE[:20_000])
"""
    run(code)


@FORKS
def test_a_pool_of_forked_processes():
    code = """
import multiprocessing
expected = compute()
with multiprocessing.get_context("fork").Pool(3) as pool:
    assert pool.map(compute, [SMALL] * 6, chunksize=1)[0][0] == expected[0]
"""
    run(code)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
@pytest.mark.unsanitized
def test_threads_that_cannot_be_started():
    # 1024 stacks do not fit the address space that is left; those that did are ended again.
    code = """
expected = compute()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, -1))
_core.set_num_threads(1024)
for _ in range(2):
    try:
        compute()
        assert False
    except (RuntimeError, MemoryError) as error:
        assert "of 1024 threads could be started" in str(error), error
_core.set_num_threads(2)
assert compute() == expected
"""
    run(code)
