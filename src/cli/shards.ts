import type { GroupId, ShardId } from '../controller/index.ts';
import type { ClusterStatus } from '../node/index.ts';
import { command, fetchStatus } from './endpoint.ts';
import { styled } from './style.ts';
import { table } from './table.ts';

interface Asked {
  readonly endpoint: string;
}

/** A line of `flotilla shards list`; with `--json` this. */
type ListedShard = ClusterStatus['tables'][number]['shards'][number] & { readonly table: string };

/** `flotilla shards list` */
export async function listShards(
  options: Asked & { readonly table?: string; readonly json?: boolean },
): Promise<void> {
  const { tables } = await fetchStatus(options.endpoint);
  const chosen = tables.filter(({ name }) => name === (options.table ?? name));
  if (options.table !== undefined && chosen.length === 0) {
    console.error(`flotilla: there is no table ${options.table}`);
    process.exit(1);
  }
  const shards = chosen.flatMap(({ name, shards: list }) =>
    list.map((shard): ListedShard => ({ table: name, ...shard })),
  );
  console.log(options.json ? JSON.stringify(shards) : render(shards));
}

/** `flotilla shards move` */
export async function moveShard(
  shard: ShardId,
  { endpoint, to }: Asked & { readonly to: GroupId },
): Promise<void> {
  const done = `shard ${shard} is to be on group ${to}`;
  await command(endpoint, { kind: 'move-shard', shard, to }, done);
}

function render(shards: readonly ListedShard[]): string {
  return table(
    ['shard', 'table', 'from hash', 'to hash', 'group', 'state', 'items', 'bytes'],
    shards.map(({ id, table: of, hashStart, hashEnd, group, movingTo, state, items, bytes }) => [
      `${id}`,
      of,
      hashStart,
      hashEnd || 'end',
      movingTo === 0 ? `${group}` : `${group} -> group ${movingTo}`,
      styled(state === 'serving' ? 'green' : 'red', state),
      `${items}`,
      `${bytes}`,
    ]),
  );
}
