// Everything that is put on the page. Data of the shop and of the service only ever becomes text or an address.

import { thumbnail } from "./api.js";
import { addressOf, productAddress } from "./trail.js";

const byId = (id) => document.getElementById(id);
const APP_TITLE = "Lookalike";
const SKELETONS = 10;
const BARS = 5;

const numbers = new Intl.NumberFormat("en-GB");
const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function fromTemplate(id) {
  return byId(id).content.firstElementChild.cloneNode(true);
}

function swapView(name) {
  document.body.dataset.view = name;
  const isHome = name === "home";
  byId("welcome").hidden = byId("examples").hidden = !isHome;
  byId("head").hidden = byId("search").hidden = isHome;
  byId("problem").hidden = true;
  moveIntake(isHome ? "welcome-slot" : "query-slot");
}

// The buttons for another photo are where the eyes are: in the welcome, beside the photo, or below a problem.
const moveIntake = (slot) => byId(slot).append(byId("intake"));

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
  swapView("search");
  document.title = `Searching… – ${APP_TITLE}`;
  byId("results-title").textContent = titleOf(steps.at(-1));
  showTrail(steps);
  showSubject(subject);
  showBars(byId("categories"), null);
  showBars(byId("classes"), subject.kind === "photo" ? null : []);
  byId("low-confidence").hidden = byId("more").hidden = true;
  byId("results").setAttribute("aria-busy", "true");
  byId("hits").replaceChildren(...Array.from({ length: SKELETONS }, () => fromTemplate("skeleton")));
  byId("facts-line").textContent = "";
}

const titleOf = (step) =>
  step.kind === "photo" ? "Products that look like your photo" : `Products that look like “${step.label}”`;

let isSlow = false;

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
  showPicture(byId("query-picture"), picture, product?.title ?? (kind === "photo" ? "The photo you searched with" : ""));
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
  byId("low-confidence").hidden = !answer.low_confidence;
  byId("hits").replaceChildren(...answer.results.map(hitCard));
  byId("more").hidden = !canHaveMore;
  byId("facts-line").textContent = factsOf(answer);
  say(countOf(answer));
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

let retryTimer = 0;

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
    ? products.map((product) => card(product, product.images?.[0]?.url))
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

function hitCard({ product, image, score }) {
  const item = card(product, image.url);
  item.querySelector(".out-slot").append(...outLinks(product));
  item.querySelector(".score").textContent = `Similarity ${score.toFixed(2)}`;
  return item;
}

function card(product, pictureUrl) {
  const item = fromTemplate("card");
  const img = item.querySelector("img");
  const link = item.querySelector(".card-link");
  link.href = productAddress(product.id);
  link.dataset.product = product.id;
  link.addEventListener("click", (event) => {
    if (opensElsewhere(event)) return;
    event.preventDefault();
    link.dispatchEvent(new CustomEvent("product-open", { bubbles: true, detail: { product, picture: img.src } }));
  });
  item.querySelector(".card-name").textContent = product.title;
  item.querySelector(".meta").textContent = metaOf(product);
  item.querySelector(".price").textContent = priceOf(product);
  showPicture(img, pictureUrl ? thumbnail(pictureUrl) : "", product.title);
  return item;
}

// A new tab or window, as with any link.
export const opensElsewhere = (event) => event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;

const metaOf = ({ brand, category }) => [category && capitalised(category), brand].filter(Boolean).join(" · ");

function priceOf({ price, currency }) {
  if (price === null || price === undefined) return "";
  try {
    return new Intl.NumberFormat("en-GB", { style: "currency", currency }).format(price);
  } catch {
    // No currency, or a code that is none.
    return [price, currency].filter(Boolean).join(" ");
  }
}

// The address comes from the shop's data: one that is no web address (javascript:, data:) becomes no link.
function outLinks({ url, title }) {
  if (!url || !/^https?:$/.test(protocolOf(url))) return [];
  const link = fromTemplate("out");
  link.href = url;
  link.querySelector("span").textContent = `(${title}, opens in a new tab)`;
  return [link];
}

function protocolOf(url) {
  try {
    return new URL(url, location.href).protocol;
  } catch {
    return "";
  }
}

function showPicture(img, source, text) {
  const tile = img.parentElement;
  tile.classList.toggle("missing", !source && text !== "");
  img.alt = text;
  img.onload = () => tile.style.setProperty("--matte", edgeColour(img));
  img.onerror = () => tile.classList.add("missing");
  if (source) img.src = source;
  else img.removeAttribute("src");
}

const MATTE_PX = 16;
const sampler = new OffscreenCanvas(MATTE_PX, MATTE_PX).getContext("2d", { willReadFrequently: true });

// The usual colour along the two edges beside which a picture leaves its tile empty: a studio's background then goes
// on seamlessly, whatever the picture's shape. The median, since a sleeve that touches the edge must not tint it.
function edgeColour(img) {
  sampler.fillStyle = "#fff";
  sampler.fillRect(0, 0, MATTE_PX, MATTE_PX);
  sampler.drawImage(img, 0, 0, MATTE_PX, MATTE_PX);
  const { width, height } = img.parentElement.getBoundingClientRect();
  const isNarrow = img.naturalWidth / img.naturalHeight < width / height;
  const edge = (at) => sampler.getImageData(...(isNarrow ? [at, 0, 1, MATTE_PX] : [0, at, MATTE_PX, 1])).data;
  const pixels = [...edge(0), ...edge(MATTE_PX - 1)];
  const median = (channel) => pixels.filter((_, index) => index % 4 === channel).sort((a, b) => a - b)[MATTE_PX];
  return `rgb(${median(0)} ${median(1)} ${median(2)})`;
}

/** Fill a list of bars; null shows empty places, and a section with nothing to say is not there. */
function showBars(section, shares) {
  section.hidden = shares?.length === 0;
  const bars = shares ? shares.slice(0, BARS).map(filledBar) : Array.from({ length: BARS }, emptyBar);
  section.querySelector(".bars").replaceChildren(...bars);
}

function filledBar({ label, probability }) {
  const bar = fromTemplate("bar");
  bar.querySelector(".bar-label").textContent = nameOf(label);
  bar.querySelector(".bar-share").textContent = percent(probability);
  bar.querySelector(".bar-track").style.setProperty("--share", String(probability));
  return bar;
}

function emptyBar() {
  const bar = fromTemplate("bar");
  bar.setAttribute("aria-hidden", "true");
  bar.classList.add("skeleton");
  bar.querySelector(".bar-label").textContent = "\u00a0";
  return bar;
}

// ImageNet's labels list synonyms ("jersey, T-shirt, tee shirt"); the first one says enough.
const nameOf = (label) => capitalised(label.split(",")[0].replaceAll("_", " "));

const percent = (share) => (share > 0 && share < 0.01 ? "under 1%" : `${Math.round(share * 100)}%`);

function showTrail(steps) {
  const start = crumb("Start", "", "/");
  start.firstElementChild.dataset.step = "start";
  const crumbs = steps.map((step, index) => {
    const isLast = index === steps.length - 1;
    const item = crumb(step.label, step.picture, isLast ? null : addressOf(step));
    item.firstElementChild.dataset.step = String(index);
    if (isLast) item.firstElementChild.setAttribute("aria-current", "page");
    return item;
  });
  byId("trail").replaceChildren(start, ...crumbs);
}

function crumb(label, picture, address) {
  const item = fromTemplate("crumb");
  const link = item.firstElementChild;
  const img = link.querySelector("img");
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
