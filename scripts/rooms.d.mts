/** The faults of one file: `path` is relative to src/, with `/`. */
export function faultsOf(path: string, text: string): string[];
/** The faults of all files below a folder that is laid out as src/. */
export function check(root: string): string[];
