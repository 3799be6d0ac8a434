// The pieces that the page is put together from. Data of the shop and of the service only ever becomes text, or an
// address that was looked at first.

import { thumbnail } from "./api.js";
import { productAddress } from "./trail.js";

const BARS = 5;
const MATTE_PX = 16;
const sampler = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

/** Return a copy of what a template of the page holds. */
export const fromTemplate = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);

const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Return the card of a hit: the product's, with its score and a way to the shop's own page. */
export function hitCard({ product, image, score }) {
  const item = productCard(product, image.url);
  item.querySelector(".out-slot").append(...outLinks(product));
  item.querySelector(".score").textContent = `Similarity ${score.toFixed(2)}`;
  item.querySelector(".why-slot").append(whyButton(product));
  return item;
}

// Pressed, it dispatches `why-wanted`, and the page does the rest.
function whyButton(product) {
  const button = fromTemplate("why");
  button.querySelector("span").textContent = `(${product.title})`;
  button.addEventListener("click", () =>
    button.dispatchEvent(new CustomEvent("why-wanted", { bubbles: true, detail: { productId: product.id, button } })),
  );
  return button;
}

/** Return the card of a product; opening it dispatches `product-open`. */
export function productCard(product, pictureUrl) {
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

export const metaOf = ({ brand, category }) => [category && nameOf(category), brand].filter(Boolean).join(" · ");

export function priceOf({ price, currency }) {
  if (price === null || price === undefined) return "";
  try {
    return new Intl.NumberFormat("en-GB", { style: "currency", currency }).format(price);
  } catch {
    // No currency, or a code that is none.
    return [price, currency].filter(Boolean).join(" ");
  }
}

// The address comes from the shop's data: one that is no web address (javascript:, data:) becomes no link.
export function outLinks({ url, title }) {
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

/** Show a picture in its tile; where it is missing, the tile says so. */
export function showPicture(img, source, text, missing = "No picture") {
  const tile = img.parentElement;
  tile.dataset.missing = missing;
  tile.classList.toggle("missing", !source && text !== "");
  img.alt = text;
  img.onload = () => tile.style.setProperty("--matte", matteOf(img));
  img.onerror = () => tile.classList.add("missing");
  if (source) img.src = source;
  else img.removeAttribute("src");
}

// The colours that a picture has along the two edges beside which it leaves its tile empty, each on its side: so a
// studio's background goes on seamlessly, whatever the picture's shape.
function matteOf(img) {
  sampler.fillStyle = "#fff";
  sampler.fillRect(0, 0, MATTE_PX, MATTE_PX);
  sampler.drawImage(img, 0, 0, MATTE_PX, MATTE_PX);
  const { width, height } = img.parentElement.getBoundingClientRect();
  const isNarrow = img.naturalWidth / img.naturalHeight < width / height;
  const edge = (at) => medianColour(isNarrow ? [at, 0, 1, MATTE_PX] : [0, at, MATTE_PX, 1]);
  return `linear-gradient(to ${isNarrow ? "right" : "bottom"}, ${edge(0)} 50%, ${edge(MATTE_PX - 1)} 50%)`;
}

// The median, since a sleeve that touches the edge must not tint all of it.
function medianColour(rectangle) {
  const pixels = [...sampler.getImageData(...rectangle).data];
  const median = (channel) => pixels.filter((_, index) => index % 4 === channel).sort((a, b) => a - b)[MATTE_PX / 2];
  return `rgb(${median(0)} ${median(1)} ${median(2)})`;
}

/** Fill a list of bars; null shows empty places, and a section with nothing to say is not there. */
export function showBars(section, shares) {
  section.hidden = shares?.length === 0;
  const bars = shares ? shares.slice(0, BARS).map(filledBar) : Array.from({ length: BARS }, emptyBar);
  section.querySelector(".bars").replaceChildren(...bars);
}

function filledBar({ label, probability }) {
  const bar = fromTemplate("bar");
  bar.querySelector(".bar-label").textContent = nameOf(firstNameOf(label));
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
const firstNameOf = (label) => label.split(",")[0];

// Categories that are names of folders or parts of addresses ("pendant-lamps") become words; "t-shirts" keeps its
// hyphen, and what the shop wrote in words of its own stays as it is.
const SLUG = /^[\p{Ll}\p{N}]+([-_][\p{Ll}\p{N}]+)*$/u;
const nameOf = (text) => capitalised(SLUG.test(text) ? text.replace(/(?<=[^-_]{2})[-_]|_/g, " ") : text);

const percent = (share) => (share > 0 && share < 0.01 ? "under 1%" : `${Math.round(share * 100)}%`);
