// host/client/address.ts — what a user writes as --url, and the addresses of an engine that follow from it.
//
// Taken: ws://, wss://, http://, https://, and host:port or a host alone. A path in front of /v1 is kept (reverse proxies).

/** Where `pelton run` listens when nobody says. */
export const DEFAULT_PORT = 7340;
export const DEFAULT_URL = `ws://127.0.0.1:${DEFAULT_PORT}`;

const WEBSOCKET_SCHEME: Record<string, string> = { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' };
const HTTP_SCHEME: Record<string, string> = { 'ws:': 'http:', 'wss:': 'https:' };

export interface EngineAddress {
  /** ws://host:port, without a slash at the end. */
  readonly ws: string;
  readonly http: string;
  /** This machine: nothing stands between the client and the engine. */
  readonly isLoopback: boolean;
}

/** @throws RangeError when it is no address */
export function engineAddress(written: string): EngineAddress {
  const parsed = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(written) ? written : `ws://${written}`);
  const scheme = parsed === null ? undefined : WEBSOCKET_SCHEME[parsed.protocol];
  if (parsed === null || scheme === undefined || parsed.hostname === '') {
    throw new RangeError(
      `«${written}» is no engine's address; expected something like ${DEFAULT_URL}, http://host:port or host:port`,
    );
  }
  // A default port of its scheme (80, 443) is dropped by URL: whoever writes it means it.
  const saysPort = parsed.port !== '' || /:\d+(?:[/?]|$)/.test(written.replace(/^[a-z]+:\/\//i, ''));
  const secure = scheme === 'wss:';
  const authority = saysPort || secure ? parsed.host : `${parsed.host}:${DEFAULT_PORT}`;
  const rest = `//${authority}${parsed.pathname.replace(/\/+$/, '')}`;
  return {
    ws: `${scheme}${rest}`,
    http: `${HTTP_SCHEME[scheme]}${rest}`,
    isLoopback: /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(parsed.hostname),
  };
}
