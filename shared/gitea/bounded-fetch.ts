/** Gitea's longest answers are a page of 50 and a file of 10 MB in base64. */
const LARGEST_BODY_BYTES = 32 * 2 ** 20;

/** What goes on sending is not Gitea; read to its end it would take the function's memory. */
export class EndlessBody extends Error {
  override readonly name = "EndlessBody";
}

/** `fetch`, but reading a body fails with `EndlessBody` beyond 32 MiB. */
export const boundedFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  if (!response.body || isShort(response.headers)) return response;
  let bytes = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      bytes += chunk.byteLength;
      if (bytes <= LARGEST_BODY_BYTES) controller.enqueue(chunk);
      else controller.error(new EndlessBody(`more than ${LARGEST_BODY_BYTES} bytes`));
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(counted), { status, statusText, headers });
};

/** Node reads no more than was announced; what is packed may be of any size. */
function isShort(headers: Headers): boolean {
  const length = headers.get("content-length");
  return length !== null && Number(length) <= LARGEST_BODY_BYTES && !headers.has("content-encoding");
}
