"""Every kind of source and of image file, and what is said of those that are none."""

import os
import pickle
import struct
import zipfile
import zlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from parzen.vision.decode import BrokenImage, decode_file, rgb_from_item  # noqa: E402
from parzen.vision.images import open_source  # noqa: E402
from parzen.vision.loading import load_batches  # noqa: E402

RANDOM = np.random.default_rng(0)
RGB = RANDOM.integers(0, 256, (6, 5, 3), dtype=np.uint8)
GREY = RGB[:, :, 0]


def save(path, array, mode=None, **options):
    Image.fromarray(array).convert(mode).save(path, **options)
    return path


def write_png16(path, values):
    """Write a 16-bit PNG, greyscale (h, w) or colour (h, w, 3), which Pillow itself cannot do."""
    height, width = values.shape[:2]
    colour = 2 if values.ndim == 3 else 0
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return path


def everything(source, batch_size=4, workers=0):
    """Images of a source in order, and the messages of the broken ones."""
    images, broken = [], []
    for batch in load_batches(open_source(source), batch_size, workers):
        found = {}
        for places, group in batch.groups:
            found.update(zip(places, group, strict=True))
        assert sorted(found) == list(range(batch.size - len(batch.broken)))
        images.extend(found[place] for place in sorted(found))
        assert all(0 <= place < batch.size for place, _ in batch.broken)
        broken.extend(reason for _, reason in batch.broken)
    return images, broken


# Modes


def test_rgb(tmp_path):
    np.testing.assert_array_equal(decode_file(str(save(tmp_path / "a.png", RGB))), RGB)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_is_repeated(tmp_path, mode):
    decoded = decode_file(str(save(tmp_path / "a.png", GREY, mode)))
    np.testing.assert_array_equal(decoded, np.repeat(GREY[:, :, None], 3, 2))


def test_one_bit(tmp_path):
    bits = np.array([[0, 255, 0], [255, 0, 255]], dtype=np.uint8)
    decoded = decode_file(str(save(tmp_path / "a.png", bits, "1")))
    np.testing.assert_array_equal(decoded[:, :, 2], bits)


def test_alpha_is_dropped(tmp_path):
    alpha = RANDOM.integers(0, 256, (6, 5, 1), dtype=np.uint8)
    path = save(tmp_path / "a.png", np.concatenate([RGB, alpha], axis=2))
    np.testing.assert_array_equal(decode_file(str(path)), RGB)


@pytest.mark.parametrize("transparent", [False, True])
def test_palette(tmp_path, transparent):
    indices = Image.fromarray((np.arange(30) % 4).astype(np.uint8).reshape(6, 5), "P")
    colours = np.array([[1, 2, 3], [40, 50, 60], [7, 80, 9], [200, 210, 220]], dtype=np.uint8)
    indices.putpalette(colours.tobytes())
    options = {"transparency": bytes([0, 128, 255, 3])} if transparent else {}
    indices.save(tmp_path / "a.png", **options)
    expected = colours[(np.arange(30) % 4).reshape(6, 5)]
    np.testing.assert_array_equal(decode_file(str(tmp_path / "a.png")), expected)


def test_cmyk(tmp_path):
    path = save(tmp_path / "a.tif", RGB, "CMYK")
    np.testing.assert_array_equal(decode_file(str(path)), RGB)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bit_grey_is_scaled(tmp_path, suffix):
    values = np.array([[0, 128, 129, 257], [32768, 65535, 65406, 65407]], dtype=np.uint16)
    path = tmp_path / f"a.{suffix}"
    if suffix == "png":
        write_png16(path, values)
    else:
        Image.fromarray(values).save(path)
    expected = np.round(values / 257).astype(np.uint8)
    assert expected.max() == 255
    np.testing.assert_array_equal(decode_file(str(path))[:, :, 1], expected)


def test_16_bit_colour_is_scaled(tmp_path):
    values = RANDOM.integers(0, 65536, (4, 7, 3)).astype(np.uint16)
    decoded = decode_file(str(write_png16(tmp_path / "a.png", values)))
    assert np.abs(decoded - values / 257).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.png", RGB, exif=exif)
    turned = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1),
        7: RGB[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(RGB),
    }
    np.testing.assert_array_equal(decode_file(str(path)), turned[orientation])


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_pixels_of_no_known_range_are_refused(tmp_path, dtype):
    path = tmp_path / "a.tif"
    Image.fromarray(GREY.astype(dtype)).save(path)
    with pytest.raises(ValueError, match="no known range"):
        decode_file(str(path))


# Folders and zips


@pytest.fixture
def folder(tmp_path):
    """Seven images of three sizes in nested folders, among other files, with a link that loops."""
    root = tmp_path / "images"
    (root / "b" / "deep").mkdir(parents=True)
    sizes = [(6, 5), (8, 8), (6, 5), (6, 5), (3, 9), (8, 8), (6, 5)]
    names = ["a.png", "b/1.PNG", "b/2.png", "b/deep/x.bmp", "c.png", "d.webp", "z.tiff"]
    for number, (name, size) in enumerate(zip(names, sizes, strict=True)):
        array = np.full((*size, 3), number * 10, dtype=np.uint8)
        options = {"lossless": True} if name.endswith("webp") else {}
        Image.fromarray(array).save(root / name, **options)
    (root / "notes.txt").write_text("no image")
    (root / "._a.png").write_bytes(b"left by a Mac")
    (root / "b" / "deep" / "again").symlink_to(root, target_is_directory=True)
    return root


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_folder_is_read_recursively_and_in_order(folder, batch_size):
    images, broken = everything(folder, batch_size)
    assert [int(image[0, 0, 0]) for image in images] == [0, 10, 20, 30, 40, 50, 60]
    assert [image.shape[:2] for image in images[3:6]] == [(6, 5), (3, 9), (8, 8)]
    assert broken == []


def test_batches_of_mixed_sizes_are_grouped(folder):
    first, last = load_batches(open_source(folder), 5, 0)
    assert (first.size, last.size) == (5, 2)
    assert [places for places, _ in first.groups] == [[0, 2, 3], [1], [4]]
    assert [group.shape for _, group in first.groups] == [(3, 6, 5, 3), (1, 8, 8, 3), (1, 3, 9, 3)]


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            if file.is_file() and "again" not in file.parts:
                archive.write(file, file.relative_to(folder))
        archive.writestr("__MACOSX/a.png", b"left by a Mac")
    return path


def test_zip_is_read_like_the_folder(folder, tmp_path):
    expected, _ = everything(folder)
    images, broken = everything(zipped(folder, tmp_path / "images.zip"))
    assert broken == []
    for image, other in zip(images, expected, strict=True):
        np.testing.assert_array_equal(image, other)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_workers_change_nothing(folder, tmp_path, kind):
    (folder / "b" / "broken.png").write_bytes(b"no image")
    source = folder if kind == "folder" else zipped(folder, tmp_path / "images.zip")
    expected, expected_broken = everything(source, 2, workers=0)
    images, broken = everything(source, 2, workers=2)
    assert broken == expected_broken
    assert len(broken) == 1
    for image, other in zip(images, expected, strict=True):
        np.testing.assert_array_equal(image, other)


def test_sources_can_be_sent_to_spawned_workers(folder, tmp_path):
    for source in (folder, zipped(folder, tmp_path / "images.zip"), np.stack([RGB] * 3), [RGB]):
        opened = open_source(source)
        opened.load(0)
        sent = pickle.loads(pickle.dumps(opened))
        np.testing.assert_array_equal(sent.load(len(sent) - 1), opened.load(len(opened) - 1))


def test_list_of_paths(folder):
    images, _ = everything([folder / "z.tiff", str(folder / "a.png")])
    assert [int(image[0, 0, 0]) for image in images] == [60, 0]


@pytest.mark.parametrize("damage", ["text", "truncated", "empty", "dangling"])
def test_broken_file_is_named(folder, damage):
    path = folder / "c.png"
    whole = save(path, RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)).read_bytes()
    path.unlink()
    if damage == "dangling":
        path.symlink_to(folder / "nowhere.png")
    else:
        path.write_bytes(
            {"text": b"not an image", "truncated": whole[: len(whole) // 2], "empty": b""}[damage]
        )
    images, broken = everything(folder)
    assert len(images) == 6
    assert len(broken) == 1
    assert broken[0].startswith(f"{path}: ")


def test_broken_member_of_a_zip_is_named(tmp_path):
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner/a.png", b"not an image")
    assert everything(path)[1][0].startswith(f"{path}/inner/a.png: ")


class Dies(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        os._exit(3)


def test_death_of_a_worker_is_an_error():
    with pytest.raises(RuntimeError, match=r"a process that decodes images died.*workers=0"):
        everything(Dies(), 2, workers=1)


def test_empty_folder(tmp_path):
    with pytest.raises(ValueError, match=r"no images in .*nothing"):
        open_source(tmp_path)
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ValueError, match=r"1 other files, such as a\.txt.*\.png"):
        open_source(tmp_path)


def test_paths_that_are_no_source(tmp_path):
    with pytest.raises(ValueError, match=r"source: no file or folder .*absent"):
        open_source(tmp_path / "absent")
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(ValueError, match=r"expected a folder, \.zip, \.npy or \.npz, got .*a\.csv"):
        open_source(str(tmp_path / "a.csv"))
    with pytest.raises(ValueError, match="pass its folder"):
        open_source(save(tmp_path / "a.png", RGB))
    for name in ("a.zip", "a.npz", "a.npy"):
        (tmp_path / name).write_bytes(b"rubbish")
        with pytest.raises(ValueError, match=name):
            open_source(tmp_path / name)


# Arrays


@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
@pytest.mark.parametrize("first", [True, False], ids=["nchw", "nhwc"])
def test_array_layouts(wrap, first):
    images = RANDOM.integers(0, 256, (5, 7, 4, 3), dtype=np.uint8)
    found, _ = everything(wrap(np.moveaxis(images, 3, 1).copy() if first else images), 2)
    np.testing.assert_array_equal(np.stack(found), images)


def test_layout_that_could_be_either_follows_the_library():
    images = RANDOM.integers(0, 256, (2, 3, 5, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.stack(everything(images)[0]), images)
    as_torch = np.stack(everything(torch.from_numpy(images))[0])
    np.testing.assert_array_equal(as_torch, np.moveaxis(images, 1, 3))


@pytest.mark.parametrize("shape", [(4, 1, 6, 5), (4, 6, 5, 1), (4, 6, 5)], ids=str)
def test_grey_arrays(shape):
    images = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    expected = np.repeat(images.reshape(4, 6, 5, 1), 3, axis=3)
    np.testing.assert_array_equal(np.stack(everything(images)[0]), expected)


def test_array_files(tmp_path):
    images = RANDOM.integers(0, 256, (3, 6, 5, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", images)
    np.savez(tmp_path / "one.npz", anything=images)
    np.savez(tmp_path / "several.npz", arr_0=images, mu=np.zeros(4), sigma=np.eye(4))
    for name in ("a.npy", "one.npz", "several.npz"):
        np.testing.assert_array_equal(np.stack(everything(tmp_path / name)[0]), images)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_features_come_back_as_they_are(tmp_path, dtype):
    features = RANDOM.normal(size=(5, 8)).astype(dtype)
    np.save(tmp_path / "a.npy", features)
    np.savez(tmp_path / "a.npz", features=features)
    for source in (features, torch.from_numpy(features), tmp_path / "a.npy", tmp_path / "a.npz"):
        found = open_source(source)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, features)


def test_npz_that_does_not_say_what_to_take(tmp_path):
    np.savez(tmp_path / "a.npz", mu=np.zeros(3), sigma=np.eye(3))
    with pytest.raises(ValueError, match="holds mu, sigma; expected an array of images"):
        open_source(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", one=np.eye(3), two=np.eye(3))
    with pytest.raises(ValueError, match="holds one, two; expected one array, or one named"):
        open_source(tmp_path / "b.npz")


def test_pickled_arrays_are_not_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a\.npy cannot be read"):
        open_source(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.zeros((2, 3, 4, 4), np.float32), TypeError, r"got float32; .*\(x \* 255\).round\(\)"),
        (np.zeros((2, 4, 4, 3), np.uint16), TypeError, r"got uint16; .*x // 257"),
        (np.zeros((2, 4, 4, 3), bool), TypeError, "must be uint8, 0..255, got bool"),
        (np.zeros((2, 4), int), TypeError, "must be float, got int64"),
        (np.zeros((2, 4, 4, 4), np.uint8), ValueError, r"got \(2, 4, 4, 4\)"),
        (np.zeros((4, 4, 3), np.uint8), ValueError, r"got \(4, 4, 3\)"),
        (np.zeros((0, 4, 4, 3), np.uint8), ValueError, r"got shape \(0, 4, 4, 3\)"),
        (np.zeros((3, 0)), ValueError, r"got shape \(3, 0\)"),
        (np.float32(3), TypeError, "got float32"),
        (torch.zeros(2, 3, 4, 4), TypeError, "got float32"),
    ],
)
def test_arrays_that_are_neither(array, error, message):
    with pytest.raises(error, match=message):
        open_source(array)


# Datasets


@pytest.mark.parametrize(
    "wrap",
    [
        Image.fromarray,
        lambda image: image,
        lambda image: torch.from_numpy(image).permute(2, 0, 1),
        lambda image: (Image.fromarray(image), 7),
        lambda image: [torch.from_numpy(image), 7],
    ],
    ids=["pillow", "numpy", "torch", "labelled pillow", "labelled torch"],
)
def test_sequences_of_images(wrap):
    images = [RGB, RGB[:4], RGB[::-1].copy(), RGB[:4, :4]]
    for source in ([wrap(image) for image in images], (wrap(image) for image in images)):
        found, _ = everything(source, 3)
        for image, expected in zip(found, images, strict=True):
            np.testing.assert_array_equal(image, expected)


def test_torch_datasets():
    tensors = torch.from_numpy(np.stack([RGB] * 5)).permute(0, 3, 1, 2)
    dataset = torch.utils.data.TensorDataset(tensors, torch.arange(5))
    for workers in (0, 2):
        found, _ = everything(dataset, 2, workers)
        np.testing.assert_array_equal(np.stack(found), np.stack([RGB] * 5))


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter([RGB] * 5)


def test_iterable_dataset():
    assert len(everything(Stream(), 5)[0]) == 5
    assert len(everything(Stream(), 2, workers=2)[0]) == 5


def test_broken_item_of_a_dataset_is_numbered(tmp_path):
    (tmp_path / "a.png").write_bytes(b"not an image")

    class Files(torch.utils.data.Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return Image.open(tmp_path / "a.png") if index else RGB

    images, broken = everything(Files())
    assert len(images) == 1
    assert broken[0].startswith("source[1]: cannot identify image file")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (3, TypeError, "got int"),
        (None, TypeError, "got NoneType"),
        ({"a": RGB}, TypeError, "got dict"),
        ([], ValueError, "empty sequence"),
        (torch.utils.data.DataLoader([RGB]), TypeError, "pass its dataset"),
    ],
)
def test_objects_that_are_no_source(source, error, message):
    with pytest.raises(error, match=message):
        open_source(source)


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        ("a word", TypeError, r"source\[1\]: expected an image .*got str"),
        ((), TypeError, "got tuple"),
        (RGB / 255, TypeError, r"source\[1\]: images must be uint8.*got float64; .*255"),
        (RGB[None], ValueError, r"source\[1\]: expected one image.*got \(1, 6, 5, 3\)"),
        (RGB[:0], ValueError, r"got \(0, 5, 3\)"),
    ],
)
def test_items_that_are_no_image(item, error, message):
    with pytest.raises(error, match=message):
        everything([RGB, item])


def test_decoding_says_broken_image():
    assert issubclass(BrokenImage, ValueError)
    with pytest.raises(TypeError, match="here: expected an image"):
        rgb_from_item(None, "here")
