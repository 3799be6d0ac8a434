// <lookalike-search>: one search after the other, what is known of each, and the way back.

import { ask, type Problem, thumbnail } from "./api";
import { type Context, LookalikeElement, sheetOf } from "./base";
import { type Drawn, h, type Kid, make, patch } from "./dom";
import { filterText, NOTHING, toggled } from "./filters";
import { intakeButtons, listen } from "./intake";
import { shrink } from "./photo";
import { inWords } from "./problems";
import { FIRST } from "./region";
import css from "./search.css?inline";
import type { Answer, Facets, Hit, PlainStep, Product, Region, Step, Thing } from "./types";
import { type Actions, countOf, explanationOf, headingOf, type State, view } from "./view";

const MORE_HITS = 20;
const SLOW_MS = 6_000;
const STEPS_REMEMBERED = 20;
const CAMERA =
  "M4 9a2 2 0 0 1 2-2h2l1-2h6l1 2h2a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2zM12 16a3 3 0 1 0 0-6 3 3 0 0 0 0 6z";

const sheet = sheetOf(css);

export class LookalikeSearch extends LookalikeElement {
  static readonly observedAttributes = ["endpoint", "key", "limit", "lang", "layout", "facets", "heading"];

  #way: Step[] = [];
  /** What is known of each step, by its key, for a page that goes back to one. */
  readonly #memory = new Map<string, Step>();
  readonly #state: State = {
    step: undefined,
    depth: 0,
    isBusy: false,
    isSlow: false,
    said: "",
    problem: null,
    explained: null,
    box: null,
    isMoving: false,
    isCropping: false,
  };
  #cx!: Context;
  #dialog: HTMLDialogElement | null = null;
  #body!: HTMLElement;
  #intake!: Drawn;
  #drawn: Kid[] = [];
  #flight: AbortController | undefined;
  #task: () => void = () => {};

  constructor() {
    super(sheet);
  }

  /** Open the dialog, where there is one. */
  open(): void {
    if (!this.#dialog || this.#dialog.open) return;
    this.#dialog.showModal();
    this.#focus();
  }

  close(): void {
    this.#dialog?.close();
  }

  /** Search with a photo that the page has from elsewhere. */
  search(file: Blob): void {
    this.open();
    this.#go([this.#step({ label: this.#cx.say("photo") }, { file })]);
  }

  /** Search with a product of the shop. */
  similar(product: Product): void {
    this.open();
    const { step } = this.#state;
    if (step) step.openedId = product.id;
    const picture = thumbnail(this.#cx.client, product.images?.[0]?.url);
    this.#go([...this.#way, this.#step({ label: product.title, picture, productId: product.id }, { product })]);
  }

  /** Go back to the view before any search. */
  reset(): void {
    this.#go([]);
  }

  /** Go to steps that a `lookalike:step` told, as a page does on its way back. */
  restore(steps: Partial<PlainStep>[]): void {
    this.#go(
      steps.map((step) => this.#memory.get(step.key ?? "") ?? this.#step(step)),
      false,
    );
  }

  protected start(cx: Context, life: AbortSignal): void {
    const { say } = cx;
    this.#cx = cx;
    const dialog = this.getAttribute("layout") ? null : (make(h("dialog.panel", { part: "dialog", closedby: "any", "aria-label": say("open") })) as HTMLDialogElement);
    const root = make(h("div.root", { lang: cx.locale })) as HTMLElement;
    const place = dialog ?? root;
    const take = { take: (file: Blob) => this.search(file), refuse: () => this.#tell(say("pNotImage").replace("|", ". ")) };
    this.#dialog = dialog;
    this.#body = make(h("div.body")) as HTMLElement;
    this.#intake = intakeButtons(cx, place, take);
    this.#drawn = [];
    const veil = make(h("div.veil-drop", { hidden: true, "aria-hidden": true }, say("drop"))) as HTMLElement;
    if (dialog) {
      const close = { part: "close", "aria-label": say("close"), onclick: () => this.close() };
      const words = h("slot", { name: "open" }, h("svg", { viewBox: "0 0 24 24", "aria-hidden": true }, h("path", { d: CAMERA })), say("open"));
      root.append(make(h("button.b.primary", { part: "open", onclick: () => this.open() }, words)), dialog);
      dialog.append(make(h("button.close", close, "×")));
    }
    place.append(this.#body, veil);
    this.root.append(root);
    // In a shop's page what is pasted or dropped beside the element is the page's.
    listen(veil, (event) => (dialog ? dialog.open : cx.explores || event.composedPath().includes(this)), take, life);
    life.addEventListener("abort", () => this.#flight?.abort());
    this.#show(false);
  }

  #step(fields: Partial<PlainStep>, more: Partial<Step> = {}): Step {
    const key = String(Math.random());
    const step = { key, label: "", ...NOTHING, facets: {}, things: [], k: this.limit(10), ...fields, ...more };
    this.#memory.set(step.key, step);
    const [oldest = ""] = this.#memory.keys();
    if (this.#memory.size > STEPS_REMEMBERED) this.#memory.delete(oldest);
    return step;
  }

  #go(way: Step[], isNew = true): void {
    // On arrival the focus stays at the top, as on any page.
    const isMove = !!this.#way.length || !!way.length;
    this.#way = way;
    this.#told(isNew);
    this.#show(isMove);
  }

  /** Tell the page where on its way the visit is, in what a history can keep. */
  #told(isNew: boolean): void {
    const steps = this.#way.map(({ file, blob, photo, product, answer, facets, things, ...plain }) => plain);
    const title = headingOf(this.#cx, this.#way.at(-1));
    this.#cx.emit("step", { steps, title, isNew, photos: this.#way.map(({ photo }) => photo) });
  }

  /** Show the step that the way is at; what was answered once is not asked again. */
  #show(isMove = true): void {
    this.#flight?.abort();
    const step = this.#way.at(-1);
    // A search that came to nothing before a reload, as with a file that is no photo: the photo went with the page.
    if (step && step.productId === undefined && !step.queryId && !step.file) return this.#go([], false);
    Object.assign(this.#state, { step, depth: this.#way.length, problem: null, explained: null, isCropping: false, isBusy: false });
    this.#state.said = step?.answer ? countOf(this.#cx, step.answer) : "";
    this.#draw();
    if (isMove) this.#focus(step?.openedId);
    if (step && !step.answer) void this.#run();
  }

  #draw(): void {
    const { step, isMoving, isCropping } = this.#state;
    if (!isMoving) this.#state.box = step?.region ?? (isCropping ? this.#state.box : null);
    const before = this.root.activeElement;
    const now = view(this.#cx, this.#state, this.#actions, this.#intake);
    patch(this.#body, this.#drawn, now);
    this.#drawn = now;
    // What had the focus is gone: the reading goes on at the heading.
    if (before && !this.root.activeElement) this.#focus();
  }

  /** Put the keyboard's focus where the reading goes on: the heading, or the hit that was opened from here. */
  #focus(productId?: string): void {
    const link = this.#body.querySelector<HTMLElement>(`[data-product="${CSS.escape(productId ?? "")}"]`);
    if (link) link.focus({ preventScroll: true });
    else this.#body.querySelector<HTMLElement>("#title")?.focus();
  }

  #tell(said: string): void {
    this.#state.said = said;
    this.#draw();
  }

  /** Do something that asks the service, one at a time, and say so when it fails. */
  async #attempt(task: (signal: AbortSignal) => Promise<string>): Promise<void> {
    const state = this.#state;
    this.#flight?.abort();
    const { signal } = (this.#flight = new AbortController());
    this.#task = () => void this.#attempt(task);
    Object.assign(state, { isBusy: true, isSlow: false, problem: null, explained: null, said: this.#cx.say("looking") });
    this.#draw();
    const slow = setTimeout(() => {
      state.isSlow = true;
      this.#draw();
    }, SLOW_MS);
    try {
      state.said = await task(signal);
    } catch (error) {
      if (!signal.aborted) this.#failed(error as Problem);
    }
    clearTimeout(slow);
    // Somebody went elsewhere meanwhile; that is shown already.
    if (signal.aborted) return;
    state.isBusy = state.isSlow = false;
    this.#draw();
    if (state.problem) this.#body.querySelector<HTMLElement>(".actions .retry, .actions input")?.focus();
  }

  #failed(error: Problem): void {
    const state = this.#state;
    if (!error.slug) console.error(error);
    const words = inWords(error, this.#cx.say);
    const { title, advice } = words;
    state.said = "";
    if (!this.#cx.emit("error", { slug: error.slug, status: error.status, title, advice })) return this.#cancel();
    state.problem = words;
    const count = (): void => {
      if (state.problem !== words || words.wait-- <= 0) return;
      setTimeout(count, 1000);
      this.#draw();
    };
    setTimeout(count, 1000);
  }

  #run(): Promise<void> {
    const step = this.#state.step as Step;
    return this.#attempt(async (signal) => {
      const answer = await this.#ask(step, signal, false);
      step.answer = answer;
      // Of a field with a choice the facets stay as they were: among what matches, only the chosen values are left.
      const kept = Object.entries(step.facets).filter(([field]) => step.values[field]?.length);
      step.facets = { ...answer.facets, ...Object.fromEntries(kept) } as Facets;
      step.hasPrices ||= answer.results.some(({ product }) => product.price != null);
      if (answer.regions) step.things = answer.regions;
      // The query without what it is drawn to: that is sent with each search.
      if (step.productId === undefined && !step.queryId && !Object.keys({ ...step.more, ...step.less })[0]) {
        step.queryId = answer.query_id ?? null;
        if (!step.region) step.wholeId = step.queryId;
      }
      this.#told(false);
      if (!this.#cx.emit("results", { answer, key: step.key, productId: step.productId })) {
        this.close();
        this.reset();
      }
      return countOf(this.#cx, answer);
    });
  }

  async #ask(step: Step, signal: AbortSignal, explain: boolean): Promise<Answer> {
    const { client } = this.#cx;
    const fields = {
      k: String(step.k),
      filter: filterText(step),
      facets: this.getAttribute("facets") ?? "category,brand",
      explain: explain ? "true" : "",
      more_like: Object.keys(step.more).join(","),
      less_like: Object.keys(step.less).join(","),
    };
    const given = Object.entries(fields).filter(([, value]) => value);
    if (step.productId === undefined) return this.#askWithPhoto(step, given, signal);
    const path = `/products/${encodeURIComponent(step.productId)}`;
    try {
      const [product, answer] = await Promise.all([
        step.product ?? ask<Product>(client, path, signal),
        ask<Answer>(client, `${path}/similar?${new URLSearchParams(given)}`, signal),
      ]);
      step.product = product;
      step.label = product.title;
      step.picture ||= thumbnail(client, product.images?.[0]?.url);
      return answer;
    } catch (error) {
      throw (error as Problem).slug === "not-found" ? { slug: "lost-product" } : error;
    }
  }

  /** Search with the service's memory of the photo, or the photo itself; each stands in where the other is lost. */
  async #askWithPhoto(step: Step, given: string[][], signal: AbortSignal): Promise<Answer> {
    const { client } = this.#cx;
    const { queryId, region, file } = step;
    if (file && !step.blob) {
      // A film is not even tried: it would be read into memory, and sent over somebody's mobile data.
      if (file.type && !/^image/.test(file.type)) throw { slug: "not-an-image" };
      Object.assign(step, await shrink(file));
      signal.throwIfAborted();
      this.#told(false);
      this.#draw();
    }
    const { blob } = step;
    if (!queryId && !blob) throw { slug: "lost-photo" };
    const body = new FormData();
    if (queryId) body.append("query_id", queryId);
    else {
      body.append("image", blob as Blob, "photo");
      if (region) body.append("region", region.map((share) => share.toFixed(4)).join(","));
      else body.append("regions", "auto");
    }
    for (const [name = "", value = ""] of given) body.append(name, value);
    try {
      return await ask<Answer>(client, "/search", signal, body);
    } catch (error) {
      if (!queryId || (error as Problem).slug !== "not-found") throw error;
      step.queryId = step.wholeId = null;
      return this.#askWithPhoto(step, given, signal);
    }
  }

  /** Search the same step again, with something changed. */
  #again(fields: Partial<Step>): Promise<void> {
    Object.assign(this.#state.step as Step, fields);
    return this.#run();
  }

  #settle(region: Region | null, queryId?: string): void {
    const step = this.#state.step as Step;
    if (!region) this.#state.isCropping = false;
    if (!region && !step.region) return this.#draw();
    void this.#again({ region, queryId: region ? (queryId ?? null) : (step.wholeId ?? null) });
  }

  #cancel(): void {
    this.#flight?.abort();
    // What is shown already stays; a search that never came to anything is left.
    if (this.#state.step?.answer) this.#show(false);
    else if (this.#way.length) this.#go(this.#way.slice(0, -1));
  }

  /** Show why a hit is one, or no longer. The service is asked the first time only, and for all hits at once. */
  #explain(hit: Hit): void {
    const state = this.#state;
    const step = state.step as Step;
    if (state.explained === hit || hit.explanation !== undefined) {
      state.explained = state.explained === hit ? null : hit;
      return this.#tell(state.explained ? explanationOf(this.#cx, hit) : "");
    }
    void this.#attempt(async (signal) => {
      const { results } = await this.#ask(step, signal, true);
      const found = new Map(results.map(({ product, explanation }) => [product.id, explanation]));
      for (const other of step.answer?.results ?? []) other.explanation = found.get(other.product.id) ?? null;
      state.explained = hit;
      return explanationOf(this.#cx, hit);
    });
  }

  readonly #actions: Actions = {
    open: (product) => this.similar(product),
    again: (fields) => void this.#again(fields),
    like: ({ id, title }, isMore) => {
      const step = this.#state.step as Step;
      const [name, other] = isMore ? (["more", "less"] as const) : (["less", "more"] as const);
      const { [id]: _, ...rest } = step[other];
      void this.#again({ [name]: toggled(step[name], id, title), [other]: rest });
      // What it leads to begins at the top, and so does the way to undo it.
      this.#body.querySelector(".tools")?.scrollIntoView({ block: "nearest" });
    },
    explain: (hit) => this.#explain(hit),
    cancel: () => this.#cancel(),
    back: () => this.#go(this.#way.slice(0, -1)),
    retry: () => this.#task(),
    showMore: async () => {
      const step = this.#state.step as Step;
      const before = step.answer?.results.length ?? 0;
      await this.#again({ k: Math.min(100, step.k + MORE_HITS) });
      this.#body.querySelectorAll<HTMLElement>("#hits .card-link")[before]?.focus();
    },
    crop: (isOn) => {
      Object.assign(this.#state, { isCropping: isOn, box: isOn ? FIRST : null });
      this.#draw();
      this.#body.querySelector<HTMLElement>(".box")?.focus({ preventScroll: true });
    },
    draw: () => this.#draw(),
    settle: (region) => this.#settle(region),
    choose: ({ region, query_id: queryId }: Thing) => this.#settle(region, queryId),
    tell: (text) => this.#tell(text),
  };
}
