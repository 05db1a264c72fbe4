/** The process of a load generator: {@link LoadProcess} starts it and talks to it. */
import { Acknowledged } from './acknowledged.ts';
import type { FromLoader, ToLoader } from './load.ts';
import { Loader } from './loader.ts';

const acknowledged = new Acknowledged();
let loader: Loader | undefined;

function say(message: FromLoader): void {
  process.send?.(message);
}

process.on('message', (message: ToLoader) => {
  if (message.kind === 'mark') loader?.mark();
  else if (message.kind === 'stop') void loader?.stop();
  else {
    loader = new Loader(message.load, acknowledged, (second) => say({ kind: 'second', second }));
    void loader.ended.then(() => say({ kind: 'ended', acknowledged: acknowledged.count }));
  }
});
process.on('disconnect', () => process.exit());
say({ kind: 'ready' });
