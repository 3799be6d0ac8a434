// The door, and the jobs, on the page of administration.

import { badge, byId, complain, dates, element, forgetShown, numbers, row, say, showRows } from "./admin_parts.js";

const times = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

const LONELY_MS = 10_000;
// A worker says at least every 5 s how far it is; after 30 s without a word, another one may go on with its job.
const SILENT_MS = 40_000;
const ACTIVE = ["queued", "running"];
const SILENT = "Its worker is silent. Another one goes on with it; does “lookalike worker” run?";

let waiting = { id: "", since: 0 };
let heard = { at: "", since: 0 };
let toldPhase = "";

export { complain, say };
export const isActive = ({ state }) => ACTIVE.includes(state);

/** Ask for the key; the focus goes to its field, except on arrival, where it stays at the top as on any page. */
export function askForKey({ isArrival = false } = {}) {
  byId("desk").hidden = byId("leave").hidden = true;
  byId("door").hidden = false;
  byId("seen").textContent = "";
  byId("key").value = "";
  forgetShown();
  if (!isArrival) byId("key").focus();
}

export const isOpen = () => !byId("desk").hidden;

/** Show the desk in place of the question for the key. */
export function open() {
  if (isOpen()) return;
  const hadFocus = byId("door").contains(document.activeElement);
  byId("door").hidden = true;
  byId("desk").hidden = byId("leave").hidden = false;
  if (hadFocus) byId("main").focus();
}

/** Show when the service last answered. */
export function seenNow() {
  byId("seen").textContent = `As of ${times.format(new Date())}.`;
}

/** Show the job under way, if there is one, and the last ones. */
export function showJobs(jobs) {
  const active = jobs.find(isActive);
  const holdsFocus = byId(active ? "start" : "running").contains(document.activeElement);
  byId("running").hidden = !active;
  byId("start").hidden = Boolean(active);
  if (active) showActive(active);
  else toldPhase = "";
  // What had the focus is gone; it goes on where the eyes do.
  if (holdsFocus) (active ? byId("cancel") : byId("start").querySelector("button")).focus();
  const over = jobs.filter((job) => !isActive(job));
  byId("no-jobs").hidden = over.length > 0;
  byId("jobs-table").hidden = over.length === 0;
  showRows("jobs", over, jobRow);
}

function showActive(job) {
  const isRunning = job.state === "running";
  const isSilent = isRunning && hasBeenSilent(job);
  const phase = isSilent ? SILENT : isRunning ? (job.phase ?? "Beginning") : waitingText(job);
  byId("phase").textContent = job.cancel_requested ? `${phase} – will be cancelled after this step` : phase;
  byId("done").textContent = numbers.format(job.done) + (job.total ? ` of ${numbers.format(job.total)}` : "");
  byId("rate").textContent = job.rate && !isSilent ? `${numbers.format(job.rate)} a second` : "–";
  byId("left").textContent = job.seconds_left === null || isSilent ? "–" : duration(job.seconds_left);
  byId("attempt").textContent = `${Math.max(job.attempt, 1)} of ${job.max_attempts}`;
  byId("cancel").disabled = job.cancel_requested;
  showMeter(isRunning && job.total ? Math.min(1, job.done / job.total) : null);
  showRefused(job.refused);
  // Once a phase: with every number, nobody who listens to the page could do anything else.
  if (phase !== toldPhase) say(`Reindex: ${phase}.`);
  toldPhase = phase;
}

function waitingText({ id, started_at: startedAt }) {
  if (waiting.id !== id) waiting = { id, since: performance.now() };
  // A worker had it, and gave it back: because another run was under way, or because it was told to stop.
  if (startedAt) return "Waiting for another run to end, or for a worker";
  const isLonely = performance.now() - waiting.since > LONELY_MS;
  return isLonely ? "Waiting, but no worker takes it. Does “lookalike worker” run?" : "Waiting for a worker";
}

// By the clock of this page alone, which may be wrong, but goes on.
function hasBeenSilent({ id, heartbeat_at: heartbeatAt }) {
  const at = `${id} ${heartbeatAt}`;
  if (heard.at !== at) heard = { at, since: performance.now() };
  return performance.now() - heard.since > SILENT_MS;
}

function showMeter(share) {
  const meter = byId("meter");
  if (share === null) return meter.removeAttribute("aria-valuenow");
  meter.setAttribute("aria-valuenow", String(Math.floor(share * 100)));
  meter.style.setProperty("--share", String(share));
}

function showRefused(refused) {
  const reasons = Object.entries(refused);
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  byId("refused").hidden = total === 0;
  byId("refused-title").textContent = `Refused: ${numbers.format(total)}`;
  byId("reasons").replaceChildren(...reasons.map(([slug, count]) => element("li", `${numbers.format(count)} ${slug}`)));
}

function jobRow(job) {
  const queued = dates.format(new Date(job.created_at));
  return row(
    [
      ["State", badge(job.state)],
      ["Queued", element("span", queued, "whole")],
      ["Took", job.started_at && element("span", duration(secondsOf(job)), "whole")],
      ["Outcome", outcomeOf(job)],
    ],
    ["failed", "cancelled"].includes(job.state) && ["Try again", "retry", job.id, `job of ${queued}`],
  );
}

const secondsOf = (job) => (new Date(job.finished_at) - new Date(job.started_at)) / 1000;

function outcomeOf({ error, result, refused }) {
  const count = Object.values(refused).reduce((sum, each) => sum + each, 0);
  const parts = [
    error?.message,
    result?.snapshot && (result.new ? `Snapshot ${result.snapshot}.` : `Nothing changed; ${result.snapshot} stayed.`),
    count > 0 && `${numbers.format(count)} refused.`,
    ...(result?.warnings ?? []),
  ];
  return parts.filter(Boolean).join(" ");
}

/** Return seconds as “45 s”, “3 min 20 s” or “2 h 5 min”. */
function duration(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 ? `${minutes} min ${whole % 60} s` : `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 60)} h`;
}
