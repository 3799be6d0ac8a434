// The states of the page: home, a search under way, an answer, a problem.

import { thumbnail } from "./api.js";
import { fromTemplate, hitCard, metaOf, outLinks, priceOf, productCard, showBars, showPicture } from "./parts.js";
import { addressOf } from "./trail.js";
import { light, whereOf } from "./why.js";

let isSlow = false;
let retryTimer = 0;

const byId = (id) => document.getElementById(id);
const APP_TITLE = "Lookalike";
const SKELETONS = 10;
const TRAIL_SHOWN = 5;

const numbers = new Intl.NumberFormat("en-GB");
const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

function swapView(name) {
  document.body.dataset.view = name;
  const isHome = name === "home";
  byId("welcome").hidden = byId("examples").hidden = !isHome;
  byId("head").hidden = byId("search").hidden = isHome;
  byId("problem").hidden = true;
  moveIntake(isHome ? "welcome-slot" : "query-slot");
}

// The buttons for another photo are where the eyes are: in the welcome, beside the photo, or below a problem.
function moveIntake(slot) {
  const intake = byId("intake");
  // Moved to where it is already, it would lose the keyboard's focus.
  if (intake.parentElement !== byId(slot)) byId(slot).append(intake);
}

/** Say something to everybody, screen readers included. */
export function say(text) {
  byId("status").textContent = text;
}

/** Show the view before any search. */
export function home() {
  swapView("home");
  document.title = `${APP_TITLE} – find products that look like your photo`;
  byId("facts-line").textContent = "";
  idle();
  say("");
}

/** Show that a search is under way: its subject, the trail to it, and empty places for the hits. */
export function searching(steps, subject) {
  isSlow = false;
  swapView("search");
  document.title = `Searching… – ${APP_TITLE}`;
  byId("results-title").textContent = titleOf(steps.at(-1));
  showTrail(steps);
  showSubject(subject);
  // The picture may still be on its way: an empty place, but no missing one.
  byId("query-picture").parentElement.classList.remove("missing");
  showBars(byId("categories"), null);
  showBars(byId("classes"), subject.kind === "photo" ? null : []);
  byId("verdict").hidden = byId("low-confidence").hidden = byId("more").hidden = true;
  light(byId("query-picture"), null);
  byId("results").setAttribute("aria-busy", "true");
  byId("hits").replaceChildren(...Array.from({ length: SKELETONS }, () => fromTemplate("skeleton")));
  byId("facts-line").textContent = "";
}

// A product that only its address told is nameless until the service has named it, which it may never do.
function titleOf({ kind, label }) {
  if (kind === "photo") return "Products that look like your photo";
  return label ? `Products that look like “${label}”` : "Similar products";
}

/** Say which stage a search is in; `share` (0 to 1) where it is known how far. */
export function stage(text, share = null) {
  const line = isSlow ? `${text} This is taking longer than usual.` : text;
  // Setting the same text again would have screen readers repeat it with every step of an upload.
  if (byId("status").textContent !== line) say(line);
  byId("cancel").hidden = false;
  const bar = byId("progress");
  bar.hidden = false;
  if (share === null) {
    bar.removeAttribute("aria-valuenow");
  } else {
    bar.setAttribute("aria-valuenow", String(Math.round(share * 100)));
    bar.style.setProperty("--share", String(share));
  }
}

/** Say that the current stage takes long. */
export function slow() {
  isSlow = true;
  say(`${byId("status").textContent} This is taking longer than usual.`);
}

/** Show that nothing is under way. */
export function idle() {
  isSlow = false;
  byId("cancel").hidden = byId("progress").hidden = true;
  byId("results").removeAttribute("aria-busy");
}

/** Show what was searched with: a photo, or a product with its facts. */
export function showSubject({ kind, picture = "", product = null }) {
  byId("query-title").textContent = product?.title ?? (kind === "photo" ? "Your photo" : "");
  byId("query-meta").textContent = product ? metaOf(product) : "";
  byId("query-price").textContent = product ? priceOf(product) : "";
  byId("query-out").replaceChildren(...(product ? outLinks(product) : []));
  const isPhoto = kind === "photo";
  const alt = product?.title ?? (isPhoto ? "The photo you searched with" : "");
  showPicture(byId("query-picture"), picture, alt, isPhoto ? "The photo was not kept" : undefined);
}

/** Show an answer: classes, categories, hits and facts. */
export function showAnswer(steps, subject, answer, canHaveMore) {
  swapView("search");
  idle();
  const step = steps.at(-1);
  byId("results-title").textContent = titleOf(step);
  document.title = `${titleOf(step)} – ${APP_TITLE}`;
  showTrail(steps);
  showSubject(subject);
  showBars(byId("categories"), answer.categories ?? []);
  showBars(byId("classes"), answer.classes ?? []);
  showVerdict(answer);
  light(byId("query-picture"), null);
  byId("low-confidence").hidden = !answer.low_confidence;
  byId("hits").replaceChildren(...answer.results.map(hitCard));
  byId("more").hidden = !canHaveMore;
  byId("facts-line").textContent = factsOf(answer);
  say(countOf(answer));
}

// Of a photo of one colour the page says already that hits mean little.
function showVerdict({ match, results, low_confidence: isUnsure }) {
  const line = byId("verdict");
  const words = match && results.length && !isUnsure ? verdictOf(match, results[0].product.title) : "";
  line.hidden = !words;
  line.textContent = words;
  line.dataset.verdict = match?.verdict ?? "";
}

function verdictOf({ verdict, confidence }, title) {
  const sure = `${Math.round(confidence * 100)}% sure`;
  if (verdict === "exact") return `This very picture is in the shop: ${title} (${sure}).`;
  if (verdict === "similar") return `The shop has something alike (${sure}).`;
  return `Nothing quite like it is in this shop; these are the closest (${sure}).`;
}

/** Show why a hit is one, over its picture and the one that was searched with; without an explanation, no more. */
export function showWhy(button, explanation) {
  const query = byId("query-picture");
  for (const other of document.querySelectorAll("#hits .why[aria-pressed=true]")) hideWhy(other);
  light(query, null);
  if (explanation === undefined) return;
  button.setAttribute("aria-pressed", "true");
  const card = button.closest(".card");
  const words = explanation
    ? `Most alike: ${whereOf(explanation.query)} of your picture, and ${whereOf(explanation.hit)} of this one.`
    : "For this one the index keeps nothing that tells why.";
  const text = element("p", words, "why-text");
  button.closest(".why-slot").after(text);
  say(words);
  if (!explanation) return;
  light(card.querySelector("img"), explanation.hit);
  const source = explanation.query_image ? thumbnail(explanation.query_image.url) : query.src;
  // A product may have been compared by another of its pictures than the one that is shown of it.
  if (query.naturalWidth && (!explanation.query_image || query.src === source)) light(query, explanation.query);
  if (source) card.querySelector(".tile").append(whyPicture(source, explanation.query));
}

// On a phone the picture that was searched with is far above the hit, so a small one lies in its corner.
function whyPicture(source, map) {
  const tile = fromTemplate("why-picture");
  const img = tile.querySelector("img");
  img.onload = () => light(img, map);
  img.onerror = () => tile.remove();
  img.src = source;
  return tile;
}

function hideWhy(button) {
  const card = button.closest(".card");
  button.setAttribute("aria-pressed", "false");
  light(card.querySelector("img"), null);
  card.querySelector(".why-picture")?.remove();
  card.querySelector(".why-text")?.remove();
}

function countOf({ results, low_confidence: isUnsure }) {
  const count = results.length;
  if (!count) return "No similar product was found.";
  const unsure = isUnsure ? " The photo is nearly one colour, so they mean little." : "";
  return count === 1 ? `One similar product.${unsure}` : `${count} similar products, the most similar first.${unsure}`;
}

function factsOf({ snapshot, timings_ms: timings }) {
  if (!snapshot) return "";
  const pictures = `${numbers.format(snapshot.images)} ${snapshot.images === 1 ? "picture" : "pictures"}`;
  const products = `${numbers.format(snapshot.products)} ${snapshot.products === 1 ? "product" : "products"}`;
  const time = timings ? ` in ${numbers.format(Math.round(timings.total))} ms` : "";
  const since = dates.format(new Date(snapshot.published_at));
  return `Searched ${pictures} of ${products} with ${snapshot.network}${time}. Index of ${since}.`;
}

/** Show what went wrong, in place of the hits that there are not. */
export function showProblem(words, { keepsHits = false } = {}) {
  idle();
  say("");
  byId("search").hidden = !keepsHits;
  moveIntake("problem-slot");
  document.title = `${words.title} – ${APP_TITLE}`;
  const title = element("h2", words.title);
  const lines = [element("p", words.advice)];
  if (words.detail) lines.push(element("p", `The service says: ${words.detail}`, "said"));
  if (words.reference) lines.push(element("p", `Reference: ${words.reference}`, "said"));
  byId("problem").hidden = false;
  byId("problem-text").replaceChildren(title, ...lines);
  byId("retry").hidden = !words.canRetry;
  byId(words.canRetry ? "retry" : "file").focus();
  waitBeforeRetry(words.retryAfterS);
}

// The seconds are counted on the button and not in the alert, which would read each of them aloud.
function waitBeforeRetry(seconds) {
  clearInterval(retryTimer);
  const button = byId("retry");
  const show = () => {
    button.textContent = seconds > 0 ? `Try again in ${seconds} s` : "Try again";
    button.toggleAttribute("aria-disabled", false);
    if (seconds > 0) button.setAttribute("aria-disabled", "true");
    else clearInterval(retryTimer);
  };
  show();
  if (seconds > 0) {
    retryTimer = setInterval(() => {
      seconds -= 1;
      show();
    }, 1000);
  }
}

/** Show products to start from; none hides the section, null shows empty places for `count`. */
export function showExamples(products, count) {
  const cards = products
    ? products.map((product) => productCard(product, product.images?.[0]?.url))
    : Array.from({ length: count }, () => fromTemplate("skeleton"));
  byId("example-list").replaceChildren(...cards);
  byId("examples").classList.toggle("empty", cards.length === 0);
}

/** Put the keyboard's focus where the reading goes on: the heading, or the hit that was opened from here. */
export function focusOn(productId = null) {
  const links = [...document.querySelectorAll("#hits .card-link")];
  const opened = links.find((link) => link.dataset.product === productId);
  const heading = byId(document.body.dataset.view === "home" ? "welcome-title" : "results-title");
  if (opened) opened.focus({ preventScroll: true });
  else heading.focus();
}

/** Give the focus a place if what had it is gone, and leave it where somebody has moved it. */
export function keepFocus() {
  if (document.activeElement === document.body) focusOn();
}

export const focusHit = (index) => document.querySelectorAll("#hits .card-link")[index]?.focus();

/** Show the steps to here as links; the last one is where one is. Of many, those in the middle are left out. */
export function showTrail(steps) {
  const last = steps.length - 1;
  const crumbs = steps.map((step, index) => {
    const item = crumb(step.label || "Product", step.picture, index === last ? null : addressOf(step), index);
    if (index === last) item.firstElementChild.setAttribute("aria-current", "page");
    return item;
  });
  if (crumbs.length > TRAIL_SHOWN) crumbs.splice(1, crumbs.length - TRAIL_SHOWN, crumb("…", "", null, ""));
  byId("trail").replaceChildren(crumb("Start", "", "/", "start"), ...crumbs);
}

function crumb(label, picture, address, step) {
  const item = fromTemplate("crumb");
  const link = item.firstElementChild;
  const img = link.querySelector("img");
  link.dataset.step = step;
  if (address !== null) link.href = address;
  link.querySelector("span").textContent = label;
  img.onerror = () => img.remove();
  if (picture) img.src = picture;
  else img.remove();
  return item;
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}
