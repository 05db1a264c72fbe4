import { describe, expect, it } from 'vitest';
import {
  type LogEntry,
  type LogHardState,
  type LogPosition,
  openLog,
  type WriteAheadLog,
} from '../../src/log/index.ts';
import { MemoryDisk } from '../../src/sim/index.ts';
import { Prng } from '../support/prng.ts';
import { type FoundReplica, readBack } from './support.ts';

/** What a replica's log must be, in plain values. */
interface ModelReplica {
  readonly hardState: LogHardState;
  readonly compacted: LogPosition;
  readonly entries: readonly LogEntry[];
}
type Model = ReadonlyMap<number, ModelReplica>;

interface Step {
  readonly replica: number;
  readonly hardState?: LogHardState;
  readonly entries?: readonly LogEntry[];
  readonly reset?: LogPosition;
  readonly trim?: LogPosition;
  readonly remove?: true;
}

const EMPTY: ModelReplica = {
  hardState: { term: 0, vote: 0, commit: 0 },
  compacted: { index: 0, term: 0 },
  entries: [],
};

function apply(model: Model, step: Step): Model {
  const next = new Map(model);
  if (step.remove) {
    next.delete(step.replica);
    return next;
  }
  let { hardState, compacted, entries } = model.get(step.replica) ?? EMPTY;
  if (step.reset) {
    compacted = step.reset;
    entries = [];
  }
  const first = step.entries?.[0];
  if (step.entries && first) {
    entries = [...entries.filter((entry) => entry.index < first.index), ...step.entries];
  }
  if (step.trim) {
    const { index } = step.trim;
    compacted = step.trim;
    entries = entries.filter((entry) => entry.index > index);
  }
  hardState = step.hardState ?? hardState;
  next.set(step.replica, { hardState, compacted, entries });
  return next;
}

function same(recovered: ReadonlyMap<number, FoundReplica>, model: Model): boolean {
  if (recovered.size !== model.size) return false;
  for (const [replica, { hardState, compacted, entries }] of model) {
    const found = recovered.get(replica);
    if (!found) return false;
    if (JSON.stringify(found.hardState) !== JSON.stringify(hardState)) return false;
    if (JSON.stringify(found.compacted) !== JSON.stringify(compacted)) return false;
    if (found.entries.length !== entries.length) return false;
    for (const [i, entry] of entries.entries()) {
      const other = found.entries[i] as LogEntry;
      if (other.index !== entry.index || other.term !== entry.term) return false;
      if (other.kind !== entry.kind || String(other.data) !== String(entry.data)) return false;
    }
  }
  return true;
}

function randomStep(random: Prng, model: Model, removed: Set<number>): Step | undefined {
  let replica = 1 + random.below(3);
  while (removed.has(replica)) replica += 3;
  const state = model.get(replica) ?? EMPTY;
  const last = state.compacted.index + state.entries.length;
  const lastTerm = state.entries.at(-1)?.term ?? state.compacted.term;
  const choice = random.below(20);
  if (choice === 0 && model.has(replica)) {
    removed.add(replica);
    return { replica, remove: true };
  }
  if (choice === 1) {
    const reset = { index: last + random.below(10), term: lastTerm + random.below(2) };
    return { replica, reset, hardState: { term: reset.term, vote: 0, commit: reset.index } };
  }
  if (choice < 6) {
    if (state.entries.length === 0) return undefined;
    const entry = state.entries[random.below(state.entries.length)] as LogEntry;
    return { replica, trim: { index: entry.index, term: entry.term } };
  }
  if (choice < 8) {
    const term = state.hardState.term + random.below(2);
    return { replica, hardState: { term, vote: random.below(4), commit: random.below(99) } };
  }
  // Entries: at the end, or over a conflicting suffix.
  const conflict = random.once(6) && state.entries.length > 0;
  const at = conflict ? random.below(state.entries.length) : state.entries.length;
  const before = state.entries[at - 1]?.term ?? state.compacted.term;
  let term = (conflict ? lastTerm : Math.max(before, 1)) + (random.once(4) ? 1 : 0);
  const entries: LogEntry[] = [];
  for (let i = 0, count = 1 + random.below(4); i < count; i++) {
    if (random.once(8)) term++;
    entries.push({
      index: state.compacted.index + at + 1 + i,
      term,
      kind: random.once(5) ? 'empty' : random.once(9) ? 'config' : 'normal',
      data: random.bytes(random.once(10) ? 700 : random.below(60)),
    });
  }
  return { replica, entries };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 60; i++) await Promise.resolve();
}

/** A life with crashes: what is found after each must be the log after some step at or after the last acknowledged. */
async function life(seed: number, steps: number): Promise<number> {
  const random = new Prng(seed);
  const disk = new MemoryDisk({ seed: random.uint32() });
  const options = {
    segmentBytes: 8192,
    segmentsMax: 2,
    batchBytesMax: 2048,
    random: { uint32: () => random.uint32(), fill: () => {} },
    onFatal: (error: Error) => {
      throw error;
    },
  };
  let model: Model = new Map();
  let removed = new Set<number>();
  let crashes = 0;
  let log: WriteAheadLog;
  for (let at = 0; at < steps; ) {
    const opened = await openLog(disk.process(), 'log', options);
    log = opened.log;
    expect(
      same(await readBack(log, opened.replicas), model),
      `seed ${seed} after crash ${crashes}`,
    ).toBe(true);
    /** The log after each step since the start, and how many of them were acknowledged. */
    const states: Model[] = [model];
    let acknowledged = 0;
    for (let left = 5 + random.below(60); left > 0; left--, at++) {
      const step = randomStep(random, states.at(-1) as Model, removed);
      if (step) {
        states.push(apply(states.at(-1) as Model, step));
        const number = states.length - 1;
        if (step.remove) log.remove(step.replica);
        else if (step.trim) log.trim(step.replica, step.trim.index, step.trim.term);
        else {
          log.append(step.replica, step, () => {
            expect(number).toBeGreaterThan(acknowledged);
            acknowledged = number;
          });
        }
      }
      if (random.once(3)) log.flush();
      if (random.once(6)) disk.hold();
      if (random.once(3)) disk.release(random.once(2) ? undefined : 1);
      if (random.once(4)) await settle();
    }
    if (random.once(4)) {
      // A clean stop keeps everything.
      disk.release();
      log.flush();
      await log.close();
      acknowledged = states.length - 1;
    }
    if (random.once(3)) disk.kill();
    else disk.crash();
    crashes++;
    await settle(); // What completed before the crash may be told after it.
    const found = await openLog(disk.process(), 'log', options);
    const replicas = await readBack(found.log, found.replicas);
    const survived = states.findLastIndex((state, i) => i >= acknowledged && same(replicas, state));
    expect(survived, `seed ${seed}, crash ${crashes}: no state matches`).not.toBe(-1);
    model = states[survived] as Model;
    removed = new Set([...removed].filter((replica) => !model.has(replica)));
    // Dies at once, perhaps in the middle of preparing: that loses nothing.
    for (let i = random.below(30); i > 0; i--) await Promise.resolve();
    disk.crash();
  }
  return crashes;
}

describe('the log against a model', () => {
  it('[L2] keeps what was acknowledged, and a prefix of the rest, over crashes', async () => {
    let crashes = 0;
    for (let seed = 1; seed <= 16; seed++) crashes += await life(seed, 400);
    expect(crashes).toBeGreaterThan(60);
  });
});
