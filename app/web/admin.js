// The page of administration: asks for the key, follows the jobs, starts and stops them, makes snapshots live.

import { Problem, request } from "./api.js";
import * as view from "./admin_view.js";

const KEY = "lookalike-admin-key";
const JOBS_SHOWN = 10;
const BUSY_MS = 1_000;
const IDLE_MS = 5_000;
const SNAPSHOTS_MS = 15_000;
const REFUSAL_MS = 4_000;
const WRONG_KEY = "This is not the key of this service.";

const byId = (id) => document.getElementById(id);

let timer = 0;
// What was asked before something changed may say what is no longer so; its answer is thrown away.
let generation = 0;
let snapshotsReadAt = -Infinity;
let activeId = null;
let refusalStaysUntil = 0;

// In this tab only, and never in an address: those are remembered, logged and shared.
const key = () => sessionStorage.getItem(KEY);

function ask(method, path, body) {
  const headers = { Authorization: `Bearer ${key()}` };
  if (body) headers["Content-Type"] = "application/json";
  return request(method, path, { headers, body: body ? JSON.stringify(body) : null });
}

/** Read and show everything, and do so again after a while, for as long as somebody looks. */
async function refresh() {
  clearTimeout(timer);
  if (!key() || document.visibilityState !== "visible") return;
  const mine = ++generation;
  let isBusy = false;
  try {
    const { jobs } = await ask("GET", `/jobs?limit=${JOBS_SHOWN}`);
    if (mine !== generation) return;
    view.open();
    view.showJobs(jobs);
    isBusy = jobs.some(view.isActive);
    noteEnd(jobs);
    if (performance.now() - snapshotsReadAt > SNAPSHOTS_MS) await readSnapshots(mine);
    if (mine !== generation) return;
    if (performance.now() > refusalStaysUntil) view.complain("");
    view.seenNow();
  } catch (error) {
    if (mine !== generation) return;
    tellOf(error);
  }
  if (key()) timer = setTimeout(refresh, isBusy ? BUSY_MS : IDLE_MS);
}

async function readSnapshots(mine) {
  const { snapshots } = await ask("GET", "/snapshots");
  if (mine !== generation) return;
  snapshotsReadAt = performance.now();
  view.showSnapshots(snapshots);
}

/** Say how the job ended that was under way a moment ago; it may have made a snapshot. */
function noteEnd(jobs) {
  const ended = jobs.find((job) => job.id === activeId && !view.isActive(job));
  if (ended) {
    view.say(`The reindex ${ended.state === "cancelled" ? "was cancelled" : ended.state}.`);
    snapshotsReadAt = -Infinity;
  }
  activeId = jobs.find(view.isActive)?.id ?? null;
}

function tellOf(error) {
  if (error.slug === "invalid-key" || (error.slug === "key-not-enough" && !view.isOpen())) {
    sessionStorage.removeItem(KEY);
    view.askForKey();
    // A service without a key says so, and one whose key allows less; to all others a wrong one was given.
    const isToldWhy = error.slug === "key-not-enough" || /LOOKALIKE_ADMIN_KEY|revoked|expired/.test(error.detail);
    view.complain(isToldWhy ? error.detail : WRONG_KEY);
    return;
  }
  if (!(error instanceof Problem)) console.error(error);
  const isOut = ["offline", "unreachable", "timeout"].includes(error.slug);
  view.complain(isOut ? "The service does not answer; this page goes on trying." : error.detail || error.message);
}

/** Change something, then show what has become of it; a refusal stays for long enough to be read. */
async function change(method, path, body) {
  generation += 1;
  refusalStaysUntil = 0;
  try {
    await ask(method, path, body);
  } catch (error) {
    tellOf(error);
    refusalStaysUntil = performance.now() + REFUSAL_MS;
  }
  snapshotsReadAt = -Infinity;
  await refresh();
}

async function onRowAction(event) {
  const button = event.target.closest("button[data-action]");
  if (!button) return;
  const { action, id } = button.dataset;
  if (action === "retry") await change("POST", `/jobs/${encodeURIComponent(id)}/retry`);
  else if (await view.askToPublish(id)) await change("POST", `/snapshots/${encodeURIComponent(id)}/publish`);
}

function onKey(event) {
  event.preventDefault();
  const given = byId("key").value.trim();
  // A header holds nothing else, so that nothing else can be the key.
  if (!/^[\x21-\x7e]+$/.test(given)) return view.complain(WRONG_KEY);
  view.complain("");
  sessionStorage.setItem(KEY, given);
  snapshotsReadAt = -Infinity;
  refresh();
}

function onLeave() {
  generation += 1;
  clearTimeout(timer);
  sessionStorage.removeItem(KEY);
  view.complain("");
  view.askForKey();
}

function onStart(event) {
  event.preventDefault();
  change("POST", "/reindex", { full: byId("full").checked });
}

byId("door").addEventListener("submit", onKey);
byId("leave").addEventListener("click", onLeave);
byId("start").addEventListener("submit", onStart);
byId("cancel").addEventListener("click", () => activeId && change("POST", `/jobs/${activeId}/cancel`));
byId("jobs").addEventListener("click", onRowAction);
byId("snapshots").addEventListener("click", onRowAction);
document.addEventListener("visibilitychange", refresh);

if (key()) refresh();
else view.askForKey({ isArrival: true });
