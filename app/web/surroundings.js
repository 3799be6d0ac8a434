// What stands round the element on the search page: the trail, what was seen in the photo, examples, the small print.
// Data of the shop and of the service only ever becomes text, or an address on this service.

const BARS = 5;
const TRAIL_SHOWN = 5;
const CRUMB_PX = 56;

export const language = /^de\b/i.test(navigator.language) ? "de" : "en";

const GERMAN = {
  skip: "Zum Inhalt",
  api: "Für Programme",
  "categories-title": "Wahrscheinliche Kategorie",
  "classes-title": "Auf dem Foto zu sehen",
  "examples-title": "Oder beginnen Sie mit einem von diesen",
};
const WORDS = {
  en: { way: "Your way here", start: "Start", product: "Product", find: "find similar", under: "under 1%" },
  de: { way: "Ihr Weg hierher", start: "Anfang", product: "Produkt", find: "Ähnliche finden", under: "unter 1 %" },
}[language];

const locale = language === "de" ? "de" : "en-GB";
const numbers = new Intl.NumberFormat(locale);
const percents = new Intl.NumberFormat(locale, { style: "percent" });
const dates = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const byId = (id) => document.getElementById(id);

function element(name, className = "", ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

/** Put the page's own few words into the browser's language. */
export function translate() {
  if (language !== "de") return;
  for (const [id, text] of Object.entries(GERMAN)) byId(id).textContent = text;
  byId("trail-nav").ariaLabel = WORDS.way;
}

/** Show the steps to here as links; the last one is where one is. Of many, those in the middle are left out. */
export function showTrail(steps, photos, addressOf, go) {
  const last = steps.length - 1;
  const crumbs = steps.map((step, index) => {
    const link = crumb(step.label || WORDS.product, photos[index] ?? step.picture);
    if (index === last) link.ariaCurrent = "page";
    else lead(link, addressOf(step), () => go(index));
    return link;
  });
  if (crumbs.length > TRAIL_SHOWN) crumbs.splice(1, crumbs.length - TRAIL_SHOWN, crumb("…"));
  const start = crumb(WORDS.start);
  lead(start, "/", () => go(-1));
  byId("trail").replaceChildren(...[start, ...crumbs].map((link) => element("li", "crumb", link)));
}

function lead(link, address, go) {
  link.href = address;
  link.addEventListener("click", (event) => {
    if (opensElsewhere(event)) return;
    event.preventDefault();
    go();
  });
}

function crumb(label, picture) {
  const name = element("span", "", label);
  name.dir = "auto";
  return picture ? element("a", "", thumbnail(picture), name) : element("a", "", name);
}

// A photo is drawn, a product's picture has an address.
function thumbnail(picture) {
  if (typeof picture === "string") {
    const img = element("img");
    img.alt = "";
    img.src = picture;
    img.addEventListener("error", () => img.remove());
    return img;
  }
  const canvas = element("canvas");
  canvas.width = canvas.height = CRUMB_PX;
  const scale = CRUMB_PX / Math.min(picture.width, picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  canvas.getContext("2d").drawImage(picture, (CRUMB_PX - width) / 2, (CRUMB_PX - height) / 2, width, height);
  return canvas;
}

/** Show empty places while a search is under way, or nothing where there is none. */
export function showSearch(step) {
  byId("facts").hidden = !step;
  byId("facts-line").textContent = "";
  showBars(byId("categories"), null);
  showBars(byId("classes"), step?.productId === undefined ? null : []);
}

/** Show what an answer tells beside its results. */
export function showAnswer({ categories = [], classes = [], snapshot, timings_ms: timings }) {
  byId("facts").hidden = false;
  showBars(byId("categories"), categories);
  showBars(byId("classes"), classes);
  byId("facts-line").textContent = snapshot ? factsOf(snapshot, timings) : "";
}

function factsOf({ images, products, network, published_at: publishedAt }, timings) {
  const [i, p, date] = [numbers.format(images), numbers.format(products), dates.format(new Date(publishedAt))];
  const ms = numbers.format(Math.round(timings?.total ?? 0));
  return language === "de"
    ? `${i} Bilder von ${p} Produkten mit ${network} in ${ms} ms durchsucht. Index vom ${date}.`
    : `Searched ${i} pictures of ${p} products with ${network} in ${ms} ms. Index of ${date}.`;
}

// Null shows empty places, and a section with nothing to say is not there.
function showBars(section, shares) {
  section.hidden = shares?.length === 0;
  const bars = shares ? shares.slice(0, BARS).map(filledBar) : Array.from({ length: BARS }, emptyBar);
  section.querySelector(".bars").replaceChildren(...bars);
}

function filledBar({ label, probability }) {
  // ImageNet's labels list synonyms ("jersey, T-shirt, tee shirt"); the first one says enough.
  const name = element("span", "bar-label", nameOf(label.split(",")[0]));
  name.dir = "auto";
  const track = element("span", "bar-track");
  track.ariaHidden = "true";
  track.style.setProperty("--share", String(probability));
  return element("li", "bar", name, element("span", "bar-share", percent(probability)), track);
}

function emptyBar() {
  const bar = element("li", "bar skeleton", element("span", "bar-label", "\u00a0"), element("span", "bar-track"));
  bar.ariaHidden = "true";
  return bar;
}

const percent = (share) => (share > 0 && share < 0.01 ? WORDS.under : percents.format(Math.round(share * 100) / 100));

/** Show products to start from. */
export function showExamples(products, onOpen) {
  byId("examples").hidden = products.length === 0;
  byId("example-list").replaceChildren(...products.map((product) => exampleCard(product, onOpen)));
}

function exampleCard(product, onOpen) {
  const name = element("span", "", product.title);
  name.dir = "auto";
  const link = element("a", "card-link", name, element("span", "visually-hidden", ` (${WORDS.find})`));
  lead(link, `/?product=${encodeURIComponent(product.id)}`, () => onOpen(product));
  const url = product.images?.[0]?.url;
  const tile = element("div", "tile");
  if (url) {
    const img = element("img");
    img.alt = product.title;
    img.loading = "lazy";
    img.src = `${url}?size=thumb`;
    img.addEventListener("error", () => img.remove());
    tile.append(img);
  }
  return element("li", "card", tile, element("p", "card-title", link), element("p", "meta", nameOf(product.category ?? "")));
}

// Categories that are names of folders ("pendant-lamps") become words, as in the element.
const SLUG = /^[\p{Ll}\p{N}]+([-_][\p{Ll}\p{N}]+)*$/u;

function nameOf(text) {
  const words = SLUG.test(text) ? text.replace(/(?<=[^-_]{2})[-_]|_/g, " ") : text;
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const opensElsewhere = (event) => event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
