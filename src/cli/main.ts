#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { splitAddress } from '../platform/index.ts';
import { DEFAULT_ENDPOINT } from './endpoint.ts';
import { joinGroup, leaveGroups, listGroups } from './groups.ts';
import { drainNode, forgetNodes, listNodes, removeNode } from './nodes.ts';
import { listShards, mergeShards, moveShard, splitShard } from './shards.ts';
import { status } from './status.ts';

const ID_MAX = 0xffff_ffff;

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

const program = new Command('flotilla')
  .description('A distributed, persistent, fault-tolerant NoSQL database with the DynamoDB API')
  .version(version);

program
  .command('dev')
  .description('a local cluster; Ctrl-C stops it, the data is there again next time')
  .option('--nodes <n>', 'number of nodes', wholeNumber(1, 9), 3)
  .option('--port <port>', 'API of the first node; the others take the next ports', port, 8000)
  .addOption(
    new Option('--data <dir>', 'where the data is kept').default('./flotilla-data').conflicts([]),
  )
  .option('--memory', 'keep nothing on disk')
  .option(
    '--console-port <port>',
    'web console (it comes later; accepted and not used)',
    port,
    8080,
  )
  .action(lazily(async () => (await import('./dev.ts')).dev));

program
  .command('start')
  .description('one node, in the foreground')
  .requiredOption('--node <name>', 'name of the node in the cluster', nodeName)
  .requiredOption('--data <dir>', 'its data directory')
  .requiredOption('--http <host:port>', 'address of the DynamoDB API', address)
  .requiredOption('--peer <host:port>', 'address for the other nodes', peerAddress)
  .option(
    '--initial-cluster <list>',
    'NAME=HOST:PORT,… of the first nodes, the same on each',
    nodes,
  )
  .option(
    '--initial-groups <n>',
    'data groups of a new cluster, said to the first node of the list (default: one a node)',
    wholeNumber(1, 100_000),
  )
  .option(
    '--join <list>',
    'HOST:PORT,… of nodes of a running cluster, for an empty directory',
    peerAddresses,
  )
  .option('--zone <zone>', 'where the node stands', 'default')
  .option('--admin <host:port>', 'a listener of its own for administration', address)
  .addOption(
    new Option('--log-segment <MiB>', 'for tests: a short log lets go of what is old sooner')
      .argParser(wholeNumber(1, 1024))
      .hideHelp(),
  )
  .option(
    '--replace-after <duration>',
    'a node that is away for so long is replaced: 90s, 5m, 1h; the same on each',
    duration,
    duration('5m'),
  )
  .action(lazily(async () => (await import('./start.ts')).start));

asking(program.command('status'))
  .description('nodes, groups, tables and shards of a cluster')
  .option('--json', 'for programs')
  .option('--watch', 'again every second until Ctrl-C')
  .action(status);

const groups = program
  .command('groups')
  .description('the groups of replicas that shards are spread over');
asking(groups.command('list'))
  .description('each group with its nodes, and whether it takes part')
  .option('--json', 'for programs')
  .action(listGroups);
asking(groups.command('join'))
  .description('have a group take part: it gets its share of the shards')
  .argument('<id>', 'number of the group', wholeNumber(1, ID_MAX))
  .option('--nodes <list>', 'NAME,NAME,… that hold its replicas, if the group is new', nodeNames)
  .action(joinGroup);
asking(groups.command('leave'))
  .description('have groups give their shards to the others')
  .argument('<ids...>', 'numbers of the groups', wholeNumbers(1, ID_MAX))
  .action(leaveGroups);

const nodesCommand = program.command('nodes').description('the servers of the cluster');
asking(nodesCommand.command('list'))
  .description('each node with its state and how many replicas it holds')
  .option('--json', 'for programs')
  .action(listNodes);
asking(nodesCommand.command('drain'))
  .description('have other nodes take over all that a node has')
  .argument('<name>', 'name of the node', nodeName)
  .action(drainNode);
asking(nodesCommand.command('remove'))
  .description('let go for good of a node that holds nothing any more')
  .argument('<name>', 'name of the node', nodeName)
  .action(removeNode);

asking(nodesCommand.command('forget'))
  .description('go on without nodes that are lost for good, where groups have lost their majority')
  .argument('<names...>', 'names of the nodes', eachNodeName)
  .option('--lose-data', 'do it: what only they had is lost, acknowledged or not')
  .action(forgetNodes);

const shards = program.command('shards').description('the hash ranges of tables');
asking(shards.command('list'))
  .description('each shard with the group that serves it, and where it is moving')
  .option('--table <name>', 'of that table only')
  .option('--json', 'for programs')
  .action(listShards);
asking(shards.command('move'))
  .description('have a shard on another group, until groups join or leave')
  .argument('<shard>', 'number of the shard', wholeNumber(1, ID_MAX))
  .requiredOption('--to <group>', 'number of the group', wholeNumber(1, ID_MAX))
  .action(moveShard);
asking(shards.command('split'))
  .description('divide a shard in the middle of its range, or at a hash')
  .argument('<shard>', 'number of the shard', wholeNumber(1, ID_MAX))
  .option('--at <hash>', 'the first hash of the upper part, 16 hex digits', hash)
  .action(splitShard);
asking(shards.command('merge'))
  .description('make one shard of two neighbours that are on one group')
  .argument('<shard>', 'number of the one with the lower hashes', wholeNumber(1, ID_MAX))
  .argument('<next>', 'number of the one that begins where it ends', wholeNumber(1, ID_MAX))
  .action(mergeShards);

program
  .command('sim')
  .description('a simulated cluster under faults, replayed from its seed')
  .option('--seed <n>', 'decides everything; a random one unless told', wholeNumber(0, 2 ** 53 - 1))
  .option('--nodes <n>', 'number of nodes', wholeNumber(1, 9), 5)
  .option('--minutes <m>', 'simulated minutes with clients and faults', minutes, 1)
  .option('--faults <list>', 'these only, or none; a wrong name has all of them listed', names)
  .option('--trace <file>', 'write every event there, as lines of JSON')
  .action(lazily(async () => (await import('./sim.ts')).sim));

await program.parseAsync();

/** What has the whole server in it: whoever only asks a cluster need not wait for that. */
function lazily<A extends unknown[]>(
  load: () => Promise<(...args: A) => unknown>,
): (...args: A) => Promise<void> {
  return async (...args) => {
    const run = await load();
    await run(...args);
  };
}

function asking(command: Command): Command {
  return command.option('--endpoint <url>', "any node's API address", endpoint, DEFAULT_ENDPOINT);
}

function endpoint(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('It must be http://HOST:PORT.');
  }
  return text;
}

function wholeNumber(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new InvalidArgumentError(`It must be a whole number from ${low} to ${high}.`);
    }
    return value;
  };
}

/** Of an argument that is given several times. */
function wholeNumbers(low: number, high: number): (text: string, before?: number[]) => number[] {
  const parse = wholeNumber(low, high);
  return (text, before = []) => [...before, parse(text)];
}

function minutes(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100_000)) throw new InvalidArgumentError('It must be above 0.');
  return value;
}

function names(text: string): string[] {
  return text === 'none' ? [] : text.split(',');
}

function port(text: string): number {
  return wholeNumber(1, 65_000)(text);
}

function address(text: string): string {
  let port = 0;
  try {
    ({ port } = splitAddress(text));
  } catch {}
  if (port === 0) throw new InvalidArgumentError('It must be HOST:PORT.');
  return text;
}

/** Where other nodes reach one: they are told what is said here. */
function peerAddress(text: string): string {
  const { host } = splitAddress(address(text));
  if (host !== '0.0.0.0' && host !== '::') return text;
  throw new InvalidArgumentError(`Other nodes cannot reach this one at ${host}.`);
}

function peerAddresses(text: string): string[] {
  return text.split(',').map(peerAddress);
}

/** Milliseconds. */
function duration(text: string): number {
  const [, count, unit] = /^(\d+)(s|m|h)$/.exec(text) ?? [];
  const unitMs = { s: 1_000, m: 60_000, h: 3_600_000 }[unit ?? ''];
  const ms = Number(count) * (unitMs ?? 0);
  if (!(ms > 0)) throw new InvalidArgumentError('It must be like 90s, 5m or 1h.');
  return ms;
}

function hash(text: string): string {
  if (!/^[0-9a-f]{16}$/.test(text)) {
    throw new InvalidArgumentError('It must be 16 hex digits in lower case.');
  }
  return text;
}

function nodeName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(text)) {
    throw new InvalidArgumentError('A name is 1 to 63 letters, digits, "_", "." or "-".');
  }
  return text;
}

/** Of an argument that is given several times. */
function eachNodeName(text: string, before: readonly string[] = []): string[] {
  return [...before, nodeName(text)];
}

function nodeNames(text: string): string[] {
  return text.split(',').map(nodeName);
}

function nodes(text: string): { name: string; address: string }[] {
  const list = text.split(',').map((part) => {
    const at = part.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('It must be NAME=HOST:PORT,NAME=HOST:PORT,…');
    return { name: nodeName(part.slice(0, at)), address: peerAddress(part.slice(at + 1)) };
  });
  for (const field of ['name', 'address'] as const) {
    if (new Set(list.map((node) => node[field])).size < list.length) {
      throw new InvalidArgumentError(`Two nodes have the same ${field}.`);
    }
  }
  return list;
}
