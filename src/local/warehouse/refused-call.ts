/** A call that is answered with an error status instead of a result, inside an HTTP 200. */
export class RefusedCall extends Error {
  readonly invalidHandle: boolean;

  constructor(message: string, { invalidHandle = false }: { invalidHandle?: boolean } = {}) {
    super(message);
    this.name = 'RefusedCall';
    this.invalidHandle = invalidHandle;
  }
}

/** A call that gets no Thrift answer at all: an HTTP error, or a socket that is cut. */
export class BrokenCall extends Error {
  readonly how:
    | { readonly kind: 'http'; readonly status: number; readonly body?: string }
    | { readonly kind: 'dropConnection' };

  constructor(how: BrokenCall['how']) {
    super('The call is broken off by a scripted fault.');
    this.name = 'BrokenCall';
    this.how = how;
  }
}
