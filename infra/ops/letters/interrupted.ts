/** Somebody pressed Ctrl-C: everything held was given back. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor(message = "interrupted; everything that was held is given back") {
    super(message);
  }
}
