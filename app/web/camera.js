// Taking a photo: the phone's own camera app where there is one, otherwise a dialog with the camera's picture.

import { redraw } from "./photo.js";

const WHY = {
  NotAllowedError: "The camera is blocked for this page. Allow it beside the browser’s address bar, then open this again.",
  NotFoundError: "No camera was found on this device. Choose a photo instead.",
  OverconstrainedError: "No camera was found on this device. Choose a photo instead.",
  NotReadableError: "Another program is using the camera. Close it there, then open this again.",
};
const UNKNOWN = "The camera could not be started. Choose a photo instead.";

/** Show the way to a camera that this device has: the label of a capturing input, a button, or neither. */
export function offerCamera({ captureInput, captureLabel, openButton, dialog, onPhoto }) {
  const isPhone = matchMedia("(hover: none) and (pointer: coarse)").matches;
  captureInput.hidden = captureLabel.hidden = !isPhone;
  // Browsers offer getUserMedia on https and on this machine only.
  openButton.hidden = isPhone || !navigator.mediaDevices?.getUserMedia;
  openButton.addEventListener("click", () => new CameraDialog(dialog, onPhoto).open());
}

class CameraDialog {
  constructor(dialog, onPhoto) {
    this.dialog = dialog;
    this.onPhoto = onPhoto;
    this.video = dialog.querySelector("video");
    this.note = dialog.querySelector("#camera-note");
    this.takeButton = dialog.querySelector("#camera-take");
    this.cancelButton = dialog.querySelector("#camera-cancel");
  }

  async open() {
    this.takeButton.disabled = true;
    this.note.textContent = "Starting the camera…";
    this.takeButton.onclick = () => this.take();
    this.cancelButton.onclick = () => this.dialog.close();
    this.dialog.onclose = () => this.stop();
    this.dialog.showModal();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } },
      });
      this.stream = stream;
      // Closed while the browser was still asking for permission: the camera's light must go out.
      if (!this.dialog.open) return this.stop();
      this.video.srcObject = stream;
      await this.video.play();
      this.note.textContent = "";
      this.takeButton.disabled = false;
      this.takeButton.focus();
    } catch (error) {
      if (this.dialog.open) this.note.textContent = WHY[error.name] ?? UNKNOWN;
    }
  }

  async take() {
    this.takeButton.disabled = true;
    const photo = await redraw(this.video);
    this.dialog.close();
    if (photo) this.onPhoto(photo);
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
  }
}
