// The cards that results are shown on.

import { thumbnail } from "./api";
import type { Context } from "./base";
import { type Drawn, h, type Kid, unseen, webAddress } from "./dom";
import { drawn } from "./photo";
import type { Hit, Product } from "./types";

/** Describe a tile with a picture, which has the address of one or is one. */
export function tile(
  look: string,
  picture: string | HTMLCanvasElement | null | undefined,
  alt: string,
  onload?: ((img: HTMLImageElement) => void) | null,
  ...over: Kid[]
): Drawn {
  const seen = ({ target }: Event): void => {
    const img = target as HTMLImageElement;
    img.parentElement?.style.setProperty("--matte", matteOf(img));
    onload?.(img);
  };
  // What is missing leaves its place empty: the product's name stands below anyway.
  const onerror = ({ target }: Event): void => {
    (target as HTMLElement).hidden = true;
  };
  if (picture && typeof picture === "object") Object.assign(picture, { role: "img", ariaLabel: alt });
  const shown =
    typeof picture === "string" && picture
      ? // With leave to be looked at, where it comes from another origin.
        h("img.pic", { alt, crossorigin: "", loading: "lazy", decoding: "async", onload: seen, onerror, src: picture })
      : (picture as HTMLCanvasElement | null);
  // Drawn anew for another picture, so that nothing of the one before stays.
  return h(`div.tile${look}`, { key: picture }, shown, ...over);
}

/** Describe the card of a hit. It leads to the shop; to products like it where one looks round, or the shop has no page. */
export function card(
  cx: Context,
  hit: Hit,
  requestId: string,
  open: ((product: Product) => void) | null,
  onsized?: (() => void) | false,
  over: Kid[] = [],
  ...below: Kid[]
): Drawn {
  const { product, image } = hit;
  const { id, title } = product;
  const shop = !cx.explores && shopOf(product);
  const onclick = (event: Event): void => {
    const isOurs = cx.selected(hit, requestId);
    if (isOurs && shop) return;
    event.preventDefault();
    if (isOurs) open?.({ images: [image], ...product });
  };
  const sized = ({ naturalWidth, naturalHeight }: HTMLImageElement): void => {
    hit.size = [naturalWidth, naturalHeight];
    if (onsized) onsized();
  };
  const link = { part: "link", href: shop || "#", onclick, "data-product": id };
  return h(
    "li.card",
    { key: id, part: "card" },
    tile("", thumbnail(cx.client, image.url), title, sized, ...over),
    h("p.card-title", { part: "name" }, h("a.card-link", link, h("span.name", { dir: "auto" }, title))),
    factsOf(cx, product),
    ...below,
  );
}

/** An empty place of a card's size. */
export const skeleton = (): Drawn =>
  h("li.card.skeleton", { "aria-hidden": true }, h("div.tile"), h("p.bone"), h("p.bone.short"));

// The colours of two corners, one beside each edge along which the picture leaves its tile empty: so a
// studio's background goes on seamlessly, whatever the picture's shape.
function matteOf(picture: HTMLImageElement): string {
  const { naturalWidth, naturalHeight, clientWidth, clientHeight } = picture;
  try {
    const small = drawn(picture, [0, 0, naturalWidth, naturalHeight], 8 / naturalWidth);
    const context = small.getContext("2d") as CanvasRenderingContext2D;
    const { data } = context.getImageData(0, 0, small.width, small.height);
    const colour = (at: number): string => `rgb(${data.slice(at, at + 3)}) 50%`;
    const isNarrow = naturalWidth / naturalHeight < clientWidth / clientHeight;
    const row = 4 * small.width;
    return `linear-gradient(${isNarrow ? 90 : 180}deg,${colour(0)},${colour((isNarrow ? row : data.length - row + 4) - 4)})`;
  } catch {
    // Another origin's picture may be shown, but not looked at.
    return "";
  }
}

function priceOf({ locale }: Context, { price, currency }: Product): string {
  if (price == null) return "";
  try {
    return Number(price).toLocaleString(locale, { style: "currency", currency: currency ?? "" });
  } catch {
    // No currency, or a code that is none.
    return `${price} ${currency ?? ""}`;
  }
}

/** Describe a product's own facts; where one looks round, with the way into the shop. */
export function factsOf(cx: Context, product: Product): Kid[] {
  const { category, brand, title } = product;
  const shop = cx.explores && shopOf(product);
  return [
    h("p.meta", { part: "meta", dir: "auto" }, [category && nameOf(category), brand].filter(Boolean).join(" · ")),
    h("p.price", { part: "price" }, priceOf(cx, product)),
    shop && h("a.out", { href: shop }, cx.say("shop"), unseen(` (${title})`)),
  ];
}

const shopOf = ({ url }: Product): string => webAddress(url);

// Categories that are names of folders or parts of addresses ("pendant-lamps") become words; "t-shirts" keeps its
// hyphen, and what the shop wrote in words of its own stays as it is.
export function nameOf(text: string): string {
  const words = /^[\p{Ll}\p{N}]+([-_][\p{Ll}\p{N}]+)*$/u.test(text) ? text.replace(/(?<=[^-_]{2})[-_]|_/g, " ") : text;
  return words.charAt(0).toUpperCase() + words.slice(1);
}
