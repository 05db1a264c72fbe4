import type { GroupId, ShardId } from '../controller/index.ts';
import type { ClusterStatus } from '../node/index.ts';
import { command, fetchStatus } from './endpoint.ts';
import { SHARD_HEAD, shardCells } from './shard-cells.ts';
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

/** `flotilla shards split` */
export async function splitShard(
  shard: ShardId,
  { endpoint, at }: Asked & { readonly at?: string },
): Promise<void> {
  const done = `shard ${shard} is to be split ${at === undefined ? 'in the middle' : `at ${at}`}`;
  await command(endpoint, { kind: 'split-shard', shard, ...(at !== undefined && { at }) }, done);
}

/** `flotilla shards merge` */
export async function mergeShards(shard: ShardId, next: ShardId, { endpoint }: Asked) {
  const done = `shards ${shard} and ${next} are to be one`;
  await command(endpoint, { kind: 'merge-shards', shard, next }, done);
}

function render(shards: readonly ListedShard[]): string {
  return table(
    ['shard', 'table', ...SHARD_HEAD],
    shards.map((shard) => [`${shard.id}`, shard.table, ...shardCells(shard)]),
  );
}
