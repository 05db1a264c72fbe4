/**
 * Simulated ports: the same node on simulated hardware.
 */
export { MemoryDisk, type MemoryDiskOptions } from './memory-disk.ts';
