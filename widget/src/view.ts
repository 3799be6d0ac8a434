// What is seen of a visit: the welcome, a search under way, an answer, a problem.

import { thumbnail } from "./api";
import type { Context } from "./base";
import { card, factsOf, nameOf, skeleton, tile } from "./cards";
import { button, type Drawn, h, type Kid } from "./dom";
import { veil, whereOf } from "./explain";
import { tools } from "./filters";
import { drawn } from "./photo";
import type { Words } from "./problems";
import { type BoxActions, boxLayer, type BoxState } from "./region";
import type { Answer, Explanation, Hit, Product, Size, Step, Thing } from "./types";

const THING_PX = 96;

export interface State extends BoxState {
  step: Step | undefined;
  depth: number;
  isBusy: boolean;
  isSlow: boolean;
  /** What was said last, to everybody. */
  said: string;
  problem: Words | null;
  /** The hit that is explained. */
  explained: Hit | null;
}

export interface Actions extends BoxActions {
  open(product: Product): void;
  again(fields: Partial<Step>): void;
  like(product: Product, isMore: boolean): void;
  explain(hit: Hit): void;
  cancel(): void;
  back(): void;
  retry(): void;
  showMore(): void;
  crop(isOn: boolean): void;
  choose(thing: Thing): void;
}

/** Describe everything. `intake` are the buttons for another photo. */
export function view(cx: Context, state: State, actions: Actions, intake: Drawn): Kid[] {
  const { say } = cx;
  const { step, problem, isBusy } = state;
  const status = [state.said, state.isSlow && say("slow")].filter(Boolean).join(" ");
  return [
    step ? head(cx, state, step, actions) : welcome(cx, intake),
    h(
      "div.state",
      { key: "state" },
      h("p.status", { id: "status", role: "status", part: "status" }, status),
      isBusy && button(".small", actions.cancel, say("cancel")),
      isBusy && h("div.meter", { role: "progressbar", "aria-label": say("open") }),
    ),
    h("div", { role: "alert" }, problem && problemBox(cx, problem)),
    problem &&
      h(
        "div.actions",
        null,
        problem.canRetry &&
          h(
            "button.b.primary.retry",
            { part: "button", "aria-disabled": problem.wait > 0, onclick: () => problem.wait > 0 || actions.retry() },
            say("again"),
            problem.wait > 0 && ` (${problem.wait} s)`,
          ),
        intake,
      ),
    step && (!problem || step.answer) && search(cx, state, step, actions, !problem && intake),
    !step && h("slot", { name: "examples" }),
  ];
}

const heading = ({ level }: Context, text: string): Drawn =>
  h(`h${level}`, { id: "title", part: "title", tabindex: -1 }, text);

function welcome(cx: Context, intake: Drawn): Drawn {
  const { say } = cx;
  return h(
    "section.welcome",
    { "aria-labelledby": "title" },
    heading(cx, headingOf(cx, undefined)),
    h("slot", { name: "lede" }),
    h("div.dropzone", { part: "drop" }, intake, h("p.hint", null, say("drop"))),
    h("slot", { name: "privacy" }, h("p.fine", null, say("privacy"))),
  );
}

// A product that only its address told is nameless until the service has named it, which it may never do.
export function headingOf({ say }: Context, step: Step | undefined): string {
  if (!step) return say("title");
  const { productId, label } = step;
  if (productId === undefined) return say("likePhoto");
  return label ? say("likeProduct", { n: label }) : say("similar");
}

function head(cx: Context, { depth }: State, step: Step, { back }: Actions): Drawn {
  const way = depth > 1 && h("button.b.small", { part: "button back", onclick: back }, cx.say("back"));
  return h("div.head", null, way, heading(cx, headingOf(cx, step)));
}

const problemBox = ({ level }: Context, { title, advice, said }: Words): Drawn =>
  h("div.problem", { id: "problem", part: "problem" }, h(`h${level + 1}`, null, title), h("p", null, advice), said && h("p.fine", null, said));

function search(cx: Context, state: State, step: Step, actions: Actions, intake: Kid): Drawn {
  const { say } = cx;
  const { answer, k } = step;
  const { isBusy } = state;
  const hits = answer?.results ?? [];
  const verdict = answer && verdictOf(cx, answer);
  return h(
    "div",
    // A class, and no part of the tag: what is in it stays.
    { key: "search", class: `search${isBusy && answer ? " busy" : ""}` },
    query(cx, state, step, actions, intake),
    h(
      "section.results",
      { "aria-labelledby": "title", "aria-busy": isBusy },
      answer && tools(cx, step, actions.again),
      verdict && h("p.verdict", { id: "verdict", part: "verdict", "data-verdict": answer.match?.verdict }, verdict),
      answer?.low_confidence && h("p.verdict", { "data-verdict": "none" }, say("unsure")),
      h(
        "ol.grid",
        { id: "hits", part: "grid", role: "list" },
        answer ? hits.map((hit) => hitCard(cx, state, step, answer, hit, actions)) : Array.from({ length: Math.min(k, 20) }, skeleton),
      ),
      answer && (isBusy ? k > hits.length : hits.length >= k && k < 100) && h("p.more", null, button("", actions.showMore, say("showMore"))),
    ),
  );
}

function query(cx: Context, state: State, step: Step, actions: Actions, intake: Kid): Drawn {
  const { say } = cx;
  const { productId, product, photo, things, region, picture } = step;
  const { isCropping, explained } = state;
  const isPhoto = productId === undefined;
  const size: Size = photo ? [photo.width, photo.height] : [0, 0];
  const map = explained?.explanation;
  const shown = isPhoto ? photo : picture;
  const name = isPhoto ? say("photo") : (product?.title ?? step.label);
  const small = (thing: Thing): HTMLCanvasElement => {
    const [x, y] = [thing.region[0] * size[0], thing.region[1] * size[1]];
    const [width, height] = [thing.region[2] * size[0] - x, thing.region[3] * size[1] - y];
    return (thing.picture ??= drawn(photo as HTMLCanvasElement, [x, y, width, height], Math.min(1, THING_PX / Math.min(width, height))));
  };
  return h(
    "section",
    { class: `query${isCropping ? " on" : ""}`, "aria-labelledby": "query-title" },
    (shown || state.isBusy) &&
      tile(
        ".query-tile",
        shown,
        name,
        null,
        map && isPhoto && photo && veil(map.query, size, "veil"),
        photo && boxLayer(cx, state, size, actions),
      ),
    h(
      "div.query-text",
      null,
      h(`h${cx.level + 1}`, { id: "query-title" }, name),
      product && factsOf(cx, product),
      intake,
    ),
    photo &&
      h(
        "div.parts",
        null,
        h("button.b.small", { part: "button", "aria-pressed": isCropping, onclick: () => actions.crop(!isCropping) }, say("part")),
        region && button(".small", () => actions.settle(null), say("whole")),
        h("p.fine", { id: "box-help", hidden: !isCropping }, say("boxHelp")),
        things.map((thing, index) =>
          h(
            "button.thing",
            {
              "aria-label": `${say("part")} ${index + 1} ${nameOf(thing.categories?.[0]?.label ?? "")}`,
              "aria-pressed": String(region) === String(thing.region),
              onclick: () => actions.choose(thing),
            },
            small(thing),
          ),
        ),
      ),
    h("slot", { name: "facts" }),
  );
}

function hitCard(cx: Context, state: State, step: Step, answer: Answer, hit: Hit, actions: Actions): Drawn {
  const { say } = cx;
  const { product, size } = hit;
  const { title } = product;
  const isExplained = state.explained === hit;
  const map = isExplained ? hit.explanation : null;
  const like = (name: "more" | "less", sign: string): Drawn =>
    h(
      "button.act",
      {
        title: say(name, { n: title }),
        "aria-label": say(name, { n: title }),
        "aria-pressed": product.id in step[name],
        onclick: () => actions.like(product, name === "more"),
      },
      sign,
    );
  const why = { "aria-pressed": isExplained, "aria-label": `${say("why")} (${title})`, onclick: () => actions.explain(hit) };
  return card(
    cx,
    hit,
    answer.request_id,
    actions.open,
    isExplained && actions.draw,
    [map && size && veil(map.hit, size, "veil-hit"), map && corner(cx, step, map, actions.draw)],
    h("p.score", { part: "score" }, say("score", { n: hit.score.toLocaleString(cx.locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 }) })),
    h("p.acts", null, like("more", "+"), like("less", "−"), h("button.act.why", why, say("why"))),
    isExplained && h("p.meta.why-text", null, explanationOf(cx, hit)),
  );
}

// On a phone the picture that was searched with is far above the hit, so a small one lies in its corner.
function corner({ client }: Context, { photo }: Step, { query, query_image: image }: Explanation, draw: () => void): Kid {
  const small = photo && !image && drawn(photo, [0, 0, photo.width, photo.height], 0.4);
  const onload = ({ target }: Event): void => {
    const { naturalWidth, naturalHeight } = target as HTMLImageElement;
    if (image) image.size = [naturalWidth, naturalHeight];
    draw();
  };
  const size = image ? image.size : small && ([small.width, small.height] as Size);
  const picture = image ? h("img.pic", { alt: "", src: thumbnail(client, image.url), onload }) : small;
  return picture && h("div.tile.corner", null, picture, size && veil(query, size, "veil-corner"));
}

/** Say why a hit is one. */
export function explanationOf({ say }: Context, { explanation }: Hit): string {
  if (!explanation) return say("whyNot");
  const places = say("where").split("|");
  const [n, hit] = [explanation.query, explanation.hit].map((map) => whereOf(map).map((place) => places[place]).join(" "));
  return say("whyText", { n, hit });
}

// Of a photo of one colour the notice says already that hits mean little.
function verdictOf({ say }: Context, { match, results: [first], low_confidence: isUnsure }: Answer): string {
  if (!match || !first || isUnsure) return "";
  const name = ({ exact: "exact", similar: "alike", none: "nothing" } as const)[match.verdict];
  return say(name, { n: first.product.title, sure: Math.round(match.confidence * 100) });
}

/** Say what was found. */
export function countOf({ say }: Context, { results: { length: n }, low_confidence: isUnsure }: Answer): string {
  return say(n > 1 ? "many" : n ? "one" : "none", { n }) + (n && isUnsure ? ` ${say("unsure")}` : "");
}
