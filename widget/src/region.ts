// A box over the photo: drawn, moved and resized by mouse, finger and keyboard, to search for one thing in it.

import type { Context } from "./base";
import { type Drawn, h } from "./dom";
import type { Region, Size } from "./types";

const SMALLEST = 0.08;
const STEP = 0.02;
// A press that stays within this is a click and draws nothing.
const STILL_PX = 5;
const TYPING_MS = 700;

export const FIRST: Region = [0.2, 0.2, 0.8, 0.8];

export interface BoxState {
  /** Where the box is right now. */
  box: Region | null;
  /** Whether it is being moved, so that nothing else may put it elsewhere. */
  isMoving: boolean;
  /** Whether fingers draw, and do not scroll. */
  isCropping: boolean;
}

export interface BoxActions {
  draw(): void;
  /** The box has come to rest; null: it was taken away. */
  settle(box: Region | null): void;
  tell(text: string): void;
}

const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

/** Move a region, or only the edges that a handle's name tells ("nw"), and keep it large enough and in the picture. */
function moved([left, top, right, bottom]: Region, x: number, y: number, handle?: string): Region {
  if (!handle) {
    const dx = clamp(x, -left, 1 - right);
    const dy = clamp(y, -top, 1 - bottom);
    return [left + dx, top + dy, right + dx, bottom + dy];
  }
  const isLeft = /w/.test(handle);
  const isTop = /n/.test(handle);
  return [
    isLeft ? clamp(left + x, 0, right - SMALLEST) : left,
    isTop ? clamp(top + y, 0, bottom - SMALLEST) : top,
    isLeft ? right : clamp(right + x, left + SMALLEST, 1),
    isTop ? bottom : clamp(bottom + y, top + SMALLEST, 1),
  ];
}

function between(x0: number, y0: number, x1: number, y1: number): Region {
  const left = clamp(Math.min(x0, x1), 0, 1 - SMALLEST);
  const top = clamp(Math.min(y0, y1), 0, 1 - SMALLEST);
  return [left, top, clamp(Math.max(x0, x1), left + SMALLEST, 1), clamp(Math.max(y0, y1), top + SMALLEST, 1)];
}

let waiting: ReturnType<typeof setTimeout> | undefined;

/** Describe what lies over a photo of these sides in its square tile. */
export function boxLayer({ say }: Context, state: BoxState, size: Size, actions: BoxActions): Drawn {
  const [left, top, right, bottom] = state.box ?? FIRST;
  const shape = size[0] / size[1];
  const settle = (): void => {
    clearTimeout(waiting);
    state.isMoving = false;
    actions.settle(state.box);
  };

  const onkeydown = (event: KeyboardEvent): void => {
    const arrow = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    const isEscape = event.key === "Escape";
    if (!state.box || !(arrow || isEscape || event.key === "Enter")) return;
    // Escape would otherwise close the dialog round it.
    event.preventDefault();
    event.stopPropagation();
    if (!arrow) {
      if (isEscape) state.box = null;
      return settle();
    }
    state.box = moved(state.box, arrow[0] as number, arrow[1] as number, event.shiftKey ? "se" : "");
    state.isMoving = true;
    const [x0, y0, x1, y1] = state.box.map((share) => Math.round(share * 100));
    actions.tell(`${x0}–${x1} % × ${y0}–${y1} %`);
    clearTimeout(waiting);
    waiting = setTimeout(settle, TYPING_MS);
  };

  const corners = ["nw", "ne", "sw", "se"].map((at, index) =>
    h("span.handle", { "data-at": at, style: { "--x": index % 2, "--y": index >> 1 } }),
  );
  return h(
    "div.layer",
    {
      style: { "--w": Math.min(1, shape), "--h": Math.min(1, 1 / shape) },
      onpointerdown: (event: PointerEvent) => press(event, state, { ...actions, settle }),
    },
    state.box &&
      h(
        "div.box",
        {
          part: "box",
          role: "application",
          tabindex: 0,
          "aria-label": say("part"),
          "aria-describedby": "box-help",
          style: { "--l": left, "--t": top, "--r": 1 - right, "--b": 1 - bottom },
          onkeydown,
        },
        ...corners,
      ),
  );
}

function press(down: PointerEvent, state: BoxState, actions: BoxActions): void {
  // A finger on the photo scrolls the page, until it was said that a part is to be chosen.
  if (down.button || (down.pointerType !== "mouse" && !state.isCropping)) return;
  down.preventDefault();
  const layer = down.currentTarget as HTMLElement;
  const target = down.target as HTMLElement;
  const { width, height, left, top } = layer.getBoundingClientRect();
  const origin = state.box;
  const [x0, y0] = [(down.clientX - left) / width, (down.clientY - top) / height];
  state.isMoving = false;
  layer.setPointerCapture(down.pointerId);
  layer.onpointermove = ({ clientX, clientY }) => {
    const [x, y] = [clientX - down.clientX, clientY - down.clientY];
    state.isMoving ||= Math.hypot(x, y) >= STILL_PX;
    if (!state.isMoving) return;
    const isBox = origin && target !== layer;
    state.box = isBox ? moved(origin as Region, x / width, y / height, target.dataset.at) : between(x0, y0, x0 + x / width, y0 + y / height);
    actions.draw();
  };
  layer.onpointerup = layer.onpointercancel = ({ type }) => {
    layer.onpointermove = layer.onpointerup = layer.onpointercancel = null;
    const hasMoved = state.isMoving;
    state.isMoving = false;
    if (type === "pointercancel") {
      state.box = origin;
      actions.draw();
    } else if (hasMoved) actions.settle(state.box);
  };
}
