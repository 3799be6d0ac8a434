// The service's HTTP interface: an answer, or a Problem.

import { webAddress } from "./dom";

const TIMEOUT_MS = 60_000;

export interface Client {
  base: string;
  headers: Record<string, string>;
}

/** Why there is no answer. `slug` is the service's own, or "offline", "unreachable", "timeout", "unexpected". */
export interface Problem {
  slug: string;
  status?: number;
  title?: string;
  detail?: string;
  instance?: string;
  wait?: number;
}

/** Ask the service; what is thrown is a Problem, or says that the signal was given. */
export async function ask<T>({ base, headers }: Client, path: string, signal: AbortSignal, body?: FormData): Promise<T> {
  let status = 0;
  try {
    const response = await fetch(base + path, {
      method: body ? "POST" : "GET",
      body: body ?? null,
      headers,
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    status = response.status;
    const answer = await response.json();
    if (response.ok) return answer;
    const wait = secondsOf(response.headers.get("Retry-After"));
    throw { ...answer, slug: String(answer.type).split("/").pop(), status, wait };
  } catch (error) {
    if ((error as Problem).slug) throw error;
    const isLate = (error as Error).name === "TimeoutError";
    throw { slug: isLate ? "timeout" : status ? "unexpected" : navigator.onLine ? "unreachable" : "offline", status };
  }
}

/**
 * Tell the service what became of a result; whether that arrives matters to nobody on this page. The answer that it came
 * from is remembered in the tab, for the product's own page.
 */
export function report({ base, headers }: Client, type: string, productId: string, requestId?: string): void {
  const name = `lookalike:${productId}`;
  try {
    if (requestId) sessionStorage[name] = requestId;
    else requestId = sessionStorage[name];
  } catch {
    // Storage is not for every page.
  }
  if (!requestId) return;
  fetch(`${base}/events`, {
    method: "POST",
    keepalive: true,
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ type, request_id: requestId, product_id: productId }),
  }).catch(() => {});
}

/** The address of the small version of a picture of the service's. */
export const thumbnail = ({ base }: Client, url: string | undefined): string => {
  const address = url ? webAddress(url, `${base}/`) : "";
  return address && `${address}${/\?/.test(address) ? "&" : "?"}size=thumb`;
};

// Retry-After holds seconds or, from some proxies, a date.
const secondsOf = (header: string | null): number =>
  Math.max(0, Math.ceil(Number(header) || (Date.parse(header ?? "") - Date.now()) / 1000) || 0);
