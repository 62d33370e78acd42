/** Host and port of a SQL warehouse from `host`, `host:port` or `https://host/`; undefined for anything else. */
export function parseWarehouseHost(
  text: string,
): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:https:\/\/)?([a-z0-9]([a-z0-9.-]*[a-z0-9])?)(?::([0-9]{1,5}))?\/?$/i.exec(text.trim());
  if (!match) return undefined;
  const port = match[3] === undefined ? 443 : Number(match[3]);
  if (port < 1 || port > 65_535) return undefined;
  return { host: (match[1] as string).toLowerCase(), port };
}
