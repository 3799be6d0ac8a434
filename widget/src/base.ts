// What both elements have in common: their attributes, words, events, and a life that begins and ends with the page's.

import { type Client, report } from "./api";
import sharedCss from "./shared.css?inline";
import { type Say, sayer, type Texts } from "./texts";
import type { Hit, Product } from "./types";

/** What the parts of an element work with. */
export interface Context {
  client: Client;
  say: Say;
  /** The language of numbers. */
  locale: string;
  /** The level of the main heading: in a shop's page the first one is the shop's. */
  level: number;
  /** Whether a product leads to others like it, and not into the shop. */
  explores: boolean;
  /** Dispatch `lookalike:NAME`; false when the page acts instead. */
  emit(name: string, detail: object): boolean;
  /** Tell the page, and the service, that somebody chose a product; false when the page acts instead. */
  selected(hit: Partial<Hit> & { product: Product }, requestId?: string): boolean;
}

/** Make a style sheet that needs no `style` element, which a strict policy would refuse. */
export function sheetOf(css: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}

// Looked at while the script runs: later nobody knows any more which one it was.
const HOME = SCRIPT_ADDRESS.replace(/\/widget\/.*$/, "");
const shared = sheetOf(sharedCss);

export abstract class LookalikeElement extends HTMLElement {
  protected readonly root = this.attachShadow({ mode: "open" });
  #own: Texts = {};
  #life?: AbortController | undefined;

  constructor(sheet: CSSStyleSheet) {
    super();
    this.root.adoptedStyleSheets = [shared, sheet];
  }

  /** Words of the shop's own, by the names in texts.ts. */
  get texts(): Texts {
    return this.#own;
  }

  set texts(own: Texts) {
    this.#own = own;
    this.attributeChangedCallback();
  }

  /** Tell the service that a product which was found here, or on a page before, went into the basket. */
  addToCart(productId: string): void {
    this.#report("add_to_cart", productId);
  }

  #report(type: string, productId: string, requestId?: string): void {
    if (this.getAttribute("events") !== "off") report(this.#client(), type, productId, requestId);
  }

  connectedCallback(): void {
    // Set before this class was there, the property is the element's own and hides the setter.
    const early = Object.getOwnPropertyDescriptor(this, "texts");
    if (early) {
      delete (this as { texts?: Texts }).texts;
      this.#own = early.value;
    }
    this.#begin();
  }

  disconnectedCallback(): void {
    this.#life?.abort();
    this.#life = undefined;
  }

  attributeChangedCallback(): void {
    // Before it is in the page there is nothing to change.
    if (this.#life) this.#begin();
  }

  #begin(): void {
    this.disconnectedCallback();
    this.root.replaceChildren();
    this.start(this.#context(), (this.#life = new AbortController()).signal);
  }

  /** Draw the element anew and begin; it ends with the signal. */
  protected abstract start(context: Context, life: AbortSignal): void;

  /** How many products are asked for. */
  protected limit(most: number): number {
    return Math.min(100, Math.max(1, Number(this.getAttribute("limit")) || most));
  }

  #client(): Client {
    const { href } = new URL(this.getAttribute("endpoint") || HOME || "/", document.baseURI);
    const key = this.getAttribute("key");
    return { base: href.replace(/\/+$/, ""), headers: key ? { Authorization: `Bearer ${key}` } : {} };
  }

  #context(): Context {
    const lang = this.closest<HTMLElement>("[lang]")?.lang ?? "";
    const isGerman = /^de\b/i.test(lang);
    const emit = (name: string, detail: object): boolean =>
      this.dispatchEvent(
        new CustomEvent(`lookalike:${name}`, { detail, bubbles: true, composed: true, cancelable: true }),
      );
    return {
      client: this.#client(),
      say: sayer(isGerman, this.#own),
      // A page in American English has its prices in it.
      locale: /^(en|de)(-[a-z]{2})?$/i.test(lang) ? lang : isGerman ? "de" : "en",
      explores: this.getAttribute("layout") === "explore",
      level: Number(this.getAttribute("heading")) || 2,
      emit,
      selected: ({ product, score, rank }, requestId) => {
        if (requestId) this.#report("select", product.id, requestId);
        return emit("select", { product, score, rank, requestId });
      },
    };
  }
}
