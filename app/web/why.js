// Why a hit is one: the parts of two pictures that made them similar, in light, and in words.

const SVG = "http://www.w3.org/2000/svg";
// What did not count is pale, and not dark: a black coat under a dark veil is gone altogether.
const PALEST = 0.85;
let veils = 0;

/** Lay a map over the picture of a tile: what did not count is pale. Without a map it is taken away. */
export function light(img, map) {
  const tile = img.parentElement;
  tile.querySelector(":scope > .veil")?.remove();
  if (!map || !img.naturalWidth) return;
  const { naturalWidth: width, naturalHeight: height } = img;
  const veil = shape("svg", { class: "veil", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const [left, top, right, bottom] = scaled(map.seen, width, height);
  const cell = [(right - left) / map.values[0].length, (bottom - top) / map.values.length];
  const id = `veil-${(veils += 1)}`;
  // Both reach far outside the picture, so that their softened edge is not in it.
  const beyond = { x: -width, y: -height, width: 3 * width, height: 3 * height, filterUnits: "userSpaceOnUse" };
  const soft = shape("filter", { id, ...beyond });
  soft.append(shape("feGaussianBlur", { stdDeviation: Math.min(...cell) / 2 }));
  const cells = shape("g", { filter: `url(#${id})` });
  const outside = `M${-width} ${-height}H${2 * width}V${2 * height}H${-width}Z`;
  cells.append(shape("path", { d: `${outside}M${left} ${top}V${bottom}H${right}V${top}Z`, opacity: PALEST }));
  map.values.forEach((row, y) =>
    row.forEach((value, x) => {
      const place = { x: left + x * cell[0], y: top + y * cell[1], width: cell[0], height: cell[1] };
      cells.append(shape("rect", { ...place, opacity: PALEST * (1 - value) }));
    }),
  );
  veil.append(soft, cells);
  tile.append(veil);
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

const scaled = ([left, top, right, bottom], width, height) => [left * width, top * height, right * width, bottom * height];

/** Say in words where most of a map's light is, such as "the upper half" of a picture. */
export function whereOf({ seen: [left, top, right, bottom], values }) {
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
  if (!sum) return "nowhere in particular";
  const across = sideOf(sumX / sum, "left", "right");
  const down = sideOf(sumY / sum, "upper", "lower");
  if (!across && !down) return "the middle";
  return across && down ? `the ${down} ${across}` : `the ${across || down} half`;
}

function sideOf(share, before, after) {
  if (share < 0.42) return before;
  return share > 0.58 ? after : "";
}
