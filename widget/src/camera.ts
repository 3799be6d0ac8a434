// Taking a photo on a computer: a dialog with the camera's picture. Phones have their own camera app for that.

import type { Context } from "./base";
import { button, h, make } from "./dom";
import { drawn, jpegOf } from "./photo";

/** Open the dialog; it is gone once it is closed, and the camera is off. */
export async function openCamera({ say }: Context, parent: Node, take: (photo: Blob) => void): Promise<void> {
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  const note = make(h("p", { role: "status" })) as HTMLElement;
  const shutter = make(button(".primary", null, say("take"))) as HTMLButtonElement;
  shutter.disabled = true;
  const dialog = make(
    h(
      "dialog.camera",
      { part: "camera", "aria-label": say("take") },
      h("div.stage", null, video),
      note,
      h("div.actions", null, shutter, button("", () => dialog.close(), say("cancel"))),
    ),
  ) as HTMLDialogElement;
  let tracks: MediaStreamTrack[] = [];
  const stop = (): void => {
    for (const track of tracks) track.stop();
    dialog.remove();
  };
  dialog.onclose = stop;
  shutter.onclick = async () => {
    const photo = await jpegOf(drawn(video, [0, 0, video.videoWidth, video.videoHeight], 1));
    dialog.close();
    if (photo) take(photo);
  };
  parent.appendChild(dialog);
  dialog.showModal();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } },
    });
    tracks = stream.getTracks();
    // Closed while the browser was still asking for permission: the camera's light must go out.
    if (!dialog.open) return stop();
    video.srcObject = stream;
    await video.play();
    shutter.disabled = false;
    shutter.focus();
  } catch {
    note.textContent = say("noCamera");
  }
}
