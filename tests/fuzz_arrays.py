"""Arrays of every kind, and what may come of a call with them: for test_fuzz*.py.

Shapes (none too), strides, types, NaN, infinities, huge and denormal values: either an error that
names the argument, or an answer of the right shape, finite, near the reference where that has one.
Nothing crashes, no input changes.
"""

import tempfile
import warnings

import numpy as np
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

import parzen

TINY = np.finfo(np.float64).smallest_subnormal
PALETTES = {
    "moderate": [0.0, -1.5, 0.25, 3.0, 16.0],
    "equal": [2.0],
    "far": [1e6, 1e6 + 1.0, 1e6 - 0.5],
    "huge": [1e38, -3e38, 1e19, 1.0],
    "beyond": [1e308, -1e308, 1e200, 1e160],
    "small": [1e-30, -1e-38, 1e-44, 0.0],
    "denormal": [TINY, -TINY, 1e-310, 1e-200, 0.0],
    "not finite": [np.nan, np.inf, -np.inf, 1.0],
    "mixed": [1e-300, 1e30, 1.0, -0.0, 1e-8],
}
FLOATS = ["f4", "f8"]
READABLE = ["f2", "i1", "i8", "u4", ">f4", ">f8", ">i2", "g"]
OTHERS = ["c8", "c16", "?", "O", "U3", "S3", "M8[s]", "m8[s]", [("a", "f4"), ("b", "f4")], "V4"]


def memory_map(a):
    if a.size == 0 or a.dtype.hasobject:
        return a
    with tempfile.NamedTemporaryFile() as file:
        mapped = np.memmap(file.name, a.dtype, "w+", shape=a.shape)
    mapped[...] = a
    return mapped


def misaligned(a):
    if a.dtype.hasobject:
        return a
    raw = np.zeros(a.nbytes + 1, np.uint8)[1:]
    copy = np.ndarray(a.shape, a.dtype, raw.data)
    copy[...] = a
    return copy


def spread(a, step):
    """Return the values of `a` as every other one of a larger array."""
    wide = np.zeros(tuple(n * abs(s) for n, s in zip(a.shape, step, strict=True)), a.dtype)
    view = wide[tuple(slice(None, None, s) for s in step)]
    view[...] = a
    return view


def read_only(a):
    a.flags.writeable = False
    return a


LAYOUTS = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "transposed": lambda a: a.T,
    "rows backwards": lambda a: a[::-1],
    "columns backwards": lambda a: a[:, ::-1],
    "every other row": lambda a: spread(a, (2, 1)),
    "every other column": lambda a: spread(a, (1, 3)),
    "one row repeated": lambda a: np.broadcast_to(a[:1], a.shape) if len(a) else a,
    "one column repeated": lambda a: np.broadcast_to(a[:, :1], a.shape) if a.shape[1] else a,
    "overlapping rows": lambda a: (
        as_strided(a, (a.shape[0], 1), (a.itemsize, a.itemsize)) if a.size else a
    ),
    "misaligned": misaligned,
    "read-only": read_only,
    "memory map": memory_map,
    "matrix": lambda a: a.view(np.matrix) if a.dtype.fields is None else a,
}
AS_THEY_ARE = ("C", "every other row", "one row repeated", "read-only", "memory map")


def mostly(usual, odd):
    """Draw what is accepted far more often than what is refused, or answers would be rare."""
    return st.integers(0, 9).flatmap(lambda roll: odd if roll == 9 else usual)


def number_of(least, usual, most):
    return mostly(st.integers(max(least, 3), usual), st.integers(least, most))


@st.composite
def arrays(draw, dtypes, layouts=tuple(LAYOUTS), least=0, shape=None):
    """Draw an array (n, d) from a palette of values; Hypothesis shrinks the recipe."""
    dtype = np.dtype(draw(mostly(st.sampled_from(FLOATS), st.sampled_from(dtypes))))
    if shape is None:
        shape = draw(number_of(least, 12, 70)), draw(number_of(min(least, 1), 9, 300))
    palette = PALETTES[draw(st.one_of(st.just("moderate"), st.sampled_from(list(PALETTES))))]
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = random.choice(palette, shape)
    scattered = draw(st.booleans())
    with warnings.catch_warnings():  # values that the type does not hold become what they become
        warnings.simplefilter("ignore")
        if scattered:
            values = values * random.standard_normal(shape)
        if dtype.fields is not None or dtype.kind == "V":
            values = np.zeros(shape, dtype)
        else:
            values = np.array(values if dtype.kind not in "mM" else np.zeros(shape, int), dtype)
    layout = draw(mostly(st.sampled_from(AS_THEY_ARE), st.sampled_from(layouts)))
    return LAYOUTS[layout](values)


@st.composite
def pairs(draw, dtypes, layouts=tuple(LAYOUTS), least=0):
    """Two arrays, mostly of one width and one type."""
    x = draw(arrays(dtypes, layouts, least))
    strangers = draw(mostly(st.just(False), st.just(True)))
    shape = None if strangers else (draw(number_of(least, 12, 40)), x.shape[1])
    y = draw(arrays(dtypes, layouts, least, shape=shape))
    if strangers or y.dtype.kind != "f" or x.dtype.kind != "f":
        return x, y
    with np.errstate(over="ignore"):
        return x, y if y.dtype == x.dtype else y.astype(x.dtype, order="C")


ODD = [1e-3, 1e3, 1e-20, 1e20, 1e-160, 1e160, 1e-300, 1e308, TINY, 0.0, -1.0, np.nan, np.inf]
NUMBERS = mostly(st.sampled_from([1.0, 2.0, 0.5]), st.sampled_from(ODD))
SEVERAL = mostly(st.lists(NUMBERS, min_size=1, max_size=3), st.just([]))
DEGREES = mostly(st.integers(1, 4), st.sampled_from([7, 50, 2**31 - 1, 0, -1]))


def snapshot(arguments):
    return [np.asarray(a).tobytes() for a in arguments if not np.asarray(a).dtype.hasobject]


def check_message(error, names):
    if not any(name in str(error) for name in names):
        raise AssertionError(f"this error names no argument: {error}") from error


def outcome(call, arguments, names, errors=(TypeError, ValueError)):
    """Return call(*arguments), or None where it raised an error that names an argument."""
    before = snapshot(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", parzen.SmallSampleWarning)
            warnings.simplefilter("ignore", parzen.IndefiniteWarning)
            warnings.simplefilter("ignore", parzen.CopiedSampleWarning)
            return call(*arguments)
    except errors as error:
        check_message(error, names)
        return None
    finally:
        assert snapshot(arguments) == before


def assert_finite(*values):
    for value in values:
        assert value is None or np.isfinite(value).all()


PUBLIC = pairs([*READABLE, *OTHERS])
