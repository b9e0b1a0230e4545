"""A page can only name files that were uploaded."""

from __future__ import annotations

import pytest

from videosketcher_app.core.errors import InvalidRequest
from videosketcher_app.ui.components.drop_zone import DropZone


def test_an_uploaded_file_is_found(tmp_path):
    file = tmp_path / "up" / "a" / "cat.SVG"
    file.parent.mkdir(parents=True)
    file.write_text("x")
    assert DropZone.path_of({"path": str(file)}, tmp_path / "up") == file


@pytest.mark.parametrize(
    "name", ["secret.svg", "up/../secret.svg", "up/link.svg", "up/none.svg", "up/a.py", "up", "\0"]
)
def test_no_other_file_is_read(tmp_path, name):
    (tmp_path / "up").mkdir()
    (tmp_path / "secret.svg").write_text("x")
    (tmp_path / "up" / "a.py").write_text("x")
    (tmp_path / "up" / "link.svg").symlink_to(tmp_path / "secret.svg")
    with pytest.raises(InvalidRequest, match="No file was dropped"):
        DropZone.path_of({"path": f"{tmp_path}/{name}"}, tmp_path / "up")


@pytest.mark.parametrize("data", [None, {}, {"path": 3}, []])
def test_what_names_no_file_is_refused(tmp_path, data):
    with pytest.raises(InvalidRequest):
        DropZone.path_of(data, tmp_path)
