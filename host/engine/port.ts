// host/engine/port.ts — a port that nobody listens on: asked before the listeners share it among themselves.
//
// Listener threads share the port by SO_REUSEPORT, which would also let a second engine share it in silence. A plain
// listen does not, so it tells whether the port is taken by anyone, another Pelton included.

import { createServer } from 'node:net';
import { EngineError } from '../errors.ts';

/**
 * @param port  0: any free one
 * @throws EngineError PORT when it is taken or may not be opened
 */
export function freePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const why: Record<string, string> = {
        EADDRINUSE: 'something else listens there (another Pelton?); stop it or choose another --port',
        EACCES: 'ports below 1024 need a privilege; choose another --port',
        EADDRNOTAVAIL: `${host} is no address of this machine; choose another --host`,
      };
      reject(new EngineError('PORT', `cannot listen on ${host}:${port}: ${why[error.code ?? ''] ?? error.message}`));
    });
    probe.listen({ host, port, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
