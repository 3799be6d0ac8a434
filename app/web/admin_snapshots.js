// Snapshots, and how good they were over time, on the page of administration.

import { drawChart } from "./admin_chart.js";
import { badge, byId, dates, days, element, isShown, numbers, question, row, showRows, twoLines } from "./admin_parts.js";

const MIB = 1024 * 1024;
const SHORT_TABLE = 6;
const EXCHANGE_MS = 6_000;

/** What is told of a snapshot, where it could be measured; `name` is that of docs/evaluation.md. */
const SERIES = [
  {
    name: "category_precision_at_10",
    title: "Right category",
    means: "of the ten products shown are of the picture’s category",
  },
  {
    name: "product_recall_at_10",
    title: "Finds its own product",
    means: "of pictures find their product by another picture of it",
  },
];
const EXACT = "recall_at_10";

let live = null;
let previous = null;
let byPublishing = new Map();
let figures = [];
let behindSince = Infinity;

/** Show the snapshots on the disk, and what is searched; return whether that is the live one, or will not be soon. */
export function showSnapshots({ snapshots, previous: before }, serving) {
  live = snapshots.find((snapshot) => snapshot.live) ?? null;
  previous = before;
  byPublishing = new Map(snapshots.map((snapshot) => [snapshot.id, snapshot]));
  const isSettled = showServing(serving);
  byId("rollback-line").hidden = !previous || !live;
  byId("rollback").firstChild.textContent = `Roll back to ${previous} `;
  showRows("snapshots", snapshots, snapshotRow);
  return isSettled;
}

// What is published and what is searched differ for a moment, or for as long as a server cannot take the snapshot.
function showServing({ snapshot, reason }) {
  const isBehind = Boolean(live && snapshot && live.id !== snapshot);
  if (!isBehind) behindSince = Infinity;
  else behindSince = Math.min(behindSince, performance.now());
  const isTold = Boolean(reason) || performance.now() - behindSince > EXCHANGE_MS;
  byId("behind").hidden = !isTold;
  if (!isTold) return !isBehind;
  const from = snapshot ? `Searches are still answered from ${snapshot}.` : "Searches cannot be answered now.";
  byId("behind").textContent = [from, reason].filter(Boolean).join(" ");
  return true;
}

function snapshotRow(snapshot) {
  const name = element("span", snapshot.id, "whole");
  const line = element("span", "", "named");
  line.append(name, " ");
  if (snapshot.live) line.append(badge("live"));
  if (snapshot.problem) line.append(badge("damaged"));
  return row(
    [
      ["Snapshot", twoLines(line, snapshot.problem ?? snapshot.network)],
      ["Products", snapshot.products === null ? "" : numbers.format(snapshot.products)],
      ["Pictures", snapshot.images === null ? "" : numbers.format(snapshot.images)],
      ["Published", snapshot.published_at ? dates.format(new Date(snapshot.published_at)) : "never"],
      ["Size", `${numbers.format(Math.ceil(snapshot.size_bytes / MIB))} MiB`],
    ],
    !snapshot.live && !snapshot.problem ? ["Make live", "publish", snapshot.id, snapshot.id] : null,
  );
}

/** Ask whether a snapshot shall be made live. */
export function askToPublish(id) {
  return question({ title: `Make snapshot ${id} live?`, text: consequences(id), yes: "Make it live" });
}

/** Ask whether to roll back; return the snapshot to take back, or null. */
export async function askToRollBack() {
  const from = live.id;
  const isWanted = await question({
    title: `Roll back to ${previous}?`,
    text: `${from} is taken back. ${consequences(previous)}`,
    yes: "Roll back",
  });
  return isWanted ? from : null;
}

function consequences(id) {
  const network = byPublishing.get(id)?.network;
  const isOther = network && live?.network && network !== live.network;
  const wait = `It was made with another network (${network}): servers go on with what they have until they are restarted.`;
  const effect = isOther ? wait : `Searches answer from ${id} within a second.`;
  return `${effect} Nothing is deleted; another one can be made live at any time.`;
}

/** Show the figures over time: as they are now, as lines, and all of them in a table. */
export function showFigures(all) {
  figures = all;
  if (isShown("figures", all)) return;
  const told = SERIES.filter(({ name }) => all.some(({ metrics }) => name in metrics));
  byId("no-figures").hidden = told.length > 0;
  byId("told-figures").hidden = told.length === 0;
  byId("tiles").replaceChildren(...told.map((series) => tile(series, all)));
  byId("legend").replaceChildren(...told.map((series) => element("li", series.title, seriesClass(series))));
  byId("chart-parts").hidden = all.length < 2;
  if (all.length === 1) byId("figures-table-fold").open = true;
  else if (byId("figures-rows").childElementCount === 0) byId("figures-table-fold").open = all.length <= SHORT_TABLE;
  byId("figures-count").textContent = `All figures (${numbers.format(all.length)})`;
  byId("figures-rows").replaceChildren(...[...all].reverse().map(figuresRow));
  redraw();
}

/** Draw the chart as wide as there is room now. */
export function redraw() {
  if (byId("chart-parts").hidden || !byId("chart").clientWidth) return;
  const lines = SERIES.map((series) => ({
    title: series.title,
    className: seriesClass(series),
    points: figures.map(({ metrics, snapshot, measured_at: at, live: isLive }) => ({
      value: metrics[series.name] ?? null,
      low: metrics[`${series.name}_low`] ?? null,
      high: metrics[`${series.name}_high`] ?? null,
      label: `${series.title}: ${percent(metrics[series.name])}, ${snapshot}, ${dates.format(new Date(at))}`,
      isLive,
    })),
  })).filter(({ points }) => points.some(({ value }) => value !== null));
  drawChart(byId("chart"), {
    lines,
    moments: figures.map(({ measured_at: at }) => new Date(at)),
    label: inWords(lines),
  });
}

const seriesClass = ({ name }) => (name === SERIES[0].name ? "series one" : "series two");

// What somebody who does not see the lines has of them; the table has every value.
function inWords(lines) {
  const course = lines.map(({ title, points }) => {
    const known = points.filter(({ value }) => value !== null);
    return `${title}: from ${percent(known[0].value)} to ${percent(known.at(-1).value)}`;
  });
  const span = `${days.format(new Date(figures[0].measured_at))} to ${days.format(new Date(figures.at(-1).measured_at))}`;
  return `${numbers.format(figures.length)} snapshots, ${span}. ${course.join("; ")}. The table below has every value.`;
}

// The one that is live, and the measured one before it.
function tile({ name, title, means }, all) {
  const known = all.filter(({ metrics }) => name in metrics);
  const at = known.findIndex(({ live: isLive }) => isLive);
  const now = at < 0 ? known.at(-1) : known[at];
  const before = known[(at < 0 ? known.length - 1 : at) - 1];
  const made = element("div", "", "tile");
  const value = element("dd", "", "tile-value");
  value.append(element("span", percent(now.metrics[name])), element("span", changeOf(now, before, name), "quiet"));
  made.append(element("dt", title), value, element("dd", means, "quiet"));
  return made;
}

function changeOf(now, before, name) {
  if (!before) return "";
  const points = Math.round((now.metrics[name] - before.metrics[name]) * 1000) / 10;
  if (points === 0) return "as before";
  return `${Math.abs(points).toFixed(1)} points ${points > 0 ? "more" : "less"} than before`;
}

function figuresRow(each) {
  const name = element("span", "", "named");
  name.append(element("span", each.snapshot, "whole"), " ");
  if (each.live) name.append(badge("live"));
  else if (!each.on_disk) name.append(badge("removed"));
  return row([
    ["Snapshot", twoLines(name, each.network)],
    ["Measured", dates.format(new Date(each.measured_at))],
    ...SERIES.map(({ name: metric, title }) => [title, withInterval(each.metrics, metric)]),
    ["Index against exact", percent(each.metrics[EXACT])],
  ]);
}

function withInterval(metrics, name) {
  const [value, low, high] = [name, `${name}_low`, `${name}_high`].map((key) => metrics[key]);
  return low === undefined ? percent(value) : twoLines(percent(value), `${percent(low)} to ${percent(high)}`);
}

const percent = (share) => (share === undefined || share === null ? "–" : `${(share * 100).toFixed(1)}%`);
