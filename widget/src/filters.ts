// What narrows a search and what draws it: filters, prices, "more like" and "less like", each with its way back.

import type { Context } from "./base";
import { nameOf } from "./cards";
import { button, type Drawn, h, type Kid, unseen } from "./dom";
import type { TextName } from "./texts";
import type { FacetValue, PlainStep, Step } from "./types";

export const NOTHING: Pick<PlainStep, "more" | "less" | "values" | "from" | "to"> = { more: {}, less: {}, values: {}, from: "", to: "" };

/** Return what the service takes as `filter`, or nothing where nothing is chosen. */
export function filterText({ values, from, to }: PlainStep): string {
  const filter: Record<string, object> = {};
  for (const [field, chosen] of Object.entries(values)) if (chosen[0] !== undefined) filter[field] = { in: chosen };
  if (from || to) filter.price = { ...(from && { gte: Number(from) }), ...(to && { lte: Number(to) }) };
  return Object.keys(filter)[0] ? JSON.stringify(filter) : "";
}

/** Return a copy without an entry where it has one, and with it where not. */
export function toggled(record: Record<string, string>, id: string, title: string): Record<string, string> {
  const { [id]: had, ...rest } = record;
  return had === undefined ? { ...record, [id]: title } : rest;
}

/** Describe the row above the results; `again` searches with something changed. */
export function tools({ say }: Context, step: Step, again: (fields: Partial<Step>) => void): Drawn {
  const { values, from, to, facets } = step;
  const toggle = (field: string, value: FacetValue): void => {
    const chosen = values[field] ?? [];
    const without = chosen.filter((other) => other !== value);
    again({ values: { ...values, [field]: without.length < chosen.length ? without : [...chosen, value] } });
  };
  const chip = (text: string, onclick: () => void): Drawn =>
    h("li", { key: text }, h("button.chip", { part: "chip", onclick }, h("span", { dir: "auto" }, text), unseen(` (${say("remove")})`), " ×"));
  const liked = (["more", "less"] as const).flatMap((name) =>
    Object.entries(step[name]).map(([id, title]) =>
      chip(say(name, { n: title }), () => again({ [name]: toggled(step[name], id, title) })),
    ),
  );
  const chosen = Object.entries(values).flatMap(([field, list]) =>
    list.map((value) => chip(nameOf(String(value)), () => toggle(field, value))),
  );
  const bounds = (["from", "to"] as const).filter((name) => step[name]);
  const priced = bounds.map((name) => chip(`${say(name)} ${step[name]}`, () => again({ [name]: "" })));
  const chips = [...liked, ...chosen, ...priced];
  const useful = Object.entries(facets).filter(([field, found]) => found.length > 1 || values[field]?.length);
  const bound = (name: "from" | "to"): Drawn =>
    h("label", null, say(name), h("input", {
      type: "number",
      min: 0,
      step: "any",
      value: step[name],
      // Written in full and left, or Enter: half a number is not searched for.
      onchange: ({ target }: Event) => again({ [name]: (target as HTMLInputElement).value }),
    }));
  const groups: Kid[] = useful.map(([field, found]) =>
    h(
      "fieldset",
      { key: field },
      h("legend", null, field === "category" || field === "brand" ? say(field as TextName) : nameOf(field.replace("attributes.", ""))),
      found.map(({ value, count }) =>
        h(
          "label",
          { key: value },
          h("input", { type: "checkbox", checked: !!values[field]?.includes(value), onchange: () => toggle(field, value) }),
          h("span", { dir: "auto" }, nameOf(String(value))),
          !values[field]?.length && h("span.count", null, ` (${count})`),
        ),
      ),
    ),
  );
  if (step.hasPrices || from || to) groups.push(h("fieldset", null, h("legend", null, say("price")), bound("from"), bound("to")));
  const count = chosen.length + priced.length;
  return h(
    "div.tools",
    null,
    groups[0] &&
      h("details", null, h("summary.b.small", { part: "button" }, say("filter"), count > 0 && ` (${count})`), h("div.facets", { part: "filters" }, ...groups)),
    h("ul.chips", { role: "list" }, ...chips, chips.length > 1 && h("li", null, button(".small", () => again(NOTHING), say("clear")))),
  );
}
