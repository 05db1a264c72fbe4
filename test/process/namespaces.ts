import { execFileSync, spawnSync } from 'node:child_process';

const NETWORK = '10.77.0';

/** Whether this process may make network namespaces: it needs root, and `ip` of Debian's iproute2. */
export const hasNamespaces = canMake();

function canMake(): boolean {
  const name = `flotilla-probe-${process.pid}`;
  const isMade = spawnSync('ip', ['netns', 'add', name]).status === 0;
  if (isMade) ip('netns', 'del', name);
  return isMade;
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

/**
 * Hosts of a network of their own: each is a network namespace with one cable to a switch, which is a namespace too and where clients
 * are at home. The machine's own network is not touched.
 */
export class Namespaces {
  readonly #prefix = `flotilla-${process.pid}`;
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
    const hub = this.#name(0);
    for (let host = 0; host <= count; host++) {
      ip('netns', 'add', this.#name(host));
      this.#in(host, 'link', 'set', 'lo', 'up');
    }
    ip('-n', hub, 'link', 'add', 'switch', 'type', 'bridge');
    ip('-n', hub, 'address', 'add', `${NETWORK}.254/24`, 'dev', 'switch');
    ip('-n', hub, 'link', 'set', 'switch', 'up');
    for (let host = 1; host <= count; host++) {
      const cable = `cable${host}`;
      ip(
        '-n',
        hub,
        'link',
        'add',
        cable,
        'type',
        'veth',
        'peer',
        'eth0',
        'netns',
        this.#name(host),
      );
      ip('-n', hub, 'link', 'set', cable, 'master', 'switch', 'up');
      this.#in(host, 'address', 'add', `${this.address(host)}/24`, 'dev', 'eth0');
      this.#in(host, 'link', 'set', 'eth0', 'up');
    }
  }

  /** Of a host, from 1 on. */
  address(host: number): string {
    return `${NETWORK}.${host}`;
  }

  /** What runs a program on a host; 0: at the switch. */
  program(host: number): string[] {
    return ['ip', 'netns', 'exec', this.#name(host)];
  }

  /** Nothing gets from one host to another, in this direction, or does again. */
  cut(from: number, to: number, isCut: boolean): void {
    this.#in(from, 'route', isCut ? 'add' : 'del', 'blackhole', `${this.address(to)}/32`);
  }

  /** Pulls a host's cable, or plugs it in. */
  plug(host: number, isIn: boolean): void {
    this.#in(host, 'link', 'set', 'eth0', isIn ? 'up' : 'down');
  }

  destroy(): void {
    for (let host = 0; host <= this.#count; host++) ip('netns', 'del', this.#name(host));
  }

  #in(host: number, ...args: readonly string[]): void {
    ip('-n', this.#name(host), ...args);
  }

  #name(host: number): string {
    return `${this.#prefix}-${host}`;
  }
}
