// Builds the elements into app/web/widget/: a classic script, an ES module, and a manifest that names both by version
// and hash. A pinned version has to go on being served, so the one before moves into a folder of its name.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "vite";

const MOST_BYTES = 16 * 1024;
const FORMATS = [
  { file: "lookalike.js", format: "iife", address: "document.currentScript?.src??''" },
  { file: "lookalike.mjs", format: "es", address: "import.meta.url" },
];

// Names that neither the browser, nor the service, nor a shop's page knows: a letter says as much. Whatever is not in this
// list keeps its name.
const OURS =
  "tag|props|kids|client|say|locale|level|explores|emit|selected|isBusy|isSlow|isMoving|isCropping|explained|said|" +
  "depth|settle|canRetry|openedId|hasPrices|things|blob|tell|draw|crop|retry|refuse|queryId|wholeId";

const root = fileURLToPath(new URL(".", import.meta.url));
const out = process.argv[2] ?? fileURLToPath(new URL("../app/web/widget/", import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

async function built({ file, format, address }) {
  const [chunk] = [
    await build({
      root,
      configFile: false,
      envDir: false,
      plugins: [shortened],
      logLevel: "warn",
      define: { SCRIPT_ADDRESS: "__SCRIPT_ADDRESS__" },
      build: {
        write: false,
        target: "es2022",
        minify: "terser",
        terserOptions: {
          ecma: 2020,
          module: true,
          compress: { passes: 3, unsafe: true, keep_fargs: false, unsafe_arrows: true },
          mangle: { properties: { regex: new RegExp(`^(${OURS})$`) } },
        },
        cssTarget: "chrome123",
        modulePreload: false,
        rollupOptions: {
          input: `${root}src/index.ts`,
          checks: { pluginTimings: false },
          output: { format, entryFileNames: file, ...(format === "iife" && { name: undefined }) },
        },
      },
    }),
  ].flat();
  const [{ code }] = chunk.output.filter((part) => part.type === "chunk");
  const text = code.trim().replaceAll("__SCRIPT_ADDRESS__", `(${address})`);
  return Buffer.from(`/*! Lookalike ${version} Apache-2.0 */${text}\n`);
}

// Custom properties of our own, which nobody else can see, get short names, the same in each build.
const PROPERTY = /(?<![\w-])--(?!lookalike)[a-z-]+/g;
const sources = readdirSync(`${root}src`).sort().map((name) => readFileSync(`${root}src/${name}`, "utf8"));
const quoted = sources.join("").match(new RegExp(`"(${OURS})"`));
if (quoted) throw new Error(`${quoted[0]} is written as text somewhere, so its name has to stay.`);
const properties = [...new Set(sources.join("").match(PROPERTY))];
const shortened = {
  name: "shortened",
  enforce: "pre",
  transform: (code) => code.replaceAll(PROPERTY, (name) => `--${properties.indexOf(name).toString(36)}`),
};

function keepTheOneBefore() {
  if (!existsSync(`${out}/manifest.json`)) return;
  const before = JSON.parse(readFileSync(`${out}/manifest.json`, "utf8")).version;
  if (before === version) return;
  mkdirSync(`${out}/${before}`);
  for (const name of [...FORMATS.map(({ file }) => file), "manifest.json"]) {
    renameSync(`${out}/${name}`, `${out}/${before}/${name}`);
  }
}

mkdirSync(out, { recursive: true });
keepTheOneBefore();
const manifest = { version, files: {} };
for (const format of FORMATS) {
  const data = await built(format);
  const gzipped = gzipSync(data, { level: 9 }).length;
  console.log(`${format.file}: ${data.length} bytes, ${gzipped} gzipped`);
  if (gzipped > MOST_BYTES) process.exitCode = 1;
  writeFileSync(`${out}/${format.file}`, data);
  const sri = `sha384-${createHash("sha384").update(data).digest("base64")}`;
  manifest.files[format.file] = { integrity: sri, bytes: data.length };
}
writeFileSync(`${out}/manifest.json`, `${JSON.stringify(manifest, null, 2)}\n`);
if (process.exitCode) console.error(`A file has more than ${MOST_BYTES} bytes gzipped.`);
