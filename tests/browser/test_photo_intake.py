"""The ways in which a photo reaches the search, and what is sent of it."""

import io
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import expect

from tests.support.photos import drawn_photo, noisy_photo
from tests.support.search_page import OpenPage, SearchPage

pytestmark = pytest.mark.browser


def test_a_chosen_photo_is_searched(home: SearchPage) -> None:
    """Choosing a file shows products that look like it."""
    home.choose(drawn_photo())
    home.wait_for_hits()
    expect(home.title).to_have_text("Products that look like your photo")
    expect(home.page.get_by_role("img", name="Your photo")).to_be_visible()


def test_the_file_picker_opens_from_its_button(home: SearchPage) -> None:
    """The visible button is the label of the real file input."""
    with home.page.expect_file_chooser() as chooser:
        home.page.get_by_text("Choose a photo").click()
    chooser.value.set_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": drawn_photo()})
    home.wait_for_hits()


def test_a_dropped_photo_is_searched(home: SearchPage) -> None:
    """A file may be dropped anywhere; while it hovers the page says so."""
    veil = home.page.locator("lookalike-search .veil-drop")
    home.put("dragover", drawn_photo())
    expect(veil).to_be_visible()
    home.put("drop", drawn_photo())
    expect(veil).to_be_hidden()
    home.wait_for_hits()


def test_a_pasted_photo_is_searched(home: SearchPage) -> None:
    """A picture on the clipboard is searched when it is pasted."""
    home.put("paste", drawn_photo())
    home.wait_for_hits()


def test_pasting_the_clipboard_with_the_keyboard_works(open_page: OpenPage) -> None:
    """Ctrl+V takes the picture from the system's own clipboard."""
    window = open_page(permissions=["clipboard-read", "clipboard-write"])
    window.page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(400, 500);
            canvas.getContext("2d").fillRect(100, 100, 200, 300);
            const png = await canvas.convertToBlob({ type: "image/png" });
            await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
        }"""
    )
    window.page.keyboard.press("Control+V")
    window.wait_for_hits()


def test_pasting_something_else_says_what_to_do(home: SearchPage) -> None:
    """Text on the clipboard is no photo, and the page says so without leaving the view."""
    home.page.evaluate(
        """() => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", "a red shirt");
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }"""
    )
    expect(home.status).to_contain_text("That is no picture that we can open")
    expect(home.title).to_have_text("Find products that look like your photo")


def test_a_photo_is_taken_with_the_camera(home: SearchPage) -> None:
    """On a computer the camera's picture is shown in a dialog, and taking the photo searches with it."""
    home.page.get_by_role("button", name="Take a photo").click()
    dialog = home.page.get_by_role("dialog", name="Take a photo")
    take = dialog.get_by_role("button", name="Take a photo")
    expect(take).to_be_enabled()
    expect(take).to_be_focused()
    take.click()
    expect(dialog).to_be_hidden()
    home.wait_for_hits()


def test_the_camera_goes_off_when_the_dialog_is_closed(home: SearchPage) -> None:
    """Escape closes the dialog, stops the camera, and gives the focus back."""
    home.page.evaluate(
        """() => {
            const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (wish) => (window.stream = await original(wish));
        }"""
    )
    opener = home.page.get_by_role("button", name="Take a photo")
    opener.click()
    expect(home.page.get_by_role("dialog").get_by_role("button", name="Take a photo")).to_be_enabled()
    home.page.keyboard.press("Escape")
    expect(home.page.get_by_role("dialog")).to_be_hidden()
    expect(opener).to_be_focused()
    assert home.page.evaluate("stream.getTracks().map((track) => track.readyState)") == ["ended"]


def test_a_camera_that_does_not_start_is_explained(home: SearchPage) -> None:
    """The dialog says what may keep it from it, be it blocked, in use or not there."""
    home.page.evaluate(
        """() => {
            navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotFoundError"));
        }"""
    )
    home.page.get_by_role("button", name="Take a photo").click()
    dialog = home.page.get_by_role("dialog")
    expect(dialog.get_by_role("status")).to_contain_text("It may be in use or blocked")
    expect(dialog.get_by_role("button", name="Take a photo")).to_be_disabled()


def test_a_phone_offers_its_own_camera(open_page: OpenPage, phone: dict[str, Any]) -> None:
    """On a phone the button is the label of a capturing file input."""
    window = open_page(**phone)
    camera = window.page.get_by_role("button", name="Take a photo")
    expect(camera).to_have_attribute("capture", "environment")
    camera.set_input_files({"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": drawn_photo()})
    window.wait_for_hits()


def test_a_large_photo_is_shrunk_before_it_is_sent(home: SearchPage) -> None:
    """Of a 12-megapixel photo a JPEG of 800 pixels is sent."""
    photo = noisy_photo(4000, 3000)
    sent = home.uploaded_by(photo)
    with Image.open(io.BytesIO(sent)) as image:
        assert (image.format, image.size) == ("JPEG", (800, 600))
    assert len(sent) < len(photo) / 4


def test_a_small_photo_is_sent_as_it_is(home: SearchPage) -> None:
    """A photo that is small already loses nothing on the way."""
    photo = drawn_photo(600, 800)
    assert home.uploaded_by(photo) == photo


def test_a_shrunk_photo_is_upright(home: SearchPage) -> None:
    """A photo that its camera stored lying is sent, and shown, standing."""
    upright = drawn_photo(1800, 2400)
    with Image.open(io.BytesIO(upright)) as image:
        lying = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        image.rotate(90, expand=True).save(lying, "JPEG", exif=exif, quality=95)
    sent = home.uploaded_by(lying.getvalue())
    with Image.open(io.BytesIO(sent)) as image, Image.open(io.BytesIO(upright)) as expected:
        assert image.size == (600, 800)
        assert not image.getexif()
        difference = ImageChops.difference(image.convert("RGB"), expected.resize(image.size))
        assert max(ImageStat.Stat(difference).mean) < 3


def test_a_panorama_keeps_the_height_that_the_network_looks_at(home: SearchPage) -> None:
    """Shrinking stops at a shorter side of 320 pixels."""
    with Image.open(io.BytesIO(home.uploaded_by(drawn_photo(6000, 800)))) as image:
        assert image.size == (2400, 320)


def test_a_picture_of_a_format_that_only_the_browser_reads_is_converted(home: SearchPage) -> None:
    """A BMP file, which the service refuses, arrives as JPEG."""
    with Image.open(io.BytesIO(home.uploaded_by(drawn_photo(file_format="BMP"), "photo.bmp", "image/bmp"))) as image:
        assert image.format == "JPEG"
    home.wait_for_hits()


def test_what_the_browser_cannot_read_is_sent_as_it_is(home: SearchPage) -> None:
    """The service then says itself what is wrong with the file."""
    assert home.uploaded_by(b"<html>no photo</html>", "photo.jpg") == b"<html>no photo</html>"


def test_the_same_file_can_be_chosen_twice(home: SearchPage) -> None:
    """Choosing a file again searches again."""
    for _ in range(2):
        with home.page.expect_response("**/search"):
            home.choose(drawn_photo())
        home.wait_for_hits()
