// The search page: <lookalike-search> as in any shop, and what a page of its own can add. The way back is kept in the
// browser's history; what else an answer tells, and products to start from, stand in the element's slots.

import { request } from "./api.js";
import { language, showAnswer, showExamples, showSearch, showTrail, translate } from "./surroundings.js";

const EXAMPLES = 12;

const byId = (id) => document.getElementById(id);
const search = document.querySelector("lookalike-search");
/** The answers by the keys of their steps. */
const answers = new Map();
let hasExamples = false;

const addressOf = (step) => (step?.productId === undefined ? "/" : `/?product=${encodeURIComponent(step.productId)}`);

/** Show what is round a step of the way; the last of them is where one is. */
function surround(steps, photos, title) {
  const step = steps.at(-1);
  byId("trail-nav").hidden = !step;
  showTrail(steps, photos, addressOf, (index) => go(index < 0 ? [] : steps.slice(0, index + 1)));
  if (answers.has(step?.key)) showAnswer(answers.get(step.key));
  else showSearch(step);
  document.title = `${title} – Lookalike`;
  if (!step) loadExamples();
}

/** Go to steps that lie before the ones that are shown. */
function go(steps) {
  history.pushState({ steps }, "", addressOf(steps.at(-1)));
  arrive();
}

/** Show the steps that the history is at. */
function arrive() {
  search.restore(history.state?.steps ?? []);
}

async function loadExamples() {
  if (hasExamples) return;
  hasExamples = true;
  try {
    const { products } = await request("GET", `/products?spread=true&limit=${EXAMPLES}`);
    showExamples(products, (product) => search.similar(product));
  } catch {
    // They are an extra: one can search without them, and a search that fails says why.
    hasExamples = false;
  }
}

search.addEventListener("lookalike:step", ({ detail: { steps, isNew, photos, title } }) => {
  if (isNew) history.pushState({ steps }, "", addressOf(steps.at(-1)));
  else history.replaceState({ steps }, "", addressOf(steps.at(-1)));
  surround(steps, photos, title);
});

search.addEventListener("lookalike:results", ({ detail: { answer, key } }) => {
  answers.set(key, answer);
  showAnswer(answer);
});

addEventListener("popstate", arrive);

byId("brand").addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go([]);
});

byId("skip").addEventListener("click", (event) => {
  // Followed as a link it would put an entry without steps into the history.
  event.preventDefault();
  byId("main").focus();
});

document.documentElement.lang = language;
translate();
await customElements.whenDefined(search.localName);
const productId = new URLSearchParams(location.search).get("product");
if (!history.state && productId) history.replaceState({ steps: [{ productId }] }, "");
arrive();
