import { namedWorlds } from './named-worlds.ts';

/** What a run over many worlds has seen, as docs/worlds.md. */
export interface WorldsSummary {
  readonly worlds: number;
  readonly failed: number;
  readonly simulatedHours: number;
  readonly realMinutes: number;
  /** By what happened: how often, in all worlds together. */
  readonly occurred: ReadonlyMap<string, number>;
  /** What should have happened and did not. */
  readonly never: readonly string[];
}

/** The sections, by how the names of what is in them begin. */
const SECTIONS: readonly (readonly [title: string, prefix: string])[] = [
  ['Faults, drawn by the world', 'fault: '],
  ['Sites in the code that make a rare path common (`buggify`)', 'buggify: '],
  ['Messages of Raft, and what came of them', 'raft: '],
  ['The network', 'network: '],
  ['What clients were answered', 'answered: '],
  ['Rare paths', ''],
];

export function worldsTable(summary: WorldsSummary): string {
  const { worlds, failed, simulatedHours, realMinutes, occurred, never } = summary;
  const lines = [
    '# Worlds',
    '',
    'What happened in simulated clusters of three and five nodes under all faults, each of a minute and the time that it took to come',
    'to rest, with their clients, after every event of which the promises of [rules.md](rules.md) were checked.',
    '`npm run soak -- --seeds 10000 --write` makes this page. What a world that failed has shown is mended, and a test names the world.',
    '',
    `${worlds} worlds, ${simulatedHours.toFixed(1)} simulated hours in ${realMinutes.toFixed(0)} minutes; ${failed} failed.`,
  ];
  let rest = [...occurred].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [title, prefix] of SECTIONS) {
    const own = rest.filter(([what]) => what.startsWith(prefix));
    rest = rest.filter(([what]) => !what.startsWith(prefix));
    lines.push('', `## ${title}`, '', '| what | how often |', '| --- | ---: |');
    for (const [what, count] of own) lines.push(`| ${what.slice(prefix.length)} | ${count} |`);
  }
  if (never.length > 0) lines.push('', `Never seen: ${never.join(', ')}.`);
  lines.push('', ...namedWorlds());
  return `${lines.join('\n')}\n`;
}
