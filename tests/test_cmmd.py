"""CMMD against its formula; its standard error; what it does not depend on."""

import dataclasses

import numpy as np
import pytest

import parzen
import reference


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "m", "d"), [(1, 1, 3), (40, 25, 16), (120, 130, 300)])
def test_follows_the_formula(dtype, n, m, d, rng):
    real = (rng.normal(size=(n, d)) + 0.3).astype(dtype)
    fake = (rng.normal(size=(m, d)) * 1.2).astype(dtype)
    # Always float64: 1e-13 of the mean kernel, which is nearly 1, times 1000.
    assert parzen.cmmd(real, fake) == pytest.approx(reference.cmmd(real, fake), abs=1e-10)


def test_two_points_by_hand():
    # Orthogonal directions: squared distance 2, k = exp(-2 / 200).
    assert parzen.cmmd([[3.0, 0.0]], [[0.0, 0.1]]) == pytest.approx(
        -2000.0 * np.expm1(-0.01), rel=1e-11
    )


@pytest.mark.filterwarnings("ignore::parzen.CopiedSampleWarning")
def test_lengths_and_copies_change_nothing(rng):
    real, fake = rng.normal(size=(2, 30, 8))
    value = parzen.cmmd(real, fake)
    scales = 10.0 ** rng.uniform(-150, 150, size=(30, 1))
    assert parzen.cmmd(scales * real, fake) == pytest.approx(value, abs=1e-10)
    assert parzen.cmmd(np.repeat(real, 3, axis=0), fake) == pytest.approx(value, abs=1e-10)
    assert parzen.cmmd(real, real) == pytest.approx(0.0, abs=1e-10)
    assert parzen.cmmd(fake, real) == pytest.approx(value, abs=1e-10)


def test_the_standard_error_is_the_spread(rng):
    values = [
        parzen.cmmd(rng.normal(size=(60, 6)), rng.normal(size=(80, 6)) + 1) for _ in range(60)
    ]
    claimed = np.mean([value.stderr for value in values])
    assert 0.7 < claimed / np.std(values, ddof=1) < 1.4
    assert parzen.cmmd(np.eye(3), np.eye(3)).stderr is None


def test_a_protocol_settles_the_kernel(rng):
    real, fake = rng.normal(size=(2, 20, 4))
    assert parzen.cmmd(real, fake, protocol="cmmd") == parzen.cmmd(real, fake)
    rules = parzen.protocol("cmmd")
    other = dataclasses.replace(rules, cmmd=dataclasses.replace(rules.cmmd, scale=1.0))
    small = parzen.cmmd(real, fake, protocol=other)
    assert small == pytest.approx(parzen.cmmd(real, fake) / 1000, rel=1e-14)
    with pytest.raises(
        ValueError, match="cmmd: protocol 'clean-fid' has no cmmd; those of cmmd do"
    ):
        parzen.cmmd(real, fake, protocol="clean-fid")


def test_rows_of_zeros_are_refused(rng):
    real = rng.normal(size=(5, 3))
    with pytest.raises(ValueError, match=r"cmmd: fake has 1 row of zeros, the first is row 2"):
        parzen.cmmd(real, np.where(np.arange(5)[:, None] == 2, 0.0, real))
