// What went wrong and what to do about it, in words for somebody who only wants to find a product.

import type { Problem } from "./api";
import type { Say, TextName } from "./texts";

// What the service, or the way to it, calls a problem → what we say; "+" where the same request may succeed later, "-"
// where the service's own sentence says nothing that ours does not.
const KNOWN: [RegExp, string][] = [
  [/too-large/, "pLarge"],
  [/too-small|aspect/, "pSmall"],
  [/not-an-image|empty-image|format|media-type|corrupt|complex|decode/, "pNotImage-"],
  [/rate-limited/, "pOften+"],
  [/overloaded|not-ready|unavailable/, "pBusy+"],
  [/offline/, "pOffline+"],
  [/unreachable|timeout/, "pNetwork+-"],
  [/lost-photo/, "pLostPhoto"],
  [/lost-product/, "pLostProduct"],
];

export interface Words {
  title: string;
  advice: string;
  said: string;
  canRetry: boolean;
  wait: number;
}

/** Say a problem, or any other error, in words. */
export function inWords({ slug = "", status = 0, title, detail, instance, wait = 0 }: Problem, say: Say): Words {
  const isRefusal = status >= 400 && status < 500;
  const other = status === 401 || status === 403 ? "pKey" : isRefusal ? "pRefused" : "pFault+";
  const entry = KNOWN.find(([pattern]) => pattern.test(slug))?.[1] ?? other;
  const name = entry.replace(/\W+/, "") as TextName;
  const [ours = "", advice = ""] = say(name).split("|");
  const said = [!/-/.test(entry) && detail, entry === "pFault+" && instance].filter(Boolean).join(" ");
  return { title: (name === "pRefused" && title) || ours, advice, said, canRetry: /\+/.test(entry), wait };
}
