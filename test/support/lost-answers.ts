interface MiddlewareStack {
  add(
    middleware: (next: (args: never) => Promise<unknown>) => (args: never) => Promise<unknown>,
    options: { readonly step: 'deserialize'; readonly priority: 'low'; readonly name: string },
  ): void;
}

/**
 * Makes an SDK client lose the answers to its next `count` requests: the service does the work, and the client sees
 * a connection reset. Returns how many were lost so far.
 */
export function loseAnswers(client: { readonly middlewareStack: unknown }, count: number): () => number {
  let lost = 0;
  (client.middlewareStack as MiddlewareStack).add(
    (next) => async (args) => {
      const answered = await next(args);
      if (lost === count) return answered;
      lost++;
      throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    },
    { step: 'deserialize', priority: 'low', name: 'loseAnswers' },
  );
  return () => lost;
}
