// Prints gateway/policy/unicode_tables.json: what the rules for names need beside `unicodedata2`.
//
//     node deploy/unicode-tables.mjs DATABASE SECURITY > gateway/policy/unicode_tables.json
//
// - DATABASE: the npm package @unicode/unicode-VERSION, unpacked;
// - SECURITY: the Rust crate unicode-security, unpacked, of the same Unicode version.
//
// The data are Unicode's own (the Unicode License). pyproject.toml pins `unicodedata2` to that version.

import {readdirSync, readFileSync} from 'node:fs';
import {resolve} from 'node:path';

const [database, security] = process.argv.slice(2).map(path => resolve(path));

const load = async name => (await import(`${database}/${name}.mjs`)).default;
const text = points => String.fromCodePoint(...[points].flat());

/** Returns a property's ranges of code points, the last one of each included. */
const ranges = async name =>
  (await load(`${name}/ranges`)).map(({begin, end}) => [begin, end - 1]);

/** Returns what each character that is not ASCII becomes by full case folding. */
async function folds() {
  const found = {};
  for (const status of ['C', 'F'])
    for (const [point, folded] of await load(`Case_Folding/${status}/code-points`))
      if (point > 127) found[text(point)] = text(folded);
  return found;
}

/** Returns ranges with the scripts that use their characters, by Script_Extensions. */
async function scripts() {
  const of = new Map();
  for (const script of readdirSync(`${database}/Script_Extensions`))
    for (const point of await load(`Script_Extensions/${script}/code-points`))
      of.set(point, [...(of.get(point) ?? []), script]);
  const found = [];
  for (const point of [...of.keys()].sort((a, b) => a - b)) {
    const names = of.get(point).sort().join(' ');
    const last = found.at(-1);
    if (last && last[1] === point - 1 && last[2] === names) last[1] = point;
    else found.push([point, point, names]);
  }
  return found;
}

/** Returns the prototypes of confusable characters (UTS #39, confusables.txt). */
function prototypes(source) {
  const table = source.slice(source.indexOf('mod confusable_detection'),
    source.indexOf('mod potential_mixed_script_confusable'));
  const found = {};
  const unescaped = (_, hex) => String.fromCodePoint(parseInt(hex, 16));
  const character = /\\u\{([0-9a-f]+)\}/g;
  for (const [, from, to] of table.matchAll(/\('(\\u\{[0-9a-f]+\})',\s*&\[([^\]]*)\]\)/g))
    found[from.replace(character, unescaped)] = to.replace(/[',\s]/g, '').replace(character, unescaped);
  return found;
}

const tables = readFileSync(`${security}/src/tables.rs`, 'utf8');
const [, ...version] = tables.match(/UNICODE_VERSION.*\((\d+), (\d+), (\d+)\)/);
if (!JSON.parse(readFileSync(`${database}/package.json`)).name.endsWith(version.join('.')))
  throw new Error(`the packages are not of one Unicode version: ${version.join('.')}`);

const joining = {};
for (const type of ['Dual', 'Left', 'Right'])
  joining[type.toLowerCase()] = await ranges(`Joining_Type/${type}_Joining`);
joining.transparent = await ranges('Joining_Type/Transparent');

console.log(JSON.stringify({
  version: version.join('.'),
  folds: await folds(),
  prototypes: prototypes(tables),
  ignorable: await ranges('Binary_Property/Default_Ignorable_Code_Point'),
  emoji: await ranges('Binary_Property/Emoji'),
  pictographic: await ranges('Binary_Property/Extended_Pictographic'),
  joining,
  scripts: await scripts(),
}));
