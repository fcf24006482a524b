"""The other entry points that take features, beside ours, with the reasons of differences."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.parity_entry import PATCHED, Entry, Reason, Values
from benchmarks.parity_features import SEED, SINGULAR, exact_fid, identity, tensors, updated

FLOAT32_SCORE = "theirs: softmax and means in float32; ours: in float64"
FLOAT32_COSINES = "theirs: cosines near 1 and their means in float32; ours: in float64"
FLOAT32_EIGENVALUES = "theirs: eigenvalues of a float32 matrix; ours: of a float64 one"


def exact_mifid(x: Any, y: Any) -> Values:
    """Return the FID over the mean distance of a real sample to its nearest fake one."""
    a, b = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
    memorized = (1.0 - np.abs(a @ b.T)).min(axis=1).mean()
    return {"mifid": exact_fid(x, y)["fid"] / (memorized if memorized < 0.1 else 1.0)}


def other_entries() -> list[Entry]:
    import prdc
    import torch
    import torch_fidelity.metric_isc
    import torch_fidelity.metric_prc
    import torchmetrics.image.inception
    import torchmetrics.image.mifid
    import vendi_score.vendi

    import parzen.torchmetrics
    from parzen.compat import prdc as our_prdc
    from parzen.compat import torch_fidelity as our_fidelity
    from parzen.compat import vendi_score as our_vendi

    def fidelity_score(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            found = module.isc_features_to_metric(*tensors(8.0 * x))
            return {"mean": found["inception_score_mean"], "std": found["inception_score_std"]}

        return run

    def score_of(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            metric = module.InceptionScore(feature=identity(x.shape[1]))
            metric.update(*tensors(8.0 * x))
            torch.manual_seed(SEED)
            return dict(zip(("mean", "std"), (v.item() for v in metric.compute()), strict=True))

        return run

    def native_score(protocol: str) -> Any:
        def run(x: Any, y: Any) -> Values:
            found = parzen.inception_score(8.0 * x, protocol=protocol, seed=SEED)
            return {"mean": found.mean, "std": found.std}

        return run

    def fidelity_prc(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            found = module.prc_features_to_metric(*tensors(y, x), verbose=False)
            return {name: found[name] for name in ("precision", "recall", "f_score")}

        return run

    def native_prc(x: Any, y: Any) -> Values:
        precision, recall, *_ = parzen.precision_recall(x, y, protocol="torch-fidelity")
        f_score = 2.0 * precision * recall / max(1e-5, precision + recall)
        return {"precision": precision, "recall": recall, "f_score": f_score}

    def mifid_of(module: Any) -> Any:
        def run(x: Any, y: Any) -> Values:
            kind = module.MemorizationInformedFrechetInceptionDistance
            return {"mifid": updated(kind(feature=identity(x.shape[1])), x, y).compute().item()}

        return run

    vendi = vendi_score.vendi
    singular = Reason("*rank deficient*", 1e-4, SINGULAR)
    return [
        Entry(
            "torch-fidelity",
            "isc_features_to_metric",
            fidelity_score(torch_fidelity.metric_isc),
            {
                "parzen.compat.torch_fidelity": fidelity_score(our_fidelity),
                'parzen.inception_score(protocol="torch-fidelity")': native_score("torch-fidelity"),
            },
        ),
        Entry(
            "torchmetrics",
            "InceptionScore",
            score_of(torchmetrics.image.inception),
            {
                "parzen.torchmetrics": score_of(parzen.torchmetrics),
                'parzen.inception_score(protocol="torchmetrics")': native_score("torchmetrics"),
            },
            reasons=(Reason("*float32", 1e-4, FLOAT32_SCORE),),
        ),
        Entry(
            "torch-fidelity",
            "prc_features_to_metric",
            fidelity_prc(torch_fidelity.metric_prc),
            {
                PATCHED: None,
                "parzen.compat.torch_fidelity": fidelity_prc(our_fidelity),
                'parzen.precision_recall(protocol="torch-fidelity")': native_prc,
            },
        ),
        Entry(
            "prdc",
            "compute_prdc",
            lambda x, y: prdc.compute_prdc(x, y, nearest_k=5),
            {
                PATCHED: None,
                "parzen.compat.prdc": lambda x, y: our_prdc.compute_prdc(x, y, nearest_k=5),
                'parzen.precision_recall(boundary="outside")': lambda x, y: parzen.precision_recall(
                    x, y, k=5, boundary="outside"
                )._asdict(),
            },
        ),
        Entry(
            "torchmetrics",
            "MemorizationInformedFrechetInceptionDistance",
            mifid_of(torchmetrics.image.mifid),
            {
                PATCHED: None,
                "parzen.torchmetrics": mifid_of(parzen.torchmetrics),
                "parzen.mifid": lambda x, y: {"mifid": parzen.mifid(x, y, over="real")},
            },
            exactly=exact_mifid,
            reasons=(singular, Reason("*float32", 1e-4, FLOAT32_COSINES)),
        ),
        Entry(
            "vendi-score",
            "vendi.score_X",
            lambda x, y: {"score": vendi.score_X(x)},
            {
                PATCHED: None,
                "parzen.compat.vendi_score": lambda x, y: {"score": our_vendi.score_X(x)},
                "parzen.vendi_score": lambda x, y: {"score": parzen.vendi_score(x, blocks=None)},
            },
            reasons=(Reason("*float32", 1e-4, FLOAT32_EIGENVALUES),),
        ),
        Entry(
            "vendi-score",
            "vendi.score_dual(q=2)",
            lambda x, y: {"score": vendi.score_dual(x, q=2)},
            {
                PATCHED: None,
                "parzen.compat.vendi_score": lambda x, y: {"score": our_vendi.score_dual(x, q=2)},
                "parzen.vendi_score(q=2)": lambda x, y: {
                    "score": parzen.vendi_score(x, q=2, blocks=None)
                },
            },
        ),
    ]
