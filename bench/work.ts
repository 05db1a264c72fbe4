/** The works a system is put to: which part of the requests reads, and how. */
export const WORKS = {
  put: { name: 'writes', reads: 0, consistent: true },
  get: { name: 'consistent reads', reads: 1, consistent: true },
  'get-any': { name: 'eventual reads', reads: 1, consistent: false },
  mix: { name: '50/50 mix', reads: 0.5, consistent: true },
} as const;

export type Action = keyof typeof WORKS;

export function isAction(text: string): text is Action {
  return text in WORKS;
}
