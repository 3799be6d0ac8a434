// A small line chart as SVG: shares over time, each measured value a point of its own. No style of its own: classes only.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 240;
const EDGE = { top: 12, right: 16, bottom: 32, left: 48 };
const LABEL_PX = 96;
const STEPS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25];
const MOST_TICKS = 5;

const shortDays = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const shortTimes = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/**
 * Draw lines into an `<svg>`, as wide as it is.
 *
 * @param {SVGSVGElement} svg
 * @param {{lines: {className: string, points: {value: ?number, low: ?number, high: ?number, label: string,
 *   isLive: boolean}[]}[], moments: Date[], label: string}} content every line has a point a moment; null: not measured
 */
export function drawChart(svg, { lines, moments, label }) {
  const width = svg.clientWidth;
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute("aria-label", label);
  const scale = scaleOf(lines);
  const inner = width - EDGE.left - EDGE.right;
  const x = (index) => EDGE.left + (moments.length > 1 ? (inner * index) / (moments.length - 1) : inner / 2);
  const y = (value) => EDGE.top + (HEIGHT - EDGE.top - EDGE.bottom) * (1 - (value - scale.low) / (scale.high - scale.low));
  svg.replaceChildren(
    ...scale.ticks.flatMap((tick) => gridLine(tick, y(tick), width)),
    ...dayLabels(moments, x, inner),
    ...lines.map((line) => drawnLine(line, x, y)),
  );
}

// From a little below the lowest value, or its interval, to a little above the highest: differences are small.
function scaleOf(lines) {
  const values = lines.flatMap(({ points }) => points.flatMap(({ value, low, high }) => [value, low, high]));
  const known = values.filter((value) => value !== null);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const span = Math.max(most - least, 0.02);
  const step = STEPS.find((each) => span / each <= MOST_TICKS - 1) ?? STEPS.at(-1);
  const low = Math.max(0, Math.floor(least / step + 1e-9) * step);
  const high = Math.min(1, Math.max(Math.ceil(most / step - 1e-9) * step, low + step));
  const count = Math.round((high - low) / step);
  return { low, high, ticks: Array.from({ length: count + 1 }, (_, index) => low + index * step) };
}

function gridLine(tick, at, width) {
  const text = node("text", { x: EDGE.left - 8, y: at + 4, class: "tick end" });
  text.textContent = `${Number((tick * 100).toFixed(1))}%`;
  return [node("line", { x1: EDGE.left, x2: width - EDGE.right, y1: at, y2: at, class: "grid" }), text];
}

// As many as there is room for, the first and the last always; of one day, the times.
function dayLabels(moments, x, inner) {
  const format = sameDay(moments[0], moments.at(-1)) ? shortTimes : shortDays;
  const room = Math.max(2, Math.floor(inner / LABEL_PX));
  const stride = Math.max(1, Math.ceil((moments.length - 1) / (room - 1)));
  const last = moments.length - 1;
  const wanted = moments.map((_, index) => index).filter((i) => i === last || (i % stride === 0 && last - i >= stride));
  return wanted.map((index) => {
    const side = index === 0 ? "start" : index === last ? "end" : "middle";
    const text = node("text", { x: x(index), y: HEIGHT - 8, class: `tick ${side}` });
    text.textContent = format.format(moments[index]);
    return text;
  });
}

const sameDay = (one, other) => one.toDateString() === other.toDateString();

function drawnLine({ className, points }, x, y) {
  const group = node("g", { class: className });
  const known = points.map((point, index) => ({ ...point, x: x(index) })).filter(({ value }) => value !== null);
  const withBand = known.filter(({ low }) => low !== null);
  if (withBand.length > 1) {
    const there = withBand.map((point) => `${point.x},${y(point.high)}`);
    const back = withBand.map((point) => `${point.x},${y(point.low)}`).reverse();
    group.append(node("polygon", { points: [...there, ...back].join(" "), class: "band" }));
  }
  group.append(node("polyline", { points: known.map((point) => `${point.x},${y(point.value)}`).join(" "), class: "line" }));
  group.append(...known.map((point) => dot(point, y(point.value), className)));
  return group;
}

// Round and square: whoever does not see the colours tells the lines apart all the same.
function dot({ x, label, isLive }, y, className) {
  const size = isLive ? 6 : 4;
  const isRound = className.includes("one");
  const made = isRound
    ? node("circle", { cx: x, cy: y, r: size })
    : node("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size });
  made.setAttribute("class", isLive ? "dot live" : "dot");
  const title = node("title", {});
  title.textContent = label;
  made.append(title);
  return made;
}

function node(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
