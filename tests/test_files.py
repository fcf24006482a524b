"""Files that are written: whole or not at all, and never on top of what was read."""

import pytest

from parzen._files import check_output, written_whole


class TestOutput:
    def test_is_written_whole_or_not_at_all(self, tmp_path):
        path = tmp_path / "out.json"
        path.write_text("before")

        def half():
            with written_whole(path) as file:
                file.write(b"half")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            half()
        assert path.read_text() == "before"
        assert list(tmp_path.iterdir()) == [path]

    def test_never_replaces_an_input(self, tmp_path):
        image = tmp_path / "images" / "a.png"
        image.parent.mkdir()
        image.write_bytes(b"")
        link = tmp_path / "link.json"
        link.symlink_to(image)
        for output, source in ((image, image), (image, image.parent), (link, image)):
            with pytest.raises(FileExistsError, match="is one of the inputs"):
                check_output("--json", output, [source])
        check_output("--json", tmp_path / "images" / "new.json", [image.parent])

    def test_must_be_possible_to_write(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            check_output("--json", tmp_path / "nowhere" / "out.json")
        with pytest.raises(IsADirectoryError, match="is a folder"):
            check_output("--json", tmp_path)
