// Keys on the page of administration: listed, created, shown once, revoked.

import { badge, byId, dates, days, element, numbers, question, row, say, showRows, twoLines } from "./admin_parts.js";

const COPIED_MS = 2_000;
const SCOPES = { search: "Search", catalogue: "Catalogue", admin: "Everything" };
const USED_UP = { revoked: "revoked", expired: "expired" };

let records = [];

/** Show the keys: those that can be used first, each group newest first. */
export function showKeys(keys) {
  records = [...keys.filter(({ state }) => state === "active"), ...keys.filter(({ state }) => state !== "active")];
  byId("no-keys").hidden = records.length > 0;
  byId("keys-table").hidden = records.length === 0;
  showRows("keys", records, keyRow);
}

function keyRow(key) {
  return row(
    [
      ["Key", twoLines(nameOf(key), key.id)],
      ["Allows", allows(key)],
      ["Last used", key.last_used_on ? days.format(new Date(key.last_used_on)) : "never"],
      ["State", stateOf(key)],
    ],
    key.state === "active" ? ["Revoke", "revoke", key.id, nameOf(key)] : null,
  );
}

const nameOf = ({ name }) => name || "Without a name";

function allows({ scope, origins, per_minute: perMinute }) {
  const limit = perMinute ? `${numbers.format(perMinute)} a minute` : "no limit";
  return twoLines(badge(`scope-${scope}`, SCOPES[scope]), [origins.join(", "), limit].filter(Boolean).join(" – "));
}

function stateOf({ state, expires_at: expires, revoked_at: revoked }) {
  if (state in USED_UP) return twoLines(badge(state), dates.format(new Date(state === "revoked" ? revoked : expires)));
  return twoLines(badge("active"), expires ? `until ${dates.format(new Date(expires))}` : "");
}

/** Ask whether a key shall be revoked; `own` is the text of the one that this page uses. */
export function askToRevoke(id, own) {
  const key = records.find((each) => each.id === id);
  const isOwn = own.startsWith(`lks_${id}_`);
  const text = isOwn
    ? "It is the key that this page uses: it ends here too, and the page asks for another one."
    : "Whoever uses it is refused within a second, for ever. There is no way back; a new key can be created.";
  return question({ title: `Revoke ${key?.name ? `“${key.name}”` : id}?`, text, yes: "Revoke", no: "Keep it", isDangerous: true });
}

/** Return what the form asks for, as POST /keys takes it. */
export function wantedKey() {
  const scope = byId("new-key").elements.namedItem("scope").value;
  return {
    scope,
    name: byId("new-key-name").value.trim(),
    origins: scope === "search" ? byId("new-key-origins").value.split(/[\s,]+/).filter(Boolean) : [],
    expires_in_days: numberIn("new-key-days"),
    per_minute: numberIn("new-key-limit"),
  };
}

const numberIn = (id) => (byId(id).value === "" ? null : Number(byId(id).value));

/** Only a search key has pages that use it. */
export function showFields() {
  byId("new-key-pages").hidden = byId("new-key").elements.namedItem("scope").value !== "search";
}

/** Show a new key, this once. */
export function showSecret({ key, name, scope }) {
  byId("new-key").reset();
  showFields();
  byId("new-key-fold").open = false;
  byId("secret").hidden = false;
  byId("secret-title").textContent = `${name ? `“${name}”` : "The key"} is created`;
  byId("secret-what").textContent = key.startsWith("lkp")
    ? "It may stand in your pages: only pages of its origins can use it. Copy it now; it is not shown again."
    : `It is a secret${scope === "admin" ? " that opens everything" : ""}: never put it into a page. Copy it now; it is not shown again.`;
  byId("secret-text").value = key;
  byId("secret-copy").focus({ preventScroll: true });
  byId("secret").scrollIntoView({ block: "center" });
}

/** Forget the text of the new key; the focus goes to where the next one is made. */
export function hideSecret({ isQuiet = false } = {}) {
  byId("secret").hidden = true;
  byId("secret-text").value = "";
  if (!isQuiet) byId("new-key-fold").querySelector("summary").focus();
}

/** Put the text of the new key on the clipboard; where the browser refuses, it is selected to be copied by hand. */
export async function copySecret() {
  const field = byId("secret-text");
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    // Without HTTPS there is no clipboard for a program.
    field.focus();
    field.select();
    isCopied = document.execCommand("copy");
  }
  const label = byId("secret-copy").firstElementChild;
  label.textContent = isCopied ? "Copied" : "Press Ctrl+C";
  say(isCopied ? "The key is copied." : "The key is selected; copy it.");
  setTimeout(() => (label.textContent = "Copy"), COPIED_MS);
}
