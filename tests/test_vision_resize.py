"""Resizing against the formulas written out pixel by pixel, in double precision."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from parzen.vision.resize import RESIZES, SIZE, resize_images  # noqa: E402

SHAPES = [(1, 1), (3, 2), (64, 64), (400, 310), (700, 5), (299, 40), (613, 900)]


def batch(height, width, count=2):
    generator = np.random.default_rng(height * 10_000 + width)
    images = generator.integers(0, 256, (count, 3, height, width), dtype=np.uint8)
    return torch.from_numpy(images)


def linear(positions, length):
    """Matrix (299, length) of linear interpolation at the given source positions."""
    matrix = np.zeros((SIZE, length))
    for row, position in enumerate(positions):
        low = min(int(np.floor(position)), length - 1)
        high = min(low + 1, length - 1)
        matrix[row, low] += 1 - (position - low)
        matrix[row, high] += position - low
    return matrix


def tf1_matrix(length):
    return linear(np.arange(SIZE) * length / SIZE, length)


def half_pixel_matrix(length):
    return linear(np.maximum((np.arange(SIZE) + 0.5) * length / SIZE - 0.5, 0), length)


def filter_matrix(length, kernel, support):
    """Matrix of a filter that widens with the scale when it shrinks (antialiasing)."""
    scale = length / SIZE
    width = max(scale, 1)
    matrix = np.zeros((SIZE, length))
    for row in range(SIZE):
        centre = (row + 0.5) * scale
        low = max(int(centre - support * width + 0.5), 0)
        high = min(int(centre + support * width + 0.5), length)
        at = np.arange(low, high)
        values = kernel((at + 0.5 - centre) / width)
        matrix[row, at] = values / values.sum()
    return matrix


def triangle(x):
    return np.maximum(1 - np.abs(x), 0)


def cubic(x, a=-0.5):
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def bicubic_matrix(length):
    return filter_matrix(length, cubic, 2.0)


def triangle_matrix(length):
    return filter_matrix(length, triangle, 1.0)


MATRICES = {
    "tf1": tf1_matrix,
    "pil-bicubic": bicubic_matrix,
    "bilinear": half_pixel_matrix,
    "bilinear-antialias": triangle_matrix,
}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("mode", RESIZES)
def test_equals_the_formula(mode, shape):
    images = batch(*shape)
    down, across = (MATRICES[mode](length) for length in shape)
    expected = np.clip(down @ images.numpy().astype(np.float64) @ across.T, 0, 255)
    resized = resize_images(images, mode)
    assert resized.dtype == torch.float32
    assert resized.shape == (2, 3, SIZE, SIZE)
    # Positions are float32: off by up to length * 2**-23 a side, times a slope of 255 a pixel.
    np.testing.assert_allclose(
        resized.numpy(), expected, rtol=0, atol=255 * sum(shape) * 2**-23 + 1e-3
    )


@pytest.mark.parametrize("mode", RESIZES)
def test_299_is_left_as_it_is(mode):
    images = batch(SIZE, SIZE)
    resized = resize_images(images, mode)
    assert torch.equal(resized, images.float())
    assert resized.data_ptr() != images.data_ptr()


@pytest.mark.parametrize("mode", RESIZES)
def test_images_do_not_touch_each_other(mode):
    images = batch(30, 45, count=3)
    together = resize_images(images, mode)
    apart = torch.cat([resize_images(image[None], mode) for image in images])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-4)


@pytest.mark.parametrize("mode", RESIZES)
def test_layout_in_memory_does_not_matter(mode):
    images = batch(30, 45)
    strided = images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    torch.testing.assert_close(
        resize_images(strided, mode), resize_images(images, mode), rtol=0, atol=1e-4
    )


def test_bicubic_is_clipped_but_not_rounded():
    stripes = torch.zeros((1, 3, 20, 20), dtype=torch.uint8)
    stripes[..., ::2] = 255
    resized = resize_images(stripes, "pil-bicubic")
    assert resized.min() == 0
    assert resized.max() == 255
    assert (resized != resized.round()).any()


def test_tf1_repeats_source_pixels_at_whole_coordinates():
    images = batch(2 * SIZE, 2 * SIZE)
    assert torch.equal(resize_images(images, "tf1"), images[..., ::2, ::2].float())


def test_unknown_mode():
    with pytest.raises(ValueError, match=r"expected one of tf1, pil-bicubic.*got 'area'"):
        resize_images(batch(4, 4), "area")


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_torch_fidelity_and_clean_fid(shape):
    fidelity = pytest.importorskip("torch_fidelity.interpolate_compat_tensorflow")
    images = batch(*shape)
    theirs = fidelity.interpolate_bilinear_2d_like_tensorflow1x(
        images.float(), size=(SIZE, SIZE), align_corners=False
    )
    assert torch.equal(resize_images(images, "tf1"), theirs)
    clean = pytest.importorskip("cleanfid.resize").make_resizer(
        "PIL", False, "bicubic", (SIZE, SIZE)
    )
    for image, resized in zip(images, resize_images(images, "pil-bicubic"), strict=True):
        expected = clean(image.permute(1, 2, 0).numpy())
        np.testing.assert_array_equal(resized.permute(1, 2, 0).numpy(), expected)
