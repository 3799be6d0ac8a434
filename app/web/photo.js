// Photos on their way in: from a picker, a drop or the clipboard, and made smaller before they are sent.

const LONGEST_PX = 1024;
// A panorama is not shrunk below what the network looks at: a square of its shorter side.
const SHORTEST_PX = 320;
const SMALL_BYTES = 1024 * 1024;
const JPEG_QUALITY = 0.9;
const SENT_AS_THEY_ARE = new Set(["image/jpeg", "image/png", "image/webp"]);

/**
 * Return what to upload for a file: an upright JPEG of about 1024 pixels, or the file itself where it is small
 * already or where this browser cannot read it; the service then says what is wrong with it.
 *
 * @param {Blob} file
 * @returns {Promise<Blob>}
 */
export async function shrink(file) {
  // Not even tried, since trying would read a whole film into memory.
  if (file.type && !file.type.startsWith("image/")) return file;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file;
  }
  try {
    const scale = scaleOf(bitmap);
    const isSmall = scale === 1 && file.size <= SMALL_BYTES && SENT_AS_THEY_ARE.has(file.type);
    return isSmall ? file : ((await redraw(bitmap, scale)) ?? file);
  } finally {
    bitmap.close();
  }
}

function scaleOf({ width, height }) {
  const longest = LONGEST_PX / Math.max(width, height);
  const shortest = SHORTEST_PX / Math.min(width, height);
  return Math.min(1, Math.max(longest, shortest));
}

/** Draw a bitmap or a video frame onto white and return it as JPEG, or null where the canvas is too large. */
export function redraw(source, scale = 1) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round((source.videoWidth ?? source.width) * scale));
  canvas.height = Math.max(1, Math.round((source.videoHeight ?? source.height) * scale));
  const context = canvas.getContext("2d", { alpha: false });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
}

/**
 * Listen for photos that are picked, dropped anywhere on the page, or pasted.
 *
 * @param {{inputs: HTMLInputElement[], veil: HTMLElement, onPhoto: (file: File) => void, onHint: (text: string) => void}} wiring
 */
export function takeIn({ inputs, veil, onPhoto, onHint }) {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      const [file] = input.files;
      // Emptied so that choosing the same file again is a change again; the File itself stays readable.
      input.value = "";
      if (file) onPhoto(file);
    });
  }
  listenForDrops(veil, onPhoto, onHint);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const picture = files.find((file) => file.type.startsWith("image/")) ?? files[0];
    if (picture) {
      event.preventDefault();
      onPhoto(picture);
    } else {
      onHint("There is no picture on the clipboard. Copy the picture itself, then paste again.");
    }
  });
}

function listenForDrops(veil, onPhoto, onHint) {
  const carries = (event) => [...event.dataTransfer.types].some((type) => type === "Files" || type === "text/uri-list");
  document.addEventListener("dragenter", (event) => {
    if (event.dataTransfer.types.includes("Files")) veil.hidden = false;
  });
  document.addEventListener("dragover", (event) => {
    if (carries(event)) event.preventDefault();
  });
  document.addEventListener("dragleave", (event) => {
    // No related target: the pointer has left the window, not just one element for another.
    if (!event.relatedTarget) veil.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    veil.hidden = true;
    if (!carries(event)) return;
    // Without this the browser would leave the page for the dropped file.
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    const isFolder = [...event.dataTransfer.items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
    if (isFolder) onHint("That is a folder. Drop one picture from it.");
    else if (file) onPhoto(file);
    else onHint("That picture lives on another page. Save it first, then drop the file.");
  });
}
