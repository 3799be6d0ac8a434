// The service's HTTP interface, as functions that answer JSON or throw a Problem.

const TIMEOUT_MS = 60_000;

/** Why there is no answer. `slug` is the service's own, or "offline", "unreachable", "timeout", "unexpected". */
export class Problem extends Error {
  constructor({ slug, status = 0, title = "", detail = "", reference = "", retryAfterS = null }) {
    super(title || slug);
    Object.assign(this, { slug, status, title, detail, reference, retryAfterS });
  }
}

/** Ask the service for anything; `headers` go beside ours. */
export async function request(method, path, { body = null, headers = {} } = {}) {
  let response;
  let answer;
  try {
    response = await fetch(path, {
      method,
      body,
      headers: { Accept: "application/json, application/problem+json", ...headers },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    answer = parse(await response.text());
  } catch (error) {
    throw new Problem({ slug: error.name === "TimeoutError" ? "timeout" : navigator.onLine ? "unreachable" : "offline" });
  }
  if (response.ok && answer) return answer;
  throw problemOf(response, answer ?? {});
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function problemOf(response, answer) {
  return new Problem({
    slug: slugOf(answer.type),
    status: response.status,
    title: textOf(answer.title),
    detail: textOf(answer.detail),
    reference: textOf(answer.instance).replace(/^urn:uuid:/, ""),
    retryAfterS: secondsOf(response.headers.get("Retry-After")),
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
