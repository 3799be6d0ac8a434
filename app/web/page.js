// The search page: takes a photo or a product, asks the service, shows what comes back, and minds the way back.

import * as api from "./api.js";
import { offerCamera } from "./camera.js";
import { opensElsewhere } from "./parts.js";
import { shrink, takeIn } from "./photo.js";
import { inWords } from "./problems.js";
import * as trail from "./trail.js";
import * as view from "./view.js";

const EXAMPLES = 12;
const FIRST_HITS = 10;
const MORE_HITS = 20;
const MOST_HITS = 100;
const SLOW_MS = 6_000;
const STEPS_REMEMBERED = 40;
// No service takes that much, and sending it would only waste somebody's mobile data.
const HOPELESS_BYTES = 64 * 1024 * 1024;
const SENDING = "Sending your photo…";
const LOOKING = "Looking for similar products…";

const byId = (id) => document.getElementById(id);

/** What is known of each step, by its key: {file, photo, picture, product, answer, k, openedId}. */
const memory = new Map();
let inFlight = null;
let hasExamples = false;

function remember(step) {
  if (!memory.has(step.key)) memory.set(step.key, { k: FIRST_HITS });
  if (memory.size > STEPS_REMEMBERED) {
    const [oldest, known] = memory.entries().next().value;
    if (known.photo) URL.revokeObjectURL(known.picture);
    memory.delete(oldest);
  }
  return memory.get(step.key);
}

// A photo's picture is an address into this page's memory, so the history does not keep it.
const stepsShown = () =>
  trail.steps().map((step) => ({ ...step, picture: memory.get(step.key)?.picture ?? step.picture }));

const subjectOf = (step, known) => ({
  kind: step.kind,
  picture: known.picture ?? step.picture,
  product: known.product ?? null,
});

function searchPhoto(file) {
  const step = trail.photoStep();
  remember(step).file = file;
  trail.push(step, { fresh: true });
}

function searchProduct(product, picture) {
  const from = trail.current();
  if (from) remember(from).openedId = product.id;
  const step = trail.productStep(product.id, product.title, picture);
  Object.assign(remember(step), { product, picture });
  trail.push(step);
}

/** Show the step that the history is at; what was answered once is not asked again. */
function show() {
  inFlight?.abort();
  const step = trail.current();
  if (!step) return showHome();
  const known = remember(step);
  if (isForgotten(step, known)) {
    trail.becomeHome();
    return showHome();
  }
  if (known.answer) {
    showAnswer(step, known);
    view.focusOn(known.openedId);
  } else {
    view.searching(stepsShown(), subjectOf(step, known));
    view.focusOn();
    run(step, known);
  }
}

// A search that came to nothing before a reload, as with a file that is no photo: the photo went with the page.
const isForgotten = (step, { file, photo }) => step.kind === "photo" && !step.queryId && !file && !photo;

function showHome() {
  // On arrival the focus stays at the top, as on any page; coming back it would be lost with what had it.
  const isArrival = document.body.dataset.view === undefined;
  view.home();
  if (!isArrival) view.focusOn();
  loadExamples();
}

function showAnswer(step, known) {
  view.showAnswer(stepsShown(), subjectOf(step, known), known.answer, canHaveMore(known));
}

const canHaveMore = ({ k, answer }) => answer.results.length >= k && k < MOST_HITS;

const run = (step, known) =>
  attempt(async (signal) => {
    const ask = step.kind === "photo" ? askWithPhoto : askWithProduct;
    known.answer = await ask(step, known, signal);
    if (known.answer.query_id) trail.amend({ queryId: known.answer.query_id });
    showAnswer(step, known);
    view.keepFocus();
  });

/** Do something that asks the service, one at a time, and say so when it fails. */
async function attempt(task, { keepsHits = false } = {}) {
  inFlight?.abort();
  const controller = new AbortController();
  inFlight = controller;
  const slow = setTimeout(view.slow, SLOW_MS);
  try {
    await task(controller.signal);
  } catch (error) {
    // Somebody went elsewhere meanwhile; the page already shows that.
    if (controller.signal.aborted) return;
    if (!(error instanceof api.Problem)) console.error(error);
    view.showProblem(inWords(error), { keepsHits });
  } finally {
    clearTimeout(slow);
  }
}

async function askWithPhoto(step, known, signal) {
  if (known.file && !known.photo) {
    view.stage("Preparing your photo…");
    known.photo = await shrink(known.file);
    known.picture = URL.createObjectURL(known.photo);
    signal.throwIfAborted();
    view.showTrail(stepsShown());
    view.showSubject(subjectOf(step, known));
  }
  if (known.photo?.size > HOPELESS_BYTES) throw new api.Problem({ slug: "body-too-large" });
  return searchByPhoto(step, known, known.k, signal, { upload: known.photo });
}

/** Search with the photo itself, or with the service's memory of it; each stands in where the other is lost. */
async function searchByPhoto(step, known, k, signal, { upload, explain = false }) {
  if (!upload && !step.queryId) throw new api.Problem({ slug: "lost-photo" });
  view.stage(upload ? SENDING : LOOKING, upload ? 0 : null);
  try {
    const query = { photo: upload, queryId: step.queryId, k, explain };
    return await api.search(query, { signal, onUpload: upload && showUpload });
  } catch (error) {
    if (upload || error.slug !== "not-found") throw error;
    return searchByPhoto({ ...step, queryId: null }, known, k, signal, { upload: known.photo, explain });
  }
}

function showUpload(share) {
  if (share < 1) view.stage(SENDING, share);
  else view.stage(LOOKING);
}

async function askWithProduct(step, known, signal) {
  view.stage(LOOKING);
  try {
    const [product, answer] = await Promise.all([
      known.product ?? api.product(step.productId, { signal }),
      api.similar(step.productId, known.k, { signal }),
    ]);
    const url = product.images?.[0]?.url;
    known.product = product;
    known.picture ??= url && api.thumbnail(url);
    trail.amend({ label: product.title, picture: known.picture ?? "" });
    return answer;
  } catch (error) {
    throw error.slug === "not-found" ? new api.Problem({ slug: "lost-product" }) : error;
  }
}

function showMore() {
  const step = trail.current();
  const known = remember(step);
  const before = known.answer.results.length;
  const k = Math.min(MOST_HITS, known.k + MORE_HITS);
  return attempt(
    async (signal) => {
      view.stage(LOOKING);
      const answer = await askAgain(step, known, k, signal);
      Object.assign(known, { k, answer });
      showAnswer(step, known);
      view.focusHit(before);
    },
    { keepsHits: true },
  );
}

function askAgain(step, known, k, signal, { explain = false } = {}) {
  if (step.kind === "product") return api.similar(step.productId, k, { signal, explain });
  return searchByPhoto(step, known, k, signal, { upload: step.queryId ? null : known.photo, explain });
}

/** Show why a hit is one, or no longer. The service is asked the first time only, and for all hits at once. */
function onWhy({ detail: { productId, button } }) {
  if (button.getAttribute("aria-pressed") === "true") return view.showWhy(button);
  const step = trail.current();
  const known = remember(step);
  const explained = (answer) => answer.results.find(({ product }) => product.id === productId)?.explanation;
  if (explained(known.answer) !== undefined) return view.showWhy(button, explained(known.answer));
  return attempt(
    async (signal) => {
      view.stage("Comparing the pictures…");
      const answer = await askAgain(step, known, known.answer.results.length, signal, { explain: true });
      view.idle();
      const found = new Map(answer.results.map(({ product, explanation }) => [product.id, explanation]));
      for (const hit of known.answer.results) hit.explanation = found.get(hit.product.id) ?? null;
      view.showWhy(button, explained(known.answer));
    },
    { keepsHits: true },
  );
}

function retry(event) {
  if (event.currentTarget.getAttribute("aria-disabled") === "true") return;
  if (remember(trail.current()).answer) showMore();
  else show();
}

function cancel() {
  inFlight?.abort();
  // What is shown already stays; a search that never came to anything is left.
  if (remember(trail.current()).answer) show();
  else trail.leave();
}

async function loadExamples() {
  if (hasExamples) return;
  view.showExamples(null, EXAMPLES);
  try {
    const page = await api.examples(EXAMPLES);
    hasExamples = true;
    view.showExamples(page.products);
  } catch {
    // The examples are an extra: one can search without them, and a search that fails says why.
    view.showExamples([]);
  }
}

function onCrumb(event) {
  const link = event.target.closest("a[href]");
  if (!link || opensElsewhere(event)) return;
  event.preventDefault();
  if (link.dataset.step === "start") trail.goHome();
  else trail.backTo(Number(link.dataset.step));
}

function wire() {
  const inputs = [byId("file"), byId("capture")];
  takeIn({ inputs, veil: byId("drop-veil"), onPhoto: searchPhoto, onHint: view.say });
  offerCamera({
    captureInput: byId("capture"),
    captureLabel: byId("capture-label"),
    openButton: byId("camera-open"),
    dialog: byId("camera"),
    onPhoto: searchPhoto,
  });
  document.addEventListener("product-open", ({ detail }) => searchProduct(detail.product, detail.picture));
  document.addEventListener("why-wanted", onWhy);
  byId("trail").addEventListener("click", onCrumb);
  byId("brand").addEventListener("click", (event) => {
    if (opensElsewhere(event)) return;
    event.preventDefault();
    trail.goHome();
  });
  byId("skip").addEventListener("click", (event) => {
    // Followed as a link it would put an entry without steps into the history.
    event.preventDefault();
    byId("main").focus();
  });
  byId("cancel").addEventListener("click", cancel);
  byId("retry").addEventListener("click", retry);
  byId("more").addEventListener("click", showMore);
}

wire();
trail.start(show);
show();
