// A photo on its way in: made upright and small before it is sent, and kept as a drawing to be shown.
//
// It is shown from a canvas and never from an address of its own, so that a shop's content security policy need not
// allow blob: pictures.

import type { Size } from "./types";

// Enough for a thing that fills a third of the photo, and sent within two seconds over a slow mobile network.
const LONGEST_PX = 800;
// A panorama is not shrunk below what the network looks at: a square of its shorter side.
const SHORTEST_PX = 320;
const SMALL_BYTES = 1024 * 1024;

type Source = ImageBitmap | HTMLImageElement | HTMLVideoElement | HTMLCanvasElement;

/**
 * Return what is sent: an upright JPEG of about 800 pixels, or the file itself where it is small already or where this
 * browser cannot read it, and the service then says what is wrong with it. And what is shown: null in the latter case.
 */
export async function shrink(file: Blob): Promise<{ blob: Blob; photo: HTMLCanvasElement | null }> {
  const source = await createImageBitmap(file, { imageOrientation: "from-image" }).catch(() => null);
  if (!source) return { blob: file, photo: null };
  const { width, height } = source;
  const scale = Math.min(1, Math.max(LONGEST_PX / Math.max(width, height), SHORTEST_PX / Math.min(width, height)));
  const photo = drawn(source, [0, 0, width, height], scale);
  const isSmall = scale === 1 && file.size <= SMALL_BYTES && /jpeg|png|webp/.test(file.type);
  return { blob: isSmall ? file : ((await jpegOf(photo)) ?? file), photo };
}

/** Draw a part (left, top, width, height in pixels) of something onto white. */
export function drawn(source: Source, part: [...Size, ...Size], scale: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  const width = (canvas.width = Math.max(1, Math.round(part[2] * scale)));
  const height = (canvas.height = Math.max(1, Math.round(part[3] * scale)));
  const context = canvas.getContext("2d", { alpha: false }) as CanvasRenderingContext2D;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, ...part, 0, 0, width, height);
  canvas.className = "pic";
  return canvas;
}

/** Return a drawing as JPEG, or null where it is larger than this browser can hold. */
export const jpegOf = (canvas: HTMLCanvasElement): Promise<Blob | null> =>
  new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.8));
