"""Whatever an address holds, no secret of it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.camera.address import Login, redacted, with_login
from inspection.errors import DeviceError

SECRET = "hunter2"


@pytest.mark.parametrize(
    "address",
    [
        f"rtsp://user:{SECRET}@10.0.0.9:554/stream",
        f"rtsp://user:a@{SECRET}@10.0.0.9/stream",
        f"rtsp://user:a/{SECRET}@10.0.0.9/stream",
        f"rtsp://user:a?{SECRET}@10.0.0.9/stream",
        f"rtsp://user:a#{SECRET}@10.0.0.9/stream",
        f"http://10.0.0.9/video.cgi?user=admin&pwd={SECRET}",
        f"http://10.0.0.9/video#{SECRET}",
        f"rtsp://10.0.0.9:554/user=admin&password={SECRET}&channel=1.sdp",
        f"rtsp://10.0.0.9/token/{SECRET}",
    ],
)
def test_no_secret_of_an_address_is_shown(address: str) -> None:
    shown = redacted(address)
    assert SECRET not in shown
    assert "10.0.0.9" in shown


def test_what_is_no_secret_is_shown() -> None:
    assert redacted("rtsp://user:pw@camera.example:554/h264/ch1") == "rtsp://camera.example:554/h264/ch1"
    assert redacted("/dev/video0") == "/dev/video0"


@given(user=st.text(min_size=1), password=st.text(min_size=8))
def test_any_login_goes_into_the_address_and_is_not_shown(user: str, password: str) -> None:
    address = with_login("rtsp://10.0.0.9/stream", _Kept(user, password))  # type: ignore[arg-type]
    assert redacted(address) == "rtsp://10.0.0.9/stream"
    assert address.endswith("@10.0.0.9/stream")
    assert address.count("@") == 1


class _Kept:
    def __init__(self, user: str, password: str) -> None:
        self._pair = user, password

    def read(self) -> tuple[str, str]:
        return self._pair


def test_a_login_replaces_the_one_of_the_address(tmp_path: Path) -> None:
    (tmp_path / "login").write_text("admin:p@ss/word\n")
    login = Login(file=tmp_path / "login")
    assert with_login("http://old:pw@host:80/a?b#c", login) == "http://admin:p%40ss%2Fword@host:80/a?b#c"
    assert with_login("http://host", None) == "http://host"


def test_a_login_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMERA_LOGIN", "admin:secret")
    assert Login(variable="CAMERA_LOGIN").read() == ("admin", "secret")


@pytest.mark.parametrize("text", ["", "no colon", ":no user"])
def test_a_login_that_is_none_is_told_without_its_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "login").write_text(text)
    with pytest.raises(DeviceError, match="login") as caught:
        Login(file=tmp_path / "login").read()
    assert text == "" or text not in caught.value.one_line()


def test_a_missing_file_or_variable_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="cannot be read"):
        Login(file=tmp_path / "nothing").read()
    with pytest.raises(DeviceError, match="CAMERA_NOTHING"):
        Login(variable="CAMERA_NOTHING").read()
