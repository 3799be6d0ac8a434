// The service's HTTP interface, as functions that answer JSON or throw a Problem.

const TIMEOUT_MS = 60_000;

/** Why there is no answer. `slug` is the service's own, or "offline", "unreachable", "timeout", "unexpected". */
export class Problem extends Error {
  constructor({ slug, status = 0, title = "", detail = "", reference = "", retryAfterS = null }) {
    super(title || slug);
    Object.assign(this, { slug, status, title, detail, reference, retryAfterS });
  }
}

/**
 * Search with a photo, or again with one that the service still remembers.
 *
 * @param {{photo?: Blob, queryId?: string, k: number, explain?: boolean}} query
 * @param {{signal: AbortSignal, onUpload?: (share: number) => void}} options
 */
export function search({ photo, queryId, k, explain = false }, options) {
  const body = new FormData();
  if (photo) body.append("image", photo, "photo");
  else body.append("query_id", queryId);
  body.append("k", String(k));
  if (explain) body.append("explain", "true");
  return request("POST", "/search", { ...options, body, bodyBytes: photo?.size ?? 0 });
}

export const similar = (id, k, { explain = false, ...options }) =>
  request("GET", `/products/${encodeURIComponent(id)}/similar?k=${k}${explain ? "&explain=true" : ""}`, options);

export const product = (id, options) => request("GET", `/products/${encodeURIComponent(id)}`, options);

/** Some products of every category. */
export const examples = (limit, options) => request("GET", `/products?spread=true&limit=${limit}`, options);

/** The address of the small version of a picture. */
export function thumbnail(url) {
  const address = new URL(url, location.href);
  address.searchParams.set("size", "thumb");
  return address.href;
}

/**
 * Ask the service for anything; `headers` go beside ours.
 *
 * XMLHttpRequest and not fetch: only it tells how much of an upload has gone.
 */
export function request(method, path, { body = null, bodyBytes = 0, headers = {}, signal, onUpload } = {}) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const abort = () => xhr.abort();
    const fail = (slug) => reject(new Problem({ slug, detail: bodyBytes > LARGE_BYTES ? LARGE_UPLOAD : "" }));
    xhr.open(method, path);
    xhr.timeout = TIMEOUT_MS;
    xhr.setRequestHeader("Accept", "application/json, application/problem+json");
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    if (onUpload) {
      xhr.upload.onprogress = (event) => event.lengthComputable && onUpload(event.loaded / event.total);
      xhr.upload.onload = () => onUpload(1);
    }
    xhr.onload = () => {
      const answer = parse(xhr.responseText);
      if (xhr.status >= 200 && xhr.status < 300 && answer) resolve(answer);
      else reject(problemOf(xhr, answer ?? {}));
    };
    xhr.onerror = () => fail(navigator.onLine ? "unreachable" : "offline");
    xhr.ontimeout = () => fail("timeout");
    xhr.onabort = () => reject(new DOMException("Aborted", "AbortError"));
    xhr.onloadend = () => signal?.removeEventListener("abort", abort);
    if (signal?.aborted) return xhr.onabort();
    signal?.addEventListener("abort", abort);
    xhr.send(body);
  });
}

// A server that refuses a large body may close the connection before its answer can be read.
const LARGE_BYTES = 5 * 1024 * 1024;
const LARGE_UPLOAD = "The file is large; a smaller photo may go through.";

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function problemOf(xhr, answer) {
  return new Problem({
    slug: slugOf(answer.type),
    status: xhr.status,
    title: textOf(answer.title),
    detail: textOf(answer.detail),
    reference: textOf(answer.instance).replace(/^urn:uuid:/, ""),
    retryAfterS: secondsOf(xhr.getResponseHeader("Retry-After")),
  });
}

const textOf = (value) => (typeof value === "string" ? value : "");

const slugOf = (type) => /\/problems\/([a-z0-9-]+)$/.exec(textOf(type))?.[1] ?? "unexpected";

// Retry-After holds seconds or, from some proxies, a date.
function secondsOf(header) {
  if (header === null) return null;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : null;
}
