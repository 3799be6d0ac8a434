// Photos on their way in: chosen, taken, pasted or dropped.

import type { Context } from "./base";
import { openCamera } from "./camera";
import { button, type Drawn, h, type Kid } from "./dom";

export interface Intake {
  /** What photos come into. */
  take(photo: Blob): void;
  /** Something that was pasted or dropped is no photo. */
  refuse(): void;
}

/** Describe the buttons: choose, take, paste. `parent` is where the camera's dialog goes. */
export function intakeButtons(cx: Context, parent: Node, { take, refuse }: Intake): Drawn {
  const { say } = cx;
  const picker = (id: "choose" | "take", look: string, capture?: string): Kid[] => [
    h("input.vh", { type: "file", id, accept: "image/*", capture, onchange: taken }),
    h(`label.b${look}`, { for: id, part: "button" }, say(id)),
  ];
  const taken = ({ target }: Event): void => {
    const input = target as HTMLInputElement;
    const file = input.files?.[0];
    // Emptied so that choosing the same file again is a change again; the File itself stays readable.
    input.value = "";
    if (file) take(file);
  };
  const isPhone = matchMedia("(hover: none) and (pointer: coarse)").matches;
  return h(
    "div.intake",
    { role: "group", "aria-label": say("open") },
    picker("choose", ".primary"),
    isPhone
      ? picker("take", "", "environment")
      : // Browsers offer the camera on https and on this machine only, and the clipboard likewise.
        navigator.mediaDevices && button("", () => openCamera(cx, parent, take), say("take")),
    navigator.clipboard &&
      button(
        ".paste",
        async () => {
          const picture = await fromClipboard();
          if (picture) take(picture);
          else refuse();
        },
        say("paste"),
      ),
  );
}

async function fromClipboard(): Promise<Blob | null> {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((name) => /^image/.test(name));
      if (type) return await item.getType(type);
    }
  } catch {
    // Not allowed, or nothing there: either way there is no picture.
  }
  return null;
}

/** Listen for photos that are pasted or dropped anywhere on the page, whenever the element is to be served. */
export function listen(veil: HTMLElement, isServed: (event: Event) => boolean, { take, refuse }: Intake, signal: AbortSignal): void {
  const on = (type: string, listener: (event: DragEvent & ClipboardEvent) => void): void =>
    document.addEventListener(
      type,
      (event) => {
        // Another element on the page may have taken it already.
        if (isServed(event) && !event.defaultPrevented) listener(event as DragEvent & ClipboardEvent);
      },
      { signal },
    );
  const dragged = (event: DragEvent): void => {
    const { types, items, files } = event.dataTransfer as DataTransfer;
    if (!types.includes("Files") && !types.includes("text/uri-list")) return;
    // Without this the browser would leave the page for the dropped file.
    event.preventDefault();
    veil.hidden = event.type === "drop";
    if (!veil.hidden) return;
    const isFolder = [...items].some((item) => item.webkitGetAsEntry?.()?.isDirectory);
    if (files[0] && !isFolder) take(files[0]);
    else refuse();
  };
  on("dragover", dragged);
  on("drop", dragged);
  on("dragleave", ({ relatedTarget }) => {
    // Otherwise the pointer has left just one element for another, and not the window.
    if (!relatedTarget) veil.hidden = true;
  });
  on("paste", (event) => {
    const target = event.composedPath()[0] as Element;
    if (target.matches?.("input:not([type=file]), textarea, [contenteditable]")) return;
    const files = [...(event.clipboardData?.files ?? [])];
    const picture = files.find((file) => /^image/.test(file.type)) ?? files[0];
    if (!picture) return refuse();
    event.preventDefault();
    take(picture);
  });
}
