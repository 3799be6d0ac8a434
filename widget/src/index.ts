import { LookalikeSearch } from "./search";
import { LookalikeSimilar } from "./similar";

// In a browser that cannot show them as they are meant, the page stays as it would be without them. And a page may load
// this twice, from two of its parts that know nothing of each other.
const isAble = CSS.supports("color", "light-dark(red, red)");
for (const [name, element] of [
  ["lookalike-search", LookalikeSearch],
  ["lookalike-similar", LookalikeSimilar],
] as const) {
  if (isAble && !customElements.get(name)) customElements.define(name, element);
}
