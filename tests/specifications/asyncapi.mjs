// Whether AsyncAPI's own parser, on which `asyncapi validate` rests, takes a file for what it should be: errors and
// warnings fail, what it only notes is no failure. `node asyncapi.mjs FOLDER-OF-THE-PARSER FILE`
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, file] = process.argv.slice(2);
const { Parser } = createRequire(`${folder}/`)("@asyncapi/parser");
const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
const kinds = ["error", "warning", "information", "hint"];
for (const { severity, path, message } of diagnostics) console.log(kinds[severity], path.join("."), message);
process.exit(document && diagnostics.every(({ severity }) => severity > 1) ? 0 : 1);
