/** Looks at Gitea as its admin, past hubforge's own client: what is really there. */
export class GiteaView {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** The parsed answer; null for 404. Any other refusal fails the test. */
  async get(path: string): Promise<unknown> {
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      headers: { Authorization: `token ${this.#token}` },
      redirect: "manual",
    });
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
    return await response.json();
  }

  /** What a person or an admin does in Gitea by hand. Returns the status. */
  async send(method: string, path: string, body?: unknown, sudo?: string): Promise<number> {
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: {
        Authorization: `token ${this.#token}`,
        "Content-Type": "application/json",
        ...(sudo ? { Sudo: sudo } : {}),
      },
      redirect: "manual",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    await response.body?.cancel();
    return response.status;
  }
}
