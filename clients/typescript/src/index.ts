/** A client for Lookalike: one function, typed by the service's own OpenAPI document. */
import type { components, paths } from "./schema.js";

export type { components, paths } from "./schema.js";
export type Schemas = components["schemas"];
export type SearchResponse = Schemas["SearchResponse"];
export type SearchResult = Schemas["SearchResult"];
export type Product = Schemas["Product"];

export type Verb = "get" | "put" | "post" | "delete";
/** The addresses that answer a verb, as the OpenAPI document writes them: `/products/{product_id}`. */
export type Path<V extends Verb> = {
  [P in keyof paths]: paths[P][V] extends { responses: object } ? P : never;
}[keyof paths];
type Operation<V extends Verb, P extends Path<V>> = paths[P][V];
type Content<T> = T extends { content: infer C } ? C : never;
type Json<C> = C extends { "application/json": infer J } ? J : never;
type Form<C> = C extends { "multipart/form-data": infer F } ? F : never;
type Body<O> = O extends { requestBody?: infer B } ? Content<NonNullable<B>> : never;
type Parameters<O, In extends string> = O extends { parameters: { [K in In]?: infer T } } ? NonNullable<T> : never;
/** What a request may say besides its address. */
export type Options<V extends Verb, P extends Path<V>> = {
  /** Values for the places in the address. */
  path?: Parameters<Operation<V, P>, "path">;
  query?: Parameters<Operation<V, P>, "query">;
  form?: Form<Body<Operation<V, P>>>;
  json?: Json<Body<Operation<V, P>>>;
  signal?: AbortSignal;
};
/** The JSON that a request is answered with. */
export type Answer<V extends Verb, P extends Path<V>> =
  Operation<V, P> extends { responses: infer R } ? Json<Content<R[keyof R & (200 | 201 | 202)]>> : never;

/** What the service refuses, in its own words: `problem.type` is stable, `problem.detail` is for people. */
export class LookalikeProblem extends Error {
  constructor(
    readonly problem: Schemas["Problem"],
    readonly retryAfterS: number | undefined,
  ) {
    super(`${problem.status} ${problem.title}: ${problem.detail}`);
    this.name = "LookalikeProblem";
  }
}

/** Return a function that asks the service at an address: `await ask("post", "/search", { form: { image: file } })`. */
export function lookalike(address: string, key?: string) {
  return async <V extends Verb, P extends Path<V>>(verb: V, path: P, options: Options<V, P> = {}): Promise<Answer<V, P>> => {
    const places: Record<string, unknown> = { ...options.path };
    const url = new URL(address.replace(/\/$/, "") + path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(places[name]))));
    for (const [name, value] of Object.entries(options.query ?? {})) if (value != null) url.searchParams.set(name, String(value));
    const headers: Record<string, string> = key === undefined ? {} : { Authorization: `Bearer ${key}` };
    if (options.json !== undefined) headers["Content-Type"] = "application/json";
    const body = options.json === undefined ? formOf(options.form) : JSON.stringify(options.json);
    const response = await fetch(url, { method: verb.toUpperCase(), headers, body, signal: options.signal ?? null });
    const answer = await response.json().catch(() => ({ type: "", title: response.statusText, status: response.status, detail: "The answer is not one of Lookalike's.", instance: "" }));
    if (!response.ok) throw new LookalikeProblem(answer, Number(response.headers.get("Retry-After")) || undefined);
    return answer;
  };
}

function formOf(fields: unknown): FormData | null {
  if (fields === undefined) return null;
  const form = new FormData();
  for (const [name, value] of Object.entries(fields as object))
    for (const each of [value].flat()) if (each != null) form.append(name, each instanceof Blob ? each : String(each));
  return form;
}
