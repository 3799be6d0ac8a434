// The way here: one step a search, kept in the browser's history so that its Back button works and a reload does too.
//
// A step is {key, kind: "photo" | "product", label, picture, productId?, queryId?}; no steps is the home view.

let count = 0;
let announce = () => {};

export const steps = () => history.state?.steps ?? [];
export const current = () => steps().at(-1) ?? null;

/** Call `onChange` on every move from here on; the first step comes from the address when it names a product. */
export function start(onChange) {
  announce = onChange;
  addEventListener("popstate", onChange);
  const productId = new URL(location.href).searchParams.get("product");
  if (!history.state) history.replaceState({ steps: productId ? [productStep(productId)] : [], isEntrance: true }, "");
}

export const photoStep = () => ({ key: newKey(), kind: "photo", label: "Your photo", picture: "" });

export const productStep = (productId, label = "", picture = "") => ({
  key: newKey(),
  kind: "product",
  label,
  picture,
  productId,
});

/** Add a step behind the current ones, or begin anew with it. */
export function push(step, { fresh = false } = {}) {
  history.pushState({ steps: fresh ? [step] : [...steps(), step] }, "", addressOf(step));
  announce();
}

/** Go to the view before any search. */
export function goHome() {
  history.pushState({ steps: [] }, "", "/");
  announce();
}

/** Make the current entry of the history the view before any search: its step is one that nothing can be made of. */
export function becomeHome() {
  history.replaceState({ ...history.state, steps: [] }, "", "/");
}

/** Leave the current step for whatever was shown before it. */
export function leave() {
  // Nothing of ours lies before the view that the page was entered by.
  if (history.state?.isEntrance ?? true) goHome();
  else history.back();
}

/** Go back to a step of the trail; every step is one entry of the history. */
export const backTo = (index) => history.go(index - (steps().length - 1));

/** Complete what is known of the current step. */
export function amend(fields) {
  const amended = [...steps().slice(0, -1), { ...current(), ...fields }];
  history.replaceState({ ...history.state, steps: amended }, "");
}

export const addressOf = (step) => (step.kind === "product" ? productAddress(step.productId) : "/");

export const productAddress = (id) => `/?product=${encodeURIComponent(id)}`;

// Unique across reloads, which keep the history but not the memory that keys point into.
const newKey = () => `${performance.timeOrigin}-${++count}`;
