// Draws what is described, and then only what has changed: elements that stay keep their focus, picture and state.
//
// Nothing here or elsewhere parses HTML, so that no text can become any.

/** A description of an element. */
export interface Drawn {
  tag: string;
  props: Props;
  kids: Kid[];
}

/** An element that is there already stands for itself; nothing is drawn for what is empty. */
export type Kid = Drawn | Node | string | false | null | undefined;

/** `on…` is a listener, `style` holds custom properties, `key` tells apart what else looks the same. */
export type Props = Record<string, unknown>;

const SVG = "http://www.w3.org/2000/svg";

/** Describe an element: `h("p.price", { part: "price" }, "9.90")`. */
export const h = (tag: string, props?: Props | null, ...kids: (Kid | Kid[])[]): Drawn => ({
  tag,
  props: props ?? {},
  kids: kids.flat(),
});

/** Text that only screen readers read. */
export const unseen = (text: string): Drawn => h("span.vh", null, text);

/** Describe a button. */
export const button = (look: string, onclick: unknown, ...kids: Kid[]): Drawn =>
  h(`button.b${look}`, { part: "button", onclick }, ...kids);

const isDrawn = (kid: Kid): kid is Drawn => !!kid && typeof kid === "object" && !(kid instanceof Node);

function set(element: HTMLElement, before: Props, now: Props): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const value = now[name];
    if (value === before[name] || name === "key") continue;
    if (name === "style") {
      for (const [property, one] of Object.entries(value ?? {})) element.style.setProperty(property, String(one));
    } else if (name.startsWith("on") || name === "checked" || name === "value") Object.assign(element, { [name]: value });
    else if (value == null || (value === false && !/^aria/.test(name))) element.removeAttribute(name);
    else element.setAttribute(name, String(value));
  }
}

/** Make what is described. */
export function make(kid: Kid): Node {
  if (!isDrawn(kid)) return kid instanceof Node ? kid : document.createTextNode(kid || "");
  const { tag, props, kids } = kid;
  const [name = "", ...classes] = tag.split(".");
  const isShape = /^(svg|path|g|rect|f.+r)$/.test(name);
  const element = (isShape ? document.createElementNS(SVG, name) : document.createElement(name)) as HTMLElement;
  if (classes[0]) element.classList.add(...classes);
  set(element, {}, props);
  patch(element, [], kids);
  return element;
}

/** Make of the children of an element, which are as `before`, those that are described `now`. */
export function patch(parent: Node, before: Kid[], now: Kid[]): void {
  now.forEach((kid, index) => {
    const old = before[index];
    const node = parent.childNodes[index];
    if (node && isDrawn(kid) && isDrawn(old) && kid.tag === old.tag && kid.props.key === old.props.key) {
      set(node as HTMLElement, old.props, kid.props);
      patch(node, old.kids, kid.kids);
    } else if (!node) parent.appendChild(make(kid));
    else if (kid !== old) parent.replaceChild(make(kid), node);
  });
  while (parent.childNodes.length > now.length) (parent.lastChild as ChildNode).remove();
}

/** Return the address if it is one of the web: the shop's data may hold others (javascript:, data:). */
export function webAddress(address: string | null | undefined, base = document.baseURI): string {
  try {
    const url = new URL(address || "x:", base);
    return /^https?:$/.test(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}
