/** Keys whose values may be secrets, in our vocabulary and in that of people who paste a connection string. */
const SECRET_KEY =
  /secret|passw|pwd|token|credential|api_?-?key|access_?-?key|private_?-?key|(^|_|-)(url|uri|dsn|pat)$|url$|connection_?-?string/i;

/** Texts that carry a secret whatever their key: a URL with a password, a Databricks token, an AWS key id, PEM. */
const SECRET_TEXT =
  /:\/\/[^\s/@]*:[^\s@]*@|\bdapi[0-9a-f]{8,}|\bdose[0-9a-f]{8,}|\b(AKIA|ASIA)[A-Z0-9]{12,}|\bnpg_\w{6,}|-----BEGIN/i;

export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}

export function looksSecret(text: string): boolean {
  return SECRET_TEXT.test(text);
}
