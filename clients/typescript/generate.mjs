// Writes src/schema.ts from the service's OpenAPI document (../openapi.json, which `make clients` writes).
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import openapi, { astToString } from "openapi-typescript";
import ts from "typescript";

const source = new URL("../openapi.json", import.meta.url);
const BLOB = ts.factory.createTypeReferenceNode("Blob");

const tree = await openapi(source, {
  alphabetize: false,
  defaultNonNullable: false, // what has a default may be left out
  transform: (schema) => (schema.format === "binary" ? BLOB : undefined), // a file, as forms have it
});
const hash = createHash("sha256").update(await readFile(source)).digest("hex");
const head = `// Written by \`make clients\` from clients/openapi.json, whose SHA-256 is\n// ${hash}\n`;
await writeFile(process.argv[2] ?? new URL("src/schema.ts", import.meta.url), head + astToString(tree));
