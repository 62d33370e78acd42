/** The code of an SSLRequest, which has the form of a startup message and comes before it. */
const SSL_REQUEST = 80_877_103;

/** Takes apart what a Postgres client sends, in whatever pieces it comes, and gives the texts of its statements. */
export class StatementReader {
  #started = false;
  #pending = Buffer.alloc(0);

  /** Texts that are complete with these bytes; the end of a COPY is `copy done`. */
  read(bytes: Buffer): string[] {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    const texts: string[] = [];
    for (let message = this.#take(); message; message = this.#take()) {
      const text = textOf(message.type, message.body);
      if (text !== undefined) texts.push(text);
    }
    return texts;
  }

  #take(): { readonly type: string; readonly body: Buffer } | undefined {
    const header = this.#started ? 1 : 0;
    if (this.#pending.length < header + 4) return undefined;
    const end = header + this.#pending.readUInt32BE(header);
    if (this.#pending.length < end) return undefined;
    const type = this.#started ? String.fromCharCode(this.#pending[0] ?? 0) : '';
    const body = this.#pending.subarray(header + 4, end);
    this.#started ||= body.readUInt32BE(0) !== SSL_REQUEST;
    this.#pending = this.#pending.subarray(end);
    return { type, body };
  }
}

/** `Q`: a simple query. `P`: a statement to be parsed, after its own name. `c`: the end of the data of a COPY. */
function textOf(type: string, body: Buffer): string | undefined {
  if (type === 'c') return 'copy done';
  if (type !== 'Q' && type !== 'P') return undefined;
  const [first = '', second = ''] = body.toString().split('\0');
  return type === 'Q' ? first : second;
}

const WRITE =
  /^\s*(copy done|commit|insert into|update|delete from|merge into|copy|create (?:temporary )?(?:table|schema|view)|alter table|comment on \w+|truncate)\b\s*(\S*)/i;

/** A stable name for a statement that writes or commits, or undefined for one that does neither. */
export function nameOfWrite(text: string): string | undefined {
  for (const statement of text.split(/;\s*\n/)) {
    const [found, verb = '', object = ''] = WRITE.exec(statement) ?? [];
    if (found === undefined) continue;
    const isOurs = object === '' || /^(lakeferry|pg_temp)\b/.test(object);
    return `pg ${verb.toLowerCase()} ${isOurs ? object : 'target'}`.trim();
  }
  return undefined;
}
