// What the catalogue holds, and what was refused on the way into it, on the page of administration.

import { byId, dates, element, isShown, numbers, row, say, showRows, twoLines } from "./admin_parts.js";

const PAGE = 20;
const RUNS = { import: "The import of", reindex: "The reindex of" };

let reason = "";
// The cursors of the pages before this one, and of this one; the first page has none.
let cursors = [null];
let next = null;
let summary = null;

/** Read the summary and the page of refusals that is looked at, and show both. */
export async function readCatalogue(ask) {
  const found = await ask("GET", "/catalogue");
  if (reason && !found.reasons.some((each) => each.reason === reason)) choose("");
  const page = found.refused ? await ask("GET", addressOfPage()) : { refused: [], next_cursor: null };
  // Another import replaced the list meanwhile, and it is shorter: begin again.
  if (found.refused && page.refused.length === 0 && cursors.length > 1) {
    choose(reason);
    return readCatalogue(ask);
  }
  summary = found;
  next = page.next_cursor;
  show(page.refused);
}

function addressOfPage() {
  const query = new URLSearchParams({ limit: String(PAGE) });
  if (reason) query.set("reason", reason);
  if (cursors.at(-1)) query.set("cursor", cursors.at(-1));
  return `/catalogue/refused?${query}`;
}

function choose(wanted) {
  reason = wanted;
  cursors = [null];
}

/** Have the list go where a button leads; return whether the button was one of these. */
export function turn(button) {
  if ("reason" in button.dataset) {
    choose(button.dataset.reason);
  } else if (button.id === "refused-next" && next) {
    cursors.push(next);
    next = null;
  } else if (button.id === "refused-before" && cursors.length > 1) {
    cursors.pop();
  } else {
    return false;
  }
  return true;
}

/** After a turn: say where we are, and keep the focus where it can go on from. */
export function tellTurn() {
  say(byId("refused-where").textContent);
  if (document.activeElement === document.body || document.activeElement?.disabled) byId("refused-where").focus();
}

function show(items) {
  for (const name of ["products", "images", "categories", "refused"]) {
    byId(`catalogue-${name}`).textContent = numbers.format(summary[name]);
  }
  const runs = summary.runs.map(
    ({ run, finished_at: at, refused }) =>
      `${RUNS[run]} ${dates.format(new Date(at))} refused ${refused ? numbers.format(refused) : "nothing"}.`,
  );
  byId("catalogue-runs").textContent = runs.join(" ") || "What an import refuses is listed here.";
  byId("refusals").hidden = summary.refused === 0;
  showReasons();
  const total = totalOf(reason);
  const first = (cursors.length - 1) * PAGE + 1;
  byId("refused-where").textContent = `${numbers.format(first)} to ${numbers.format(first + items.length - 1)} of ${numbers.format(total)}`;
  byId("refused-before").disabled = cursors.length === 1;
  byId("refused-next").disabled = next === null;
  byId("refused-pages").hidden = cursors.length === 1 && next === null;
  showRows("refused-rows", items, refusedRow);
}

const totalOf = (name) =>
  name ? (summary.reasons.find((each) => each.reason === name)?.count ?? 0) : summary.refused;

function showReasons() {
  const all = [{ reason: "", title: "All", count: summary.refused }, ...summary.reasons];
  if (isShown("refused-reasons", [all, reason])) return;
  const focused = byId("refused-reasons").contains(document.activeElement) ? document.activeElement.dataset.reason : null;
  byId("refused-reasons").replaceChildren(...all.map(reasonButton));
  if (focused !== null) byId("refused-reasons").querySelector(`[data-reason="${CSS.escape(focused)}"]`)?.focus();
}

function reasonButton({ reason: name, title, count }) {
  const item = element("li");
  const made = element("button", `${title} `, "chip");
  made.type = "button";
  made.dataset.reason = name;
  made.setAttribute("aria-pressed", String(name === reason));
  made.append(element("span", numbers.format(count), "count"));
  item.append(made);
  return item;
}

function refusedRow(item) {
  return row([
    ["Picture", placeOf(item.place)],
    ["Product", productOf(item)],
    ["Why", twoLines(element("strong", item.title), item.message)],
    ["What to do", item.advice],
  ]);
}

// An address of the shop's feed, to be looked at; one that is no web address becomes no link.
function placeOf(place) {
  if (!/^https?:\/\//.test(place) || !URL.canParse(place)) return element("span", place, "place");
  const link = element("a", place, "place");
  Object.assign(link, { href: place, target: "_blank", rel: "noopener noreferrer" });
  link.append(element("span", " (opens in a new tab)", "visually-hidden"));
  return link;
}

function productOf({ product_id: id, product_title: title, kept }) {
  if (id === null) return "–";
  if (title === null) return twoLines(id, "not in the catalogue");
  return twoLines(title, `${id} – ${kept ? "its earlier picture stays" : "shown with other pictures"}`);
}
