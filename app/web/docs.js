// The documentation page: shows /openapi.json. Our own, because the usual viewers load their parts from elsewhere.

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

const reference = (schema, api) =>
  schema?.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema ?? {};

/** An example value of a schema: its own example where it has one, or one put together from its parts. */
function example(schema, api) {
  const known = reference(schema, api);
  if (known.examples?.length) return known.examples[0];
  if ("default" in known) return known.default;
  if ("const" in known) return known.const;
  if (known.enum) return known.enum[0];
  const option = (known.anyOf ?? known.allOf ?? []).find((part) => part.type !== "null");
  if (option) return example(option, api);
  if (known.type === "array") return [example(known.items, api)];
  if (known.properties) {
    return Object.fromEntries(Object.entries(known.properties).map(([name, part]) => [name, example(part, api)]));
  }
  if (known.format === "date-time") return "2026-01-31T12:00:00Z";
  return { string: "…", integer: 0, number: 0, boolean: false, object: {} }[known.type] ?? null;
}

function kind(schema, api) {
  const known = reference(schema, api);
  const parts = (known.anyOf ?? [known]).filter((part) => part.type !== "null");
  return parts
    .map((part) => {
      if (part.format === "binary") return "file";
      if (part.enum) return part.enum.map((value) => JSON.stringify(value)).join(" or ");
      if ("const" in part) return JSON.stringify(part.const);
      const range = "minimum" in part || "maximum" in part ? ` ${part.minimum ?? "…"} to ${part.maximum ?? "…"}` : "";
      return `${part.type}${range}`;
    })
    .join(" or ");
}

function table(caption, rows) {
  if (rows.length === 0) return [];
  const body = rows.map(([name, type, text]) =>
    element("tr", {}, element("td", {}, element("code", { textContent: name })), element("td", { textContent: type }),
      element("td", { textContent: text })));
  return [
    element("h3", { textContent: caption }),
    element("div", { className: "scroll", tabIndex: 0, role: "group", ariaLabel: caption },
      element("table", {}, element("tbody", {}, ...body))),
  ];
}

function parameters(operation, api) {
  const rows = (operation.parameters ?? []).map((parameter) => [
    parameter.name,
    `${kind(parameter.schema, api)}${parameter.required ? "" : ", optional"}`,
    parameter.description ?? "",
  ]);
  return table("Parameters", rows);
}

function form(operation, api) {
  const body = operation.requestBody;
  const note = body?.description ? [element("p", { textContent: body.description })] : [];
  const tables = Object.entries(body?.content ?? {}).flatMap(([type, { schema }]) => {
    const fields = Object.entries(reference(schema, api).properties ?? {});
    return table(`Fields (${type})`, fields.map(([name, part]) => [name, kind(part, api), part.description ?? ""]));
  });
  return [...tables, ...note];
}

/** Which key an operation needs; some are also answered without one. */
function keyNeeded({ security = [] }) {
  const scope = security.flatMap((one) => Object.values(one).flat())[0];
  if (!scope) return [];
  const isOptional = security.some((one) => Object.keys(one).length === 0);
  return [element("p", { textContent: `Key of scope ${scope}${isOptional ? ", where one is needed" : ""}.` })];
}

function answers(operation, api) {
  const rows = Object.entries(operation.responses).map(([status, answer]) => [
    status,
    Object.keys(answer.content ?? {}).join(", "),
    answer.description,
  ]);
  const success = operation.responses[200] ?? operation.responses[201] ?? operation.responses[202];
  const json = success?.content?.["application/json"]?.schema;
  const sample = json
    ? [element("h3", { textContent: "Example" }),
       element("pre", { tabIndex: 0, textContent: JSON.stringify(example(json, api), null, 2) })]
    : [];
  return [...table("Answers", rows), ...sample];
}

function section(path, method, operation, api) {
  const id = `${method}${path}`.replace(/[^a-z]+/g, "-");
  const name = [element("span", { className: "method", textContent: `${method.toUpperCase()} ` }), path];
  const link = element("a", { href: `#${id}` }, `${method.toUpperCase()} ${path}`);
  document.getElementById("contents").append(element("li", {}, link));
  return element("section", { id, ariaLabel: `${method} ${path}` },
    element("h2", {}, element("code", {}, ...name)),
    element("p", { textContent: `${operation.summary}. ${operation.description ?? ""}` }),
    ...keyNeeded(operation), ...parameters(operation, api), ...form(operation, api), ...answers(operation, api));
}

async function show() {
  const operations = document.getElementById("operations");
  try {
    const api = await (await fetch("/openapi.json")).json();
    for (const [path, methods] of Object.entries(api.paths)) {
      for (const [method, operation] of Object.entries(methods)) operations.append(section(path, method, operation, api));
    }
  } catch {
    document.getElementById("problem").textContent = "The description of the interface could not be loaded.";
  }
  operations.ariaBusy = "false";
}

show();
