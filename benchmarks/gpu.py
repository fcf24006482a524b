"""What a device does: rates, times and memory, each beside its error. Run by benchmarks/gpu.sh.

Beside torch where it is installed with CUDA: its float16 matrix product gives the rate P that the
tensor cores reach here, its chunked float32 products are the peer; and beside KeOps where it is
installed. Wall-clock medians of calls that end when their result is on the host.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from device import CudaDevice  # of tests/, which gpu.sh puts on the path
from parzen import _core

Row = dict[str, Any]


def median(call: Callable[[], Any], seconds: float = 0.7) -> float:
    """The median time of a call, after two that warm up."""
    call()
    call()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 50):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def taken(call: Callable[[], Any]) -> float:
    """Megabytes of the device's memory that a call takes beside its inputs, at the most."""

    def free() -> int:
        return _core.cuda_free_bytes(0)

    before, least, over = free(), [free()], threading.Event()

    def watch() -> None:
        while not over.is_set():
            least.append(free())

    watcher = threading.Thread(target=watch)
    watcher.start()
    call()
    over.set()
    watcher.join()
    return (before - min(least)) / 2**20


def torch_on_device() -> Any:
    """Torch, or None where it has no device."""
    try:
        import torch
    except ImportError:
        return None
    return torch if torch.cuda.is_available() else None


def matrix_rate() -> float | None:
    """Floating-point operations a second of torch's float16 matrix product."""
    torch = torch_on_device()
    if torch is None:
        return None
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.float16) for _ in range(2))

    def product() -> None:
        for _ in range(10):
            a @ b
        torch.cuda.synchronize()

    return 10 * 2 * 8192**3 / median(product, 1.0)


def exact_rows(x: Any, y: Any, rows: Any, name: str) -> Any:
    """Sums of the kernel over y for some rows of x, in float64."""
    x64, y64 = x[rows].astype(np.float64), y.astype(np.float64)
    d = x.shape[1]
    if name == "polynomial":
        return ((x64 @ y64.T / d + 1.0) ** 3).sum(axis=1)
    squared = np.square(x64).sum(1)[:, None] + np.square(y64).sum(1) - 2.0 * x64 @ y64.T
    return np.exp(-squared / (2.0 * d)).sum(axis=1)


def torch_sums(x: Any, y: Any, name: str) -> Callable[[], Any] | None:
    """Row sums of the kernel by chunks of torch's float32 products."""
    torch = torch_on_device()
    if torch is None:
        return None
    p, q = (torch.from_numpy(z).cuda() for z in (x, y))
    d, step = x.shape[1], 8192

    def part(u: Any, v: Any) -> Any:
        if name == "polynomial":
            return (u @ v.T / d + 1.0).pow(3)
        squared = (u * u).sum(1)[:, None] + (v * v).sum(1) - 2.0 * (u @ v.T)
        return torch.exp(squared / (-2.0 * d))

    def rows() -> Any:
        found = [
            sum(part(u, v).sum(1, dtype=torch.float64) for v in q.split(step))
            for u in p.split(step)
        ]
        return torch.cat(found).cpu().numpy()

    return rows


def keops_sums(x: Any, y: Any, name: str) -> Callable[[], Any] | None:
    """Row sums of the kernel by KeOps, float32 summed in blocks."""
    torch = torch_on_device()
    try:
        from pykeops.torch import LazyTensor
    except ImportError:
        return None
    if torch is None:
        return None
    d = x.shape[1]
    p, q = torch.from_numpy(x).cuda()[:, None, :], torch.from_numpy(y).cuda()[None, :, :]

    def rows() -> Any:
        u, v = LazyTensor(p), LazyTensor(q)
        if name == "polynomial":
            kernel = ((u | v) / d + 1.0) ** 3
        else:
            kernel = (-((u - v) ** 2).sum(-1) / (2.0 * d)).exp()
        return kernel.sum(dim=1).cpu().numpy()[:, 0]

    return rows


def sums(device: CudaDevice, rate: float | None) -> list[Row]:
    rng, found = np.random.default_rng(0), []
    for d, n in ((2, 131_072), (16, 131_072), (64, 131_072), (512, 65_536), (2048, 32_768)):
        x, y = rng.standard_normal((2, n, d), dtype=np.float32)
        some = rng.choice(n, 50, replace=False)
        for name, kernel in (
            ("polynomial", _core.Polynomial(3, 1.0 / d, 1.0)),
            ("gaussian", _core.Gaussian([d**0.5])),
        ):
            contestants: dict[str, Callable[[], Any] | None] = {}
            for precision in ("full", "mma", "fast", "plain"):
                if precision == "plain" and d > 64:  # a minute of multiply-adds
                    continue
                a, b = (device.matrix(z, precision=precision) for z in (x, y))
                contestants[precision] = lambda a=a, b=b, k=kernel: _core.kernel_sum(a, b, k)[0]
            contestants["torch"] = torch_sums(x, y, name)
            contestants["KeOps"] = keops_sums(x, y, name) if d <= 64 else None
            exact = exact_rows(x, y, some, name)
            for who, call in contestants.items():
                if call is None:
                    continue
                seconds = median(call, 0.3)
                row: Row = {
                    "work": f"{name} sum, d = {d}, {who}",
                    "seconds": seconds,
                    "pairs_per_second": n * n / seconds,
                    "operations_per_second": 2.0 * d * n * n / seconds,
                    "error": float(np.abs(call()[some] / exact - 1.0).max()),
                }
                if rate:
                    row["of_a_third_of_P"] = row["operations_per_second"] / (rate / 3.0)
                found.append(row)
            device.release()
    return found


def densities(device: CudaDevice) -> list[Row]:
    rng, found = np.random.default_rng(1), []
    for d in (2, 8, 16, 64):
        x = rng.standard_normal((500_000, d), dtype=np.float32)
        q = rng.standard_normal((50_000, d), dtype=np.float32)
        a, b, h = device.matrix(x), device.matrix(q), 0.5 * d**0.5
        seconds = median(lambda a=a, b=b, h=h: _core.log_density(a, b, [h]))
        ours = _core.log_density(a, b, [h])[0][:20]
        squared = np.stack([np.square(x.astype(np.float64) - row).sum(axis=1) for row in q[:20]])
        top = squared.min(axis=1, keepdims=True)
        exact = np.log(np.exp((top - squared) / (2 * h * h)).sum(axis=1)) - top[:, 0] / (2 * h * h)
        error = np.abs(ours - exact) / np.maximum(1.0, np.abs(exact))
        found.append(
            {
                "work": f"log density, d = {d}",
                "seconds": seconds,
                "pairs_per_second": len(x) * len(q) / seconds,
                "error": float(error.max()),
            }
        )
        device.release()
    return found


def kid(device: CudaDevice) -> list[Row]:
    """All pairs of 50,000 and 50,000 samples: two triangles and a rectangle."""
    n, d = 50_000, 2048
    x, y = np.random.default_rng(2).standard_normal((2, n, d), dtype=np.float32)
    a, b, kernel = device.matrix(x), device.matrix(y), _core.Polynomial(3, 1.0 / d, 1.0)

    def ours() -> list[float]:
        pairs = ((a, None), (b, None), (a, b))
        return [float(_core.kernel_sum(p, q, kernel)[0].sum()) for p, q in pairs]

    found = [
        {
            "work": "KID, all pairs, n = 50,000, d = 2048",
            "seconds": median(ours, 2.0),
            "megabytes": taken(ours),
        }
    ]
    peer = chunked_kid(x, y)
    if peer:
        found[0]["times_torch"] = peer["seconds"] / found[0]["seconds"]
        total = sum(ours())
        found[0]["difference_from_torch"] = abs(total - peer.pop("total")) / total
        found.append(peer)
    device.release()
    return found


def chunked_kid(x: Any, y: Any) -> Row | None:
    torch = torch_on_device()
    if torch is None:
        return None
    p, q = (torch.from_numpy(z).cuda() for z in (x, y))
    step, d = 8192, x.shape[1]

    def total(s: Any, t: Any) -> Any:
        sums = [
            ((u @ v.T / d + 1.0) ** 3).sum(dtype=torch.float64)
            for u in s.split(step)
            for v in t.split(step)
        ]
        return torch.stack(sums).sum()

    def peer() -> float:
        own = sum(total(z, z) - ((z * z).sum(1) / d + 1.0).pow(3).double().sum() for z in (p, q))
        return float(own + total(p, q))

    return {"work": "the same, chunked torch, float32", "seconds": median(peer), "total": peer()}


def moments(device: CudaDevice) -> list[Row]:
    n, d = 1_000_000, 64
    x, y = np.random.default_rng(3).standard_normal((2, n, d), dtype=np.float32)
    a, b, kernel = device.matrix(x), device.matrix(y), _core.Polynomial(3, 1.0 / d, 1.0)
    found = []
    cpu = _core.moment_norms(x, y, kernel)
    ours = _core.moment_norms(a, b, kernel)
    found.append(
        {
            "work": "KID by moments, n = 1,000,000, d = 64",
            "seconds": median(lambda: _core.moment_norms(a, b, kernel)),
            "megabytes": taken(lambda: _core.moment_norms(a, b, kernel)),
            "error": abs(ours[0] - cpu[0]) / cpu[1],
        }
    )
    device.release()
    return found


def show(row: Row) -> str:
    known = {
        "seconds": "{:.4f} s",
        "pairs_per_second": "{:.3g} pairs/s",
        "of_a_third_of_P": "{:.2f} of P/3",
        "megabytes": "{:.0f} MB",
        "times_torch": "{:.1f} x torch",
        "error": "error {:.1e}",
        "difference_from_torch": "differs {:.1e}",
    }
    parts = [text.format(row[key]) for key, text in known.items() if key in row]
    return f"{row['work']:<44} {'  '.join(parts)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    path = parser.parse_args().json
    info = _core.cuda_info()
    if not info["devices"]:
        raise SystemExit(f"no device: {info['missing'] or info['unusable']}")
    device, rate = CudaDevice(), matrix_rate()
    facts: Row = {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "device": info["devices"][0]["name"],
        "cuda": {key: info[key] for key in ("architectures", "runtime", "driver")},
        "float16_matrix_product": rate,
        "results": [],
    }
    print(
        f"{facts['device']}, P = {rate / 1e12:.0f} TF/s"
        if rate
        else f"{facts['device']}, P unknown"
    )
    for part in (kid, densities, moments, lambda d: sums(d, rate)):
        for row in part(device):
            print(show(row), flush=True)
            facts["results"].append(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
