// <lookalike-similar>: a row of products like one. Its room is taken from the start, and given up only when it fails.

import { ask, type Problem } from "./api";
import { type Context, LookalikeElement, sheetOf } from "./base";
import { card, skeleton } from "./cards";
import { h, type Kid, make, patch } from "./dom";
import css from "./similar.css?inline";
import type { Answer } from "./types";

const sheet = sheetOf(css);

export class LookalikeSimilar extends LookalikeElement {
  static readonly observedAttributes = ["endpoint", "key", "product-id", "limit", "lang"];

  constructor() {
    super(sheet);
  }

  protected start(cx: Context, life: AbortSignal): void {
    const productId = this.getAttribute("product-id");
    if (!productId) return;
    const limit = this.limit(8);
    const describe = (kids: Kid[]): Kid[] => [
      h("h2", { id: "title", part: "title" }, h("slot", { name: "title" }, cx.say("similar"))),
      h("ul.row", { part: "row", role: "list", "aria-labelledby": "title" }, ...kids),
    ];
    const section = make(h("section.root", { lang: cx.locale, "aria-labelledby": "title" })) as HTMLElement;
    const empty = describe(Array.from({ length: limit }, skeleton));
    patch(section, [], empty);
    this.root.append(section);
    const seen = new IntersectionObserver(
      async ([entry]) => {
        if (!entry?.isIntersecting) return;
        seen.disconnect();
        try {
          const path = `/products/${encodeURIComponent(productId)}/similar?k=${limit}`;
          const answer = await ask<Answer>(cx.client, path, life);
          const isOurs = cx.emit("results", { answer, productId });
          if (isOurs) patch(section, empty, describe(answer.results.map((hit) => card(cx, hit, answer.request_id, null))));
          section.hidden = !isOurs || !answer.results.length;
        } catch (error) {
          if (life.aborted) return;
          // It is an extra on somebody's page: nothing is better than an excuse.
          section.hidden = true;
          const { slug, status } = error as Problem;
          cx.emit("error", { slug, status });
        }
      },
      // Asked for before it is seen, so that it is there when it is.
      { rootMargin: "400px" },
    );
    seen.observe(section);
    life.addEventListener("abort", () => seen.disconnect());
  }
}
