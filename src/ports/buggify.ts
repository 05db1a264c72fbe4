/**
 * Rare paths that the code offers to whoever simulates it, so that they are not rare there: FoundationDB's BUGGIFY. Whatever
 * happens at these sites may happen anyway, in bad weather, and must do no harm.
 */
export const BUGGIFY_SITES = [
  'log: one step a batch',
  'group: apply one entry a turn',
  'group: flush early',
  'group: keep nothing for followers',
  'group: keep nothing in memory',
  'group: a late flush',
  'group: stand out of turn',
  'group: stand in a change',
  'node: lead elsewhere',
  'node: refuse a command',
  'node: a map is late',
  'node: a map is late on the disk',
  'jobs: a small step',
  'jobs: a small part',
  'jobs: a late part',
  'link: lose a frame',
  'link: a message of Raft comes twice',
  'link: a message of Raft comes late',
  'link: break the connection',
  'router: miss the answer',
  'router: tell the controller again',
  'node: ask by way of another',
  'node: a slice comes late',
] as const;

export type BuggifySite = (typeof BUGGIFY_SITES)[number];

/** Whether it happens now. */
export type Buggify = (site: BuggifySite) => boolean;

/** In production. */
export const NEVER: Buggify = () => false;
