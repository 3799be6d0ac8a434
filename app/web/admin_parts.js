// The pieces that the page of administration is put together from. Data of the service only ever becomes text.

export const numbers = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
export const dates = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
export const days = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

const shown = new Map();

export const byId = (id) => document.getElementById(id);

/** Say something to everybody, screen readers included; errors are also seen. */
export function say(text) {
  byId("said").textContent = text;
}

export function complain(text) {
  if (byId("complaint").textContent !== text) byId("complaint").textContent = text;
}

export function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

export function badge(state, text = state) {
  const made = element("span", text, "badge");
  made.dataset.state = state;
  return made;
}

/** Return two lines, the second one quieter. */
export function twoLines(first, second) {
  const made = element("div", "", "two");
  made.append(first instanceof Node ? first : element("span", first));
  if (second) made.append(element("span", second, "quiet"));
  return made;
}

/** Return a row of a table: `[[name of the column, content], …]`, and the button at its end; null: none this time. */
export function row(cells, action) {
  const made = element("tr");
  made.setAttribute("role", "row");
  made.append(...cells.map(([name, content]) => cell(name, content)));
  if (action !== undefined) {
    const last = cell("", action ? button(...action) : "");
    last.className = "act";
    made.append(last);
  }
  return made;
}

function cell(name, content) {
  const made = element("td");
  made.setAttribute("role", "cell");
  made.dataset.name = name;
  if (content) made.append(content instanceof Node ? content : element("span", content));
  return made;
}

function button(text, action, id, about) {
  const made = element("button", `${text} `, "button small");
  made.type = "button";
  Object.assign(made.dataset, { action, id });
  made.append(element("span", `(${about})`, "visually-hidden"));
  return made;
}

/** Show the rows of a table; those that say the same as before are left alone, with the focus that may be in them. */
export function showRows(id, items, rowOf) {
  if (isShown(id, items)) return;
  const focused = byId(id).contains(document.activeElement) ? document.activeElement.dataset.id : null;
  byId(id).replaceChildren(...items.map(rowOf));
  if (focused) (buttonOf(id, focused) ?? byId("main")).focus();
}

const buttonOf = (id, about) => [...byId(id).querySelectorAll("button")].find(({ dataset }) => dataset.id === about);

/** Whether this is what is shown there already; from now on it is. */
export function isShown(id, content) {
  const state = JSON.stringify(content);
  const isSame = shown.get(id) === state;
  shown.set(id, state);
  return isSame;
}

/** Let everything be shown anew, as for another key. */
export const forgetShown = () => shown.clear();

/** Ask a question that is answered with `yes` or not at all, and return whether it was. */
export function question({ title, text, yes, no = "Leave it", isDangerous = false }) {
  const dialog = byId("question");
  byId("question-title").textContent = title;
  byId("question-text").textContent = text;
  byId("question-yes").textContent = yes;
  byId("question-yes").classList.toggle("danger", isDangerous);
  byId("question-no").textContent = no;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
