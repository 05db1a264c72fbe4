/**
 * How many files and connections this process may have open at a time; Infinity where the system sets no bound or does not tell.
 * Node.js has raised the soft limit to the hard one.
 */
export function openFilesMax(): number {
  const { userLimits } = process.report.getReport() as {
    readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } };
  };
  const soft = userLimits?.open_files?.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}
