// Why a hit is one: the parts of two pictures that made them similar, in light, and in words.

import { type Drawn, h } from "./dom";
import type { LightMap, Size } from "./types";

// What did not count is pale, and not dark: a black coat under a dark veil is gone altogether.
const PALEST = 0.85;

/** Describe a veil over a picture of these sides: what did not count is pale. */
export function veil({ seen, values }: LightMap, [width, height]: Size, id: string): Drawn {
  const [left, top, right, bottom] = [seen[0] * width, seen[1] * height, seen[2] * width, seen[3] * height];
  const across = (right - left) / (values[0]?.length ?? 1);
  const down = (bottom - top) / values.length;
  // Filter and frame reach far outside the picture, so that their softened edge is not in it.
  const beyond = { x: -width, y: -height, width: 3 * width, height: 3 * height };
  const frame = `M${-width} ${-height}h${3 * width}v${3 * height}h${-3 * width}zM${left} ${top}V${bottom}H${right}V${top}z`;
  return h(
    "svg.veil",
    { viewBox: `0 0 ${width} ${height}`, "aria-hidden": true },
    h("filter", { id, filterUnits: "userSpaceOnUse", ...beyond }, h("feGaussianBlur", { stdDeviation: Math.min(across, down) / 2 })),
    h(
      "g",
      { filter: `url(#${id})` },
      h("path", { d: frame, opacity: PALEST }),
      values.flatMap((row, y) =>
        row.map((value, x) =>
          h("rect", { x: left + x * across, y: top + y * down, width: across, height: down, opacity: PALEST * (1 - value) }),
        ),
      ),
    ),
  );
}

/** Tell where most of a map's light is: the row (0 to 2) and the column (3 to 5). */
export function whereOf({ seen: [left, top, right, bottom], values }: LightMap): [number, number] {
  let [sum, sumX, sumY] = [0, 0, 0];
  values.forEach((row, y) =>
    row.forEach((value, x) => {
      // Squared, so that the brightest places decide.
      const weight = value * value;
      sum += weight;
      sumX += weight * (left + ((x + 0.5) / row.length) * (right - left));
      sumY += weight * (top + ((y + 0.5) / values.length) * (bottom - top));
    }),
  );
  const third = (share: number): number => (share < 0.42 ? 0 : share > 0.58 ? 2 : 1);
  return [third(sumY / sum), 3 + third(sumX / sum)];
}
