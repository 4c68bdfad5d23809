/** Whether `url` is of a server on this machine by its address, not by what a name may stand for. */
export function isLoopback(url: string): boolean {
  return URL.canParse(url) && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(new URL(url).hostname);
}
