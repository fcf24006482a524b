"""The cache of features: what it is keyed by, what is shared, what damage and company do to it."""

import json
import threading
import warnings
import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from parzen.vision import BrokenImage, InceptionV3, extract, extract_features  # noqa: E402

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def network():
    return InceptionV3("random", ["64"])


class Means:
    """Channel means: a quick encoder that counts what it sees."""

    def __init__(self, version="1"):
        self.provenance = {"network": "means", "version": version}
        self.seen = 0

    def __call__(self, batch):
        self.seen += len(batch)
        return batch.float().mean((2, 3))


@pytest.fixture
def folder(tmp_path):
    """Five images of two sizes."""
    path = tmp_path / "images"
    path.mkdir()
    for number in range(5):
        size = (8, 6) if number % 2 else (5, 9)
        array = RANDOM.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(array).save(path / f"{number}.png")
    return path


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "kept"


def zipped(folder, path, inside=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir(), reverse=True):
            archive.write(file, inside + file.name)
    return path


def files(folder):
    return sorted(path.name for path in folder.iterdir())


# A file


def test_a_file_is_used(folder, tmp_path):
    cache = tmp_path / "cache.npz"
    first = extract_features(folder, encoder=Means(), cache=cache)
    encoder = Means()
    again = extract_features(folder, encoder=encoder, cache=cache, batch_size=2)
    assert not first.cached
    assert again.cached
    assert encoder.seen == 0
    assert again.provenance == first.provenance
    np.testing.assert_array_equal(first.layers["features"], again.layers["features"])
    np.testing.assert_array_equal(extract(cache), first.layers["features"])
    with np.load(cache) as archive:
        assert json.loads(str(archive["provenance"])) == first.provenance


def change_an_image(folder):
    Image.fromarray(np.zeros((5, 9, 3), np.uint8)).save(folder / "2.png")


def swap_two_images(folder):
    (folder / "0.png").rename(folder / "x")
    (folder / "1.png").rename(folder / "0.png")
    (folder / "x").rename(folder / "1.png")


def remove_an_image(folder):
    (folder / "4.png").unlink()


@pytest.mark.parametrize("change", [change_an_image, swap_two_images, remove_an_image])
@pytest.mark.parametrize("name", ["cache.npz", "cache"])
def test_other_content_is_computed(folder, tmp_path, change, name):
    cache = tmp_path / name
    extract(folder, encoder=Means(), cache=cache)
    change(folder)
    fresh = extract_features(folder, encoder=Means(), cache=cache)
    assert not fresh.cached
    np.testing.assert_array_equal(
        fresh.layers["features"], extract(folder, encoder=Means()), strict=True
    )
    assert extract_features(folder, encoder=Means(), cache=cache).cached


def test_another_encoder_or_layer_is_computed(folder, tmp_path, network):
    cache = tmp_path / "cache.npz"
    extract(folder, encoder=Means("1"), cache=cache)
    assert not extract_features(folder, encoder=Means("2"), cache=cache).cached
    for encoder, layers in (
        (network, "64"),
        (network, ("64", "192")),
        (InceptionV3("random", seed=1), ("64", "192")),
        (InceptionV3("random", seed=1, resize="bilinear"), ("64", "192")),
        (InceptionV3("random", seed=1, normalisation="2 x / 255 - 1"), ("64", "192")),
    ):
        for cached in (False, True):
            features = extract_features(folder, encoder=encoder, layers=layers, cache=cache)
            assert features.cached == cached
            assert set(features.layers) == ({layers} if isinstance(layers, str) else set(layers))


@pytest.mark.parametrize("kind", ["array", "tensor", "dataset", "zip"])
def test_the_content_of_any_source_counts(kind, tmp_path):
    def source(images):
        if kind == "zip":
            with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
                for number, image in enumerate(images):
                    with archive.open(f"{number}.png", "w") as file:
                        Image.fromarray(image).save(file, "png")
            return tmp_path / "images.zip"
        return {"array": images, "tensor": torch.from_numpy(images), "dataset": list(images)}[kind]

    images = RANDOM.integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    cache = tmp_path / "cache.npz"
    for other, cached in ((images, False), (images, True), (images[::-1].copy(), False)):
        assert extract_features(source(other), encoder=Means(), cache=cache).cached == cached


# A folder


def test_the_same_images_under_another_name_or_in_a_zip_are_found(folder, tmp_path, kept):
    first = extract(folder, encoder=Means(), cache=kept)
    (name,) = files(kept)
    assert len(name) == 64 + len(".npz")
    moved = folder.rename(tmp_path / "moved")
    paths = sorted(moved.iterdir())
    for source in (
        moved,
        zipped(moved, tmp_path / "a.zip"),
        zipped(moved, tmp_path / "b.zip", "inside/"),
        paths,
    ):
        encoder = Means()
        np.testing.assert_array_equal(extract(source, encoder=encoder, cache=kept), first)
        assert encoder.seen == 0
    assert files(kept) == [name]


def test_an_array_and_its_images_share_a_key(kept):
    images = RANDOM.integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    extract(images, encoder=Means(), cache=kept)
    for same in (torch.from_numpy(images), list(images), images[:, :, ::-1][:, :, ::-1]):
        assert extract_features(same, encoder=Means(), cache=kept).cached
    flat = images.reshape(3, 2, 8, 3)
    assert not extract_features(flat, encoder=Means(), cache=kept).cached


def test_two_sources_of_one_name_do_not_collide(folder, tmp_path, kept):
    first = extract(folder, encoder=Means(), cache=kept)
    folder.rename(tmp_path / "elsewhere")
    folder.mkdir()
    Image.fromarray(np.full((4, 4, 3), 9, np.uint8)).save(folder / "0.png")
    np.testing.assert_array_equal(extract(folder, encoder=Means(), cache=kept), [[9, 9, 9]])
    np.testing.assert_array_equal(
        extract(tmp_path / "elsewhere", encoder=Means(), cache=kept), first
    )
    assert len(files(kept)) == 2


def test_layers_are_kept_one_by_one(folder, kept, network, monkeypatch):
    both = extract(folder, encoder=network, layer=("192", "64"), cache=kept)
    asked = []
    encode = InceptionV3.encode

    def counted(self, prepared, layers=None):
        asked.append(layers)
        return encode(self, prepared, layers)

    monkeypatch.setattr(InceptionV3, "encode", counted)
    np.testing.assert_array_equal(
        extract(folder, encoder=network, layer="64", cache=kept), both["64"]
    )
    assert asked == []
    more = extract_features(folder, encoder=network, layers=("64", "768"), cache=kept)
    assert asked == [("768",)]
    assert not more.cached
    assert list(more.layers) == ["64", "768"]
    assert more.layers["768"].shape == (5, 768)
    assert len(files(kept)) == 3


def test_a_folder_is_made_and_may_have_a_dot(folder, tmp_path):
    extract(folder, encoder=Means(), cache=tmp_path / "a" / "b")
    (tmp_path / "features.d").mkdir()
    extract(folder, encoder=Means(), cache=tmp_path / "features.d")
    assert files(tmp_path / "a" / "b") == files(tmp_path / "features.d")


# Damage


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def flip_a_feature(path):
    content = bytearray(path.read_bytes())
    content[200] ^= 1  # past the header of the first array, whose checksum it breaks
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, empty, flip_a_feature])
def test_a_damaged_file_in_a_folder_is_computed_again_with_a_warning(folder, kept, damage):
    first = extract(folder, encoder=Means(), cache=kept)
    (name,) = files(kept)
    damage(kept / name)
    with pytest.warns(UserWarning, match=f"cache: .*{name} is damaged; .* computed again"):
        again = extract_features(folder, encoder=Means(), cache=kept)
    assert not again.cached
    np.testing.assert_array_equal(again.layers["features"], first)
    assert extract_features(folder, encoder=Means(), cache=kept).cached


def test_a_damaged_layer_of_several_is_computed_alone(folder, kept, network):
    first = extract(folder, encoder=network, layer=("64", "192"), cache=kept)
    truncate(kept / files(kept)[0])
    with pytest.warns(UserWarning, match="is damaged"):
        again = extract(folder, encoder=network, layer=("64", "192"), cache=kept)
    for layer, values in first.items():
        np.testing.assert_allclose(again[layer], values, rtol=1e-5, atol=1e-6)


def test_a_damaged_array_in_a_named_file_is_computed_again(folder, tmp_path):
    cache = tmp_path / "cache.npz"
    extract(folder, encoder=Means(), cache=cache)
    flip_a_feature(cache)
    with pytest.warns(UserWarning, match="is damaged"):
        assert not extract_features(folder, encoder=Means(), cache=cache).cached


def test_features_survive_a_cache_that_cannot_be_written(folder, kept, monkeypatch):
    def full(*args, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(UserWarning, match="cache: nothing kept in .*No space left"):
        found = extract(folder, encoder=Means(), cache=kept)
    assert found.shape == (5, 3)
    assert files(kept) == []


def test_an_interrupted_write_leaves_nothing(folder, kept, monkeypatch):
    def stopped(*args, **arrays):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", stopped)
    with pytest.raises(KeyboardInterrupt):
        extract(folder, encoder=Means(), cache=kept)
    assert files(kept) == []


def test_writers_at_the_same_time(folder, kept):
    """All write the same file; whoever reads meanwhile finds a whole one or none."""
    expected = extract(folder, encoder=Means())
    kept.mkdir()
    start = threading.Barrier(8)
    found, failures = [], []

    def write():
        start.wait()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found.extend(extract(folder, encoder=Means(), cache=kept) for _ in range(5))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(found) == 40
    assert all(np.array_equal(features, expected) for features in found)
    assert len(files(kept)) == 1


# Broken images


@pytest.fixture
def damaged(folder):
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:60])
    (folder / "3.png").write_bytes(b"")
    return folder


@pytest.mark.parametrize("name", ["cache.npz", "cache"])
def test_skipped_images_are_remembered_under_the_names_they_have_now(damaged, tmp_path, name):
    cache = tmp_path / name
    with pytest.warns(UserWarning, match="left out 2 images"):
        first = extract_features(damaged, encoder=Means(), cache=cache, skip_broken=True)
    moved = damaged.rename(tmp_path / "moved")
    with pytest.warns(UserWarning, match="left out 2 images"):
        again = extract_features(moved, encoder=Means(), cache=cache, skip_broken=True)
    assert again.cached
    assert again.skipped == tuple(
        reason.replace(str(damaged), str(moved)) for reason in first.skipped
    )
    with pytest.raises(BrokenImage):
        extract(moved, encoder=Means(), cache=cache)


def test_an_image_that_failed_by_accident_is_not_left_out_for_good(folder, kept, monkeypatch):
    from parzen.vision import images

    def short(path):
        if path.endswith("2.png"):
            raise MemoryError("out of memory")
        return decode(path)

    decode = images.decode_file
    monkeypatch.setattr(images, "decode_file", short)
    with pytest.warns(UserWarning, match="left out 1 images"):
        extract(folder, encoder=Means(), cache=kept, skip_broken=True)
    monkeypatch.undo()
    again = extract_features(folder, encoder=Means(), cache=kept, skip_broken=True)
    assert (again.cached, again.skipped) == (False, ())
    assert len(again.layers["features"]) == 5


def test_layers_that_left_out_other_images_are_not_put_together(folder, kept, network, monkeypatch):
    from parzen.vision import images

    extract(folder, encoder=network, layer="64", cache=kept)

    def short(path):
        if path.endswith("2.png"):
            raise MemoryError("out of memory")
        return decode(path)

    decode = images.decode_file
    monkeypatch.setattr(images, "decode_file", short)
    with pytest.warns(UserWarning, match="left out 1 images"):
        both = extract(folder, encoder=network, layer=("64", "192"), cache=kept, skip_broken=True)
    assert [len(values) for values in both.values()] == [4, 4]


@pytest.mark.filterwarnings("ignore:left out")
def test_a_damaged_member_of_a_zip(folder, tmp_path, kept):
    path = zipped(folder, tmp_path / "images.zip")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        content[archive.getinfo("2.png").header_offset + 60] ^= 0xFF
    path.write_bytes(content)
    for cached in (False, True):
        found = extract_features(path, encoder=Means(), cache=kept, skip_broken=True)
        assert found.cached == cached
    assert not extract_features(folder, encoder=Means(), cache=kept).cached


# What cannot be


def test_caches_that_cannot_be(folder, tmp_path):
    with pytest.raises(ValueError, match=r"cache: expected a folder or a path ending in \.npz"):
        extract(folder, encoder=Means(), cache=tmp_path / "cache.npy")
    (tmp_path / "text").write_text("")
    with pytest.raises(ValueError, match=r"cache: expected a folder or a path ending in \.npz"):
        extract(folder, encoder=Means(), cache=tmp_path / "text")
    np.savez(tmp_path / "data.npz", precious=np.eye(3))
    with pytest.raises(ValueError, match="not a cache of features; not overwritten"):
        extract(folder, encoder=Means(), cache=tmp_path / "data.npz")
    with pytest.raises(ValueError, match="no folder"):
        extract(folder, encoder=Means(), cache=tmp_path / "absent" / "cache.npz")
    with pytest.raises(ValueError, match="cache: the encoder has no `provenance`"):
        extract(folder, encoder=lambda batch: batch, cache=tmp_path / "cache.npz")
    with pytest.raises(ValueError, match="cache: the source is an iterator"):
        extract(iter(np.zeros((2, 4, 4, 3), np.uint8)), encoder=Means(), cache=tmp_path / "c.npz")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".npz"] == ["data.npz"]
