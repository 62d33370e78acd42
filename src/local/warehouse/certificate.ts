import { generate } from 'selfsigned';

/** PEM texts. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

const VALID_YEARS = 10;

/**
 * A self-signed certificate for 127.0.0.1 and localhost. `cert` doubles as the authority that a client trusts
 * (`customCaCert` of `@databricks/sql`).
 */
export async function createCertificate(): Promise<Certificate> {
  const notBeforeDate = new Date();
  const notAfterDate = new Date(notBeforeDate);
  notAfterDate.setUTCFullYear(notAfterDate.getUTCFullYear() + VALID_YEARS);
  const generated = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  });
  return { key: generated.private, cert: generated.cert };
}
