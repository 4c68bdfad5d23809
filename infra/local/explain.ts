/** One sentence for the person at the keyboard: what is wrong and what to do. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, path, port } = detailsOf(error);
  if (code === "EADDRINUSE") {
    return `port ${port} is taken by another program: name another one with --port, or leave --port out to get a free one`;
  }
  if (code === "EROFS" || code === "EACCES" || code === "EPERM" || code === "ENOTDIR") {
    return `cannot write to ${path ?? "this folder"} (${code}): start from a copy of hubforge that you may write to`;
  }
  if (code === "ENOSPC") return "the disk is full";
  if (code === "EMFILE" || code === "ENFILE")
    return "too many files are open on this machine: raise the limit (ulimit -n)";
  return error.message;
}

function detailsOf(error: Error): { code?: unknown; path?: unknown; port?: unknown } {
  return {
    ...("code" in error && { code: error.code }),
    ...("path" in error && { path: error.path }),
    ...("port" in error && { port: error.port }),
  };
}
