// The rooms of src/ and what each may import: arrows point down only. `npm run check` runs this file, and
// test/house/rooms.test.ts plants faults to see that it finds them.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A room may import the rooms named here, and whatever those may import. Type imports count. */
const DIRECTLY = {
  ports: [],
  bytes: [],
  raft: [],
  item: ['bytes'],
  engine: ['ports', 'bytes'],
  log: ['ports', 'bytes'],
  store: ['item', 'engine'],
  controller: ['engine', 'item'],
  group: ['raft', 'log', 'engine'],
  node: ['group', 'controller', 'store'],
  router: ['controller', 'store', 'item', 'ports'],
  dynamodb: ['router', 'item'],
  jobs: ['router'],
  http: ['dynamodb', 'node'],
  sim: ['http', 'jobs', 'node'],
  platform: ['ports'],
  cli: ['http', 'jobs', 'sim', 'platform', 'server', 'local-layout', 'index'],
  // The files beside the rooms that wire everything.
  server: ['http', 'jobs', 'sim', 'node', 'platform'],
  'local-layout': ['server'],
  index: ['server', 'local-layout'],
};

/** Adapters may use Node.js; everything else reaches the world through the ports. */
const ADAPTERS = ['platform', 'http', 'cli', 'server', 'local-layout', 'index'];
const ADAPTER_FOLDERS = ['engine/lmdb'];

function reachable(room, seen = new Set()) {
  for (const below of DIRECTLY[room] ?? []) {
    if (seen.has(below)) continue;
    seen.add(below);
    reachable(below, seen);
  }
  return seen;
}

const IMPORT =
  /(?:^|[\s;])(?:import|export)\s[^'"`;]*?from\s*['"]([^'"]+)['"]|(?:^|[^.\w])import\s*\(\s*['"]([^'"]+)['"]|(?:^|[\s;])import\s+['"]([^'"]+)['"]/g;

/** The faults of one file: `path` is relative to src/, with `/`. */
export function faultsOf(path, text) {
  const faults = [];
  const parts = path.split('/');
  const room = parts.length === 1 ? parts[0].replace(/\.ts$/, '') : parts[0];
  if (!(room in DIRECTLY)) return [`${path}: there is no room ${room} in scripts/rooms.mjs`];
  const allowed = reachable(room);
  const adapter =
    ADAPTERS.includes(room) || ADAPTER_FOLDERS.some((folder) => path.startsWith(`${folder}/`));
  for (const match of text.matchAll(IMPORT)) {
    const specifier = match[1] ?? match[2] ?? match[3];
    if (!specifier.startsWith('.')) {
      if (!adapter)
        faults.push(`${path}: imports ${specifier}, but only adapters leave the project`);
      continue;
    }
    const target = join(...parts.slice(0, -1), specifier)
      .split('\\')
      .join('/');
    const targetRoom = target.includes('/') ? target.split('/')[0] : target.replace(/\.ts$/, '');
    if (targetRoom === room) continue;
    if (!allowed.has(targetRoom)) faults.push(`${path}: ${room} may not import ${targetRoom}`);
    else if (
      !/^[^/]+\/index\.ts$/.test(target) &&
      !/^[^/]+\.ts$/.test(target) &&
      !target.startsWith('engine/lmdb/')
    ) {
      faults.push(`${path}: imports ${target}, past the entry file of ${targetRoom}`);
    }
  }
  const lines = text.split('\n').length;
  const head = text.slice(0, 400);
  if (lines > 600 && !head.includes('Length:')) {
    faults.push(`${path}: ${lines} lines, and its head does not say why ("Length: …")`);
  }
  return faults;
}

export function check(root) {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split('\\').join('/'));
  return files.flatMap((path) => faultsOf(path, readFileSync(join(root, path), 'utf8')));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const faults = check(join(import.meta.dirname, '..', 'src'));
  for (const fault of faults) console.error(fault);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
