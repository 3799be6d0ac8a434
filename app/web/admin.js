// The page of administration: asks for the key, follows the jobs, and does what its buttons say, all over the API.

import { Problem, request } from "./api.js";
import { readCatalogue, tellTurn, turn } from "./admin_catalogue.js";
import * as keys from "./admin_keys.js";
import { byId } from "./admin_parts.js";
import * as snapshots from "./admin_snapshots.js";
import * as view from "./admin_view.js";

const KEY = "lookalike-admin-key";
const JOBS_SHOWN = 10;
const FIGURES_SHOWN = 30;
const BUSY_MS = 1_000;
const IDLE_MS = 5_000;
const REFUSAL_MS = 8_000;
const WRONG_KEY = "This is not the key of this service.";

// What is read less often than the jobs, in this order: keys first, because only a key of scope admin may see them.
const PARTS = [
  { name: "keys", everyMs: 30_000, read: readKeys },
  { name: "snapshots", everyMs: 15_000, read: readSnapshots },
  { name: "figures", everyMs: 60_000, read: readFigures },
  { name: "catalogue", everyMs: 30_000, read: () => readCatalogue(ask) },
];

const dueAt = new Map();
let timer = 0;
// What was asked before something changed may say what is no longer so; its answer is thrown away.
let generation = 0;
let activeId = null;
let refusalStaysUntil = 0;

/** Thrown where an answer comes too late to be shown. */
class Outdated extends Error {}

// In this tab only, and never in an address: those are remembered, logged and shared.
const key = () => sessionStorage.getItem(KEY);

function send(method, path, body) {
  const headers = { Authorization: `Bearer ${key()}` };
  if (body) headers["Content-Type"] = "application/json";
  return request(method, path, { headers, body: body ? JSON.stringify(body) : null });
}

/** Read something; what somebody did meanwhile makes the answer none, and a failure too. */
async function ask(method, path) {
  const mine = generation;
  const [outcome] = await Promise.allSettled([send(method, path)]);
  if (mine !== generation) throw new Outdated();
  if (outcome.status === "rejected") throw outcome.reason;
  return outcome.value;
}

async function readKeys() {
  keys.showKeys((await ask("GET", "/keys")).keys);
}

async function readSnapshots() {
  const listed = await ask("GET", "/snapshots");
  const isSettled = snapshots.showSnapshots(listed, await serving());
  if (!isSettled) return BUSY_MS;
}

// The service that answers here; it may not have the published snapshot yet, or be unable to take it.
async function serving() {
  try {
    return await ask("GET", "/readyz");
  } catch (error) {
    if (error instanceof Problem && error.status === 503) return { snapshot: null, reason: error.detail };
    throw error;
  }
}

async function readFigures() {
  snapshots.showFigures((await ask("GET", `/snapshots/figures?limit=${FIGURES_SHOWN}`)).figures);
}

/** Read and show everything, and do so again after a while, for as long as somebody looks. */
async function refresh() {
  clearTimeout(timer);
  if (!key() || document.visibilityState !== "visible") return;
  generation += 1;
  let isBusy = false;
  try {
    if (!view.isOpen()) await readPart(PARTS[0]);
    const { jobs } = await ask("GET", `/jobs?limit=${JOBS_SHOWN}`);
    view.showJobs(jobs);
    isBusy = jobs.some(view.isActive);
    noteEnd(jobs);
    await readParts();
    if (performance.now() > refusalStaysUntil) view.complain("");
    view.seenNow();
  } catch (error) {
    if (error instanceof Outdated) return;
    tellOf(error);
  }
  const soonest = Math.min(...dueAt.values()) - performance.now();
  if (key()) timer = setTimeout(refresh, isBusy ? BUSY_MS : Math.min(IDLE_MS, Math.max(BUSY_MS, soonest)));
}

// The desk is shown when all of it is there; what cannot be read is no reason to stay at the door.
async function readParts() {
  try {
    for (const part of PARTS) await readPart(part);
  } finally {
    if (key()) view.open();
  }
}

async function readPart({ name, everyMs, read }) {
  if (performance.now() < (dueAt.get(name) ?? -Infinity)) return;
  const againMs = await read();
  dueAt.set(name, performance.now() + (againMs ?? everyMs));
}

/** Say how the job ended that was under way a moment ago; it may have changed everything else. */
function noteEnd(jobs) {
  const ended = jobs.find((job) => job.id === activeId && !view.isActive(job));
  if (ended) {
    view.say(`The reindex ${ended.state === "cancelled" ? "was cancelled" : ended.state}.`);
    dueAt.clear();
  }
  activeId = jobs.find(view.isActive)?.id ?? null;
}

function tellOf(error) {
  if (error.slug === "invalid-key" || (error.slug === "key-not-enough" && !view.isOpen())) {
    leave();
    // A service without a key says so, and one whose key allows less; to all others a wrong one was given.
    const isToldWhy = error.slug === "key-not-enough" || /LOOKALIKE_ADMIN_KEY|revoked|expired/.test(error.detail);
    view.complain(isToldWhy ? error.detail : WRONG_KEY);
    return;
  }
  if (!(error instanceof Problem)) console.error(error);
  const isOut = ["offline", "unreachable", "timeout"].includes(error.slug);
  view.complain(isOut ? "The service does not answer; this page goes on trying." : error.detail || error.message);
}

/** Change something, show what has become of it, and return the answer; a refusal stays long enough to be read. */
async function change(method, path, body, done = () => {}) {
  clearTimeout(timer);
  generation += 1;
  refusalStaysUntil = 0;
  try {
    const answer = await send(method, path, body);
    view.complain("");
    done(answer);
  } catch (error) {
    tellOf(error);
    refusalStaysUntil = performance.now() + REFUSAL_MS;
  }
  dueAt.clear();
  await refresh();
}

async function onRowAction(event) {
  const button = event.target.closest("button[data-action]");
  if (!button) return;
  const { action, id } = button.dataset;
  const name = encodeURIComponent(id);
  if (action === "retry") await change("POST", `/jobs/${name}/retry`);
  else if (action === "publish") {
    if (await snapshots.askToPublish(id)) await publish(`/snapshots/${name}/publish`);
  } else if (await keys.askToRevoke(id, key())) {
    await change("DELETE", `/keys/${name}`, undefined, () => view.say("The key is revoked."));
  }
}

const publish = (path, body) => change("POST", path, body, ({ id }) => view.say(`Snapshot ${id} is live.`));

async function onRollBack() {
  const from = await snapshots.askToRollBack();
  if (from) await publish("/snapshots/rollback", { live: from });
}

async function onTurn(event) {
  const button = event.target.closest("button");
  if (!button || !turn(button)) return;
  generation += 1;
  dueAt.delete("catalogue");
  await refresh();
  tellTurn();
}

function onNewKey(event) {
  event.preventDefault();
  change("POST", "/keys", keys.wantedKey(), keys.showSecret);
}

function onKey(event) {
  event.preventDefault();
  const given = byId("key").value.trim();
  // A header holds nothing else, so that nothing else can be the key.
  if (!/^[\x21-\x7e]+$/.test(given)) return view.complain(WRONG_KEY);
  view.complain("");
  sessionStorage.setItem(KEY, given);
  dueAt.clear();
  refresh();
}

function leave() {
  generation += 1;
  clearTimeout(timer);
  sessionStorage.removeItem(KEY);
  keys.hideSecret({ isQuiet: true });
  view.askForKey();
}

function onLeave() {
  view.complain("");
  leave();
}

function onStart(event) {
  event.preventDefault();
  change("POST", "/reindex", { full: byId("full").checked });
}

byId("door").addEventListener("submit", onKey);
byId("leave").addEventListener("click", onLeave);
byId("start").addEventListener("submit", onStart);
byId("cancel").addEventListener("click", () => activeId && change("POST", `/jobs/${activeId}/cancel`));
for (const rows of ["jobs", "snapshots", "keys"]) byId(rows).addEventListener("click", onRowAction);
byId("rollback").addEventListener("click", onRollBack);
byId("refusals").addEventListener("click", onTurn);
byId("new-key").addEventListener("submit", onNewKey);
byId("new-key").addEventListener("change", keys.showFields);
byId("secret-copy").addEventListener("click", keys.copySecret);
byId("secret-done").addEventListener("click", () => keys.hideSecret());
new ResizeObserver(snapshots.redraw).observe(byId("chart"));
document.addEventListener("visibilitychange", refresh);

if (key()) refresh();
else view.askForKey({ isArrival: true });
