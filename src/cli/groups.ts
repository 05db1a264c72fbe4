import type { GroupId, NodeName } from '../controller/index.ts';
import type { ClusterStatus } from '../node/index.ts';
import { command, fetchStatus } from './endpoint.ts';
import { styled } from './style.ts';
import { table } from './table.ts';

interface Asked {
  readonly endpoint: string;
}

/** A line of `flotilla groups list`; with `--json` this. */
interface ListedGroup {
  readonly id: GroupId;
  readonly joined: boolean;
  /** Empty while nobody leads. */
  readonly leader: NodeName;
  readonly voters: readonly NodeName[];
  readonly learners: readonly NodeName[];
  /** Those that it serves, whether they stay or not. */
  readonly shards: number;
}

/** `flotilla groups list` */
export async function listGroups(options: Asked & { readonly json?: boolean }): Promise<void> {
  const groups = groupsOf(await fetchStatus(options.endpoint));
  console.log(options.json ? JSON.stringify(groups) : render(groups));
}

/** `flotilla groups join` */
export async function joinGroup(
  id: GroupId,
  { endpoint, nodes = [] }: Asked & { readonly nodes?: readonly NodeName[] },
): Promise<void> {
  await command(endpoint, { kind: 'join', groups: [{ id, nodes }] }, `group ${id} has joined`);
}

/** `flotilla groups leave` */
export async function leaveGroups(groups: readonly GroupId[], { endpoint }: Asked): Promise<void> {
  const subject =
    groups.length === 1 ? `group ${groups[0]} has` : `groups ${groups.join(', ')} have`;
  await command(endpoint, { kind: 'leave', groups }, `${subject} left`);
}

/** The controller's own is not among them: nobody joins or leaves there. */
function groupsOf({ groups, tables }: ClusterStatus): ListedGroup[] {
  const shards = tables.flatMap((each) => each.shards);
  return groups
    .filter(({ id }) => id !== 0)
    .map(({ id, joined, leader, voters, learners }) => ({
      id,
      joined,
      leader,
      voters,
      learners,
      shards: shards.filter(({ group }) => group === id).length,
    }));
}

function render(groups: readonly ListedGroup[]): string {
  return table(
    ['group', 'state', 'leader', 'voters', 'shards'],
    groups.map(({ id, joined, leader, voters, learners, shards }) => [
      `${id}`,
      joined ? styled('green', 'joined') : 'left',
      leader === '' ? styled('red', 'none') : leader,
      [...voters, ...learners.map((node) => `(${node} learns)`)].join(' '),
      `${shards}`,
    ]),
  );
}
